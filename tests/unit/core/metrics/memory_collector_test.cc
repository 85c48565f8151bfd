// What limits the process as a whole, and what is in use of it.
#include <gmock/gmock.h>
#include <prometheus/text_serializer.h>

#include "tests/unit/core/metrics/collector_fixture.h"

namespace zerogate {
namespace {

using ::testing::HasSubstr;

class MemoryCollectorTest : public CollectorTest {
 protected:
  std::string page(const ProcessMemory& memory) {
    const Collector limited{{&first}, blocking, {"1.2.3", "0123456789ab"}, memory};
    return prometheus::TextSerializer().Serialize(limited.Collect());
  }
};

TEST_F(MemoryCollectorTest, WithoutALimitNothingIsCompared) {
  EXPECT_FALSE(has_family("zerogate_memory_limit_bytes"));
  EXPECT_FALSE(has_family("zerogate_memory_working_set_bytes"));
}

TEST_F(MemoryCollectorTest, TheLimitIsShownWhereThereIsOne) {
  const std::string text = page({.limit = 268435456, .working_set = {}});
  EXPECT_THAT(text, HasSubstr("\nzerogate_memory_limit_bytes 268435456\n"));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("zerogate_memory_working")));
}

TEST_F(MemoryCollectorTest, WhatIsInUseOfItIsAskedForAtEachScrape) {
  uint64_t used = 1'000'000;
  const ProcessMemory memory{.limit = 268435456, .working_set = [&used] { return used; }};
  EXPECT_THAT(page(memory), HasSubstr("\nzerogate_memory_working_set_bytes 1000000\n"));
  used = 2'000'000;
  EXPECT_THAT(page(memory), HasSubstr("\nzerogate_memory_working_set_bytes 2000000\n"));
}

// tests/interop/test_metrics.py counts with so much of an idle gateway's page.
TEST_F(MemoryCollectorTest, BothAreShort) {
  const ProcessMemory memory{.limit = uint64_t{1} << 40, .working_set = [] { return 1 << 30; }};
  EXPECT_LT(page(memory).size() - page({}).size(), 700u);
}

}  // namespace
}  // namespace zerogate
