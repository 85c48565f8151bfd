#include "core/base/uuid.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <cerrno>
#include <csignal>
#include <memory>
#include <set>
#include <string>

#include "tests/unit/core/base/refuse_call.h"

namespace zerogate {
namespace {

TEST(UuidTest, HasTheFormOfVersion4) {
  UuidSource source;
  for (int n = 0; n < 1000; ++n) {  // over several refills
    const std::string id(source.next());
    ASSERT_EQ(id.size(), UuidSource::kTextBytes);
    for (size_t i = 0; i < id.size(); ++i) {
      if (i == 8 || i == 13 || i == 18 || i == 23) {
        EXPECT_EQ(id[i], '-') << id;
      } else {
        EXPECT_NE(std::string("0123456789abcdef").find(id[i]), std::string::npos) << id;
      }
    }
    EXPECT_EQ(id[14], '4') << id;
    EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos) << id;
  }
}

TEST(UuidTest, NeverRepeats) {
  UuidSource one, two;
  std::set<std::string> seen;
  for (int n = 0; n < 2000; ++n) {
    EXPECT_TRUE(seen.emplace(one.next()).second);
    EXPECT_TRUE(seen.emplace(two.next()).second);
  }
}

TEST(UuidDeathTest, WithoutRandomnessTheProcessEnds) {
  const auto take = [] {
    const rlimit seconds{1, 1};  // that it may loop
    setrlimit(RLIMIT_CPU, &seconds);
    testing::refuse_call(SYS_getrandom, ENOSYS);
    UuidSource().next();
  };
  EXPECT_EXIT(take(), ::testing::KilledBySignal(SIGABRT),
              "^zerogate: getrandom: Function not implemented");
}

TEST(UuidTest, UsesAllBitsButTheFixedOnes) {
  // Over 1,000 ids every random hex digit takes every value it may (the odds against: 1e-25).
  UuidSource source;
  std::set<char> seen[UuidSource::kTextBytes];
  for (int n = 0; n < 1000; ++n) {
    const std::string id(source.next());
    for (size_t i = 0; i < id.size(); ++i) {
      seen[i].insert(id[i]);
    }
  }
  for (size_t i = 0; i < UuidSource::kTextBytes; ++i) {
    const bool fixed = i == 8 || i == 13 || i == 14 || i == 18 || i == 23;
    EXPECT_EQ(seen[i].size(), fixed ? 1u : i == 19 ? 4u : 16u) << i;
  }
}

}  // namespace
}  // namespace zerogate
