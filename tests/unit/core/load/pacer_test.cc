#include "core/load/pacer.h"

#include <gtest/gtest.h>

namespace zerogate {
namespace {

constexpr uint64_t kSecondNs = 1'000'000'000;
constexpr uint64_t kBegin = 7 * kSecondNs + 123;

TEST(Pacer, TheFirstCallIsDueAtOnce) {
  const Pacer pacer(kBegin, 10);
  EXPECT_EQ(pacer.due_count(kBegin - 1), 0U);
  EXPECT_EQ(pacer.due_count(kBegin), 1U);
  EXPECT_EQ(pacer.due_ns(0), kBegin);
}

TEST(Pacer, CallsAreDueAtEvenDistances) {
  const Pacer pacer(kBegin, 1'000);
  EXPECT_EQ(pacer.due_ns(1), kBegin + 1'000'000);
  EXPECT_EQ(pacer.due_ns(2'500), kBegin + 2 * kSecondNs + 500'000'000);
}

TEST(Pacer, EverySecondHasExactlyItsRate) {
  for (const uint32_t rate : {1U, 3U, 7U, 999U, 20'000U, 3'333'333U, 10'000'000U}) {
    const Pacer pacer(kBegin, rate);
    EXPECT_EQ(pacer.due_count(kBegin + kSecondNs - 1), rate) << rate;
    EXPECT_EQ(pacer.due_count(kBegin + 86'400 * kSecondNs - 1), uint64_t{86'400} * rate) << rate;
  }
}

// What due_ns() names is what due_count() counts, or the generator would sleep past a call, or
// wake up for none.
TEST(Pacer, CountAndTimeAgreeAtEveryCall) {
  for (const uint32_t rate : {1U, 3U, 7U, 999U, 20'000U, 3'333'333U, 10'000'000U}) {
    const Pacer pacer(kBegin, rate);
    for (uint64_t index = 1; index < 20'000; index += 1 + index / 50) {
      const uint64_t due_ns = pacer.due_ns(index);
      ASSERT_EQ(pacer.due_count(due_ns - 1), index) << rate;
      ASSERT_GE(pacer.due_count(due_ns), index + 1) << rate;
    }
  }
}

}  // namespace
}  // namespace zerogate
