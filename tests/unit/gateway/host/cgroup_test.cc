#include "gateway/host/cgroup.h"

#include <gtest/gtest.h>

namespace zerogate {
namespace {

TEST(Cgroup, FindsItsCgroup) {
  const std::string v1 = "4:memory:/m\n3:cpuset:/s\n2:cpu,cpuacct:/docker/abc\n0::/u:nit\n";
  EXPECT_EQ(find_cgroup(v1, "cpu"), "/docker/abc");
  EXPECT_EQ(find_cgroup(v1, "cpuset"), "/s");
  EXPECT_EQ(find_cgroup(v1, "blkio"), std::nullopt);
  EXPECT_EQ(find_cgroup(v1, ""), "/u:nit");
  EXPECT_EQ(find_cgroup("garbage\n1\n2:cpu", "cpu"), std::nullopt);
  EXPECT_EQ(find_cgroup("", ""), std::nullopt);
}

TEST(Cgroup, ReadsNumbersWithWhatIsAroundThem) {
  EXPECT_EQ(parse_integer(" 12\n"), 12);
  EXPECT_EQ(parse_integer("-1"), -1);
  EXPECT_EQ(parse_integer("max"), std::nullopt);
  EXPECT_EQ(parse_integer("12 13"), std::nullopt);
  EXPECT_EQ(parse_integer(""), std::nullopt);
}

TEST(Cgroup, TheLowestLimitUpToTheRootCounts) {
  std::vector<std::string> asked;
  const auto lowest = tightest("/a/b", [&](const std::string& path) -> std::optional<int> {
    asked.push_back(path);
    if (path == "/a/b") {
      return std::nullopt;
    }
    return path == "/a" ? 3 : 4;
  });
  EXPECT_EQ(lowest, 3);
  EXPECT_EQ(asked, (std::vector<std::string>{"/a/b", "/a", ""}));
}

TEST(Cgroup, TheRootsFilesHaveNoFolder) {
  std::vector<std::string> asked;
  const auto lowest = tightest("/", [&](const std::string& path) -> std::optional<int> {
    asked.push_back(path);
    return 5;
  });
  EXPECT_EQ(lowest, 5);
  EXPECT_EQ(asked, std::vector<std::string>{""});
}

}  // namespace
}  // namespace zerogate
