#include "gateway/host/cgroup.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/gateway/host/cgroup_files.h"

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

TEST(Cgroup, ALimitOfMemoryIsANumberOfBytesThatAMachineMayHave) {
  EXPECT_EQ(memory_limit_in("67108864\n"), 67'108'864u);
  for (const char* none : {"max\n", "", "0\n", "-1\n", "9223372036854771712\n"}) {
    EXPECT_EQ(memory_limit_in(none), std::nullopt) << none;
  }
  EXPECT_EQ(memory_limit_in(std::nullopt), std::nullopt);
}

/// A tree of cgroups on disk.
class CgroupMemoryTest : public ::testing::Test {
 protected:
  CgroupMemoryTest() {
    std::string name = ::testing::TempDir() + "cgroup-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
    std::filesystem::create_directories(root_ + "/pod/container");
  }
  ~CgroupMemoryTest() override { std::filesystem::remove_all(root_); }

  void write(const std::string& file, const std::string& text) const {
    std::ofstream(root_ + file) << text;
  }
  void limit(const std::string& cgroup, const std::string& max, const std::string& current) const {
    write(cgroup + "/memory.max", max);
    write(cgroup + "/memory.current", current);
  }
  std::shared_ptr<const CgroupMemory> open(const std::string& own = "0::/pod/container\n") const {
    return CgroupMemory::open(
        [&](const std::string& path) {
          return path == "/proc/self/cgroup" ? std::optional(own) : read_system_file(path);
        },
        root_);
  }

  void expect_64_mib(uint64_t used) const {
    const auto memory = open();
    ASSERT_NE(memory, nullptr);
    EXPECT_EQ(memory->limit(), 67'108'864u);
    EXPECT_EQ(memory->used(), used);
  }

  std::string root_;
};

TEST_F(CgroupMemoryTest, IsThatOfTheTightestLimit) {
  limit("/pod/container", "134217728\n", "1\n");
  limit("/pod", "67108864\n", "12288\n");
  expect_64_mib(12'288);
}

TEST_F(CgroupMemoryTest, ThatMayBeItsOwn) {
  limit("/pod/container", "67108864\n", "4096\n");
  limit("/pod", "134217728\n", "1\n");
  expect_64_mib(4'096);
}

TEST_F(CgroupMemoryTest, MayBeOneThatHoldsUpInsteadOfKilling) {
  limit("/pod/container", "134217728\n", "1\n");
  limit("/pod", "max\n", "12288\n");
  write("/pod/memory.high", "67108864\n");
  expect_64_mib(12'288);
}

TEST_F(CgroupMemoryTest, WhatIsInUseIsReadAnew) {
  limit("", "67108864\n", "4096\n");
  const auto memory = open("0::/\n");
  ASSERT_NE(memory, nullptr);
  EXPECT_EQ(memory->used(), 4'096u);
  write("/memory.current", "67108864\n");
  EXPECT_EQ(memory->used(), 67'108'864u);
  for (const char* nothing : {"", "0\n", "-1\n", "much\n"}) {
    write("/memory.current", nothing);
    EXPECT_EQ(memory->used(), 0u) << nothing;
  }
}

TEST_F(CgroupMemoryTest, FilesThatWereReadOnceAreNotInItsWorkingSet) {
  limit("", "67108864\n", "10000\n");
  write("/memory.stat", "anon 4096\nfile 3000\ninactive_file 2000\nactive_file 1000\n");
  const auto memory = open("0::/\n");
  ASSERT_NE(memory, nullptr);
  EXPECT_EQ(memory->inactive_files(), 2'000u);
  EXPECT_EQ(memory->working_set(), 8'000u);
  // The two numbers are not of one moment.
  write("/memory.stat", "anon 1\ninactive_file 20000\n");
  EXPECT_EQ(memory->working_set(), 0u);
  for (const char* nothing : {"", "anon 1\n", "inactive_file 7\n", "anon 1\ninactive_file 7",
                              "anon 1\ninactive_file -7\n", "anon 1\ninactive_file much\n"}) {
    write("/memory.stat", nothing);
    EXPECT_EQ(memory->inactive_files(), 0u) << nothing;
  }
}

TEST_F(CgroupMemoryTest, WithoutItsParticularsAllOfItIsTheWorkingSet) {
  limit("", "67108864\n", "10000\n");
  const auto memory = open("0::/\n");
  ASSERT_NE(memory, nullptr);
  EXPECT_EQ(memory->inactive_files(), 0u);
  EXPECT_EQ(memory->working_set(), 10'000u);
}

// To read the statistics of a large machine may take milliseconds.
TEST(ReadSeldomTest, ReadingTakesAFiftiethOfTheTimeAtMost) {
  uint64_t now_ns = 1'000'000;
  uint64_t took_ns = 2'000;
  int reads = 0;
  auto number = read_seldom(
      [&] {
        now_ns += took_ns;
        return static_cast<uint64_t>(++reads);
      },
      [&] { return now_ns; });
  EXPECT_EQ(number(), 1u);
  EXPECT_EQ(number(), 1u);
  now_ns += 97'999;
  EXPECT_EQ(number(), 1u);
  now_ns += 1;
  took_ns = 4'000'000;
  EXPECT_EQ(number(), 2u);
  now_ns += 195'999'999;
  EXPECT_EQ(number(), 2u);
  now_ns += 1;
  EXPECT_EQ(number(), 3u);
}

TEST(ReadSeldomTest, EachCopyHasAValueOfItsOwn) {
  uint64_t value = 1;
  auto first = read_seldom([&] { return value; }, [] { return uint64_t{5}; });
  auto second = first;
  EXPECT_EQ(first(), 1u);
  value = 2;
  EXPECT_EQ(second(), 2u);
}

TEST_F(CgroupMemoryTest, OfThisMachineIsReadWithoutFault) {
  const auto memory = CgroupMemory::open(read_system_file);
  EXPECT_TRUE(memory == nullptr || memory->used() > 0);
}

TEST_F(CgroupMemoryTest, IsNothingWithoutALimitOrWhereItDoesNotSayWhatIsInUse) {
  EXPECT_EQ(open(), nullptr);
  limit("/pod", "max\n", "4096\n");
  EXPECT_EQ(open(), nullptr);
  write("/memory.max", "67108864\n");
  EXPECT_EQ(open(), nullptr);
}

// There the limit counts nothing that the kernel keeps of connections.
TEST_F(CgroupMemoryTest, IsNothingUnderV1) {
  std::filesystem::create_directories(root_ + "/memory");
  write("/memory/memory.limit_in_bytes", "67108864\n");
  EXPECT_EQ(open("4:memory:/\n"), nullptr);
}

}  // namespace
}  // namespace zerogate
