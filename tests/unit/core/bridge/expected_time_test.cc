#include "core/bridge/expected_time.h"

#include <gtest/gtest.h>

#include "core/bridge/endpoint.h"

namespace zerogate::testing {
namespace {

TEST(ExpectedTime, IsNothingWithoutCalls) { EXPECT_EQ(ExpectedTime().ns(), 0U); }

TEST(ExpectedTime, IsMeanAndTwoDeviations) { EXPECT_EQ(ExpectedTime(1'000, 1'024).ns(), 3'048U); }

// What one takes longer another takes shorter.
TEST(ExpectedTime, OfSixteenDeviatesFourTimesAsMuch) {
  ExpectedTime all;
  for (int i = 0; i < 16; ++i) {
    all += ExpectedTime(1'000, 1'024);
  }
  EXPECT_EQ(all.ns(), 16'000U + 2 * 4 * 1'024);
}

TEST(ExpectedTime, IsLeftAsItWasByCallsThatCameAndWent) {
  const ExpectedTime one(123'456.7F, 98'765.4F), other(50'000'000, 0.5F);
  ExpectedTime all = one;
  for (int i = 0; i < 1'000; ++i) {
    all += other;
    all += one;
    all -= other;
    all -= one;
  }
  EXPECT_EQ(all.ns(), one.ns());
  all -= one;
  EXPECT_EQ(all.ns(), 0U);
}

TEST(ExpectedTime, OfAnUnknownCallIsLongerThanAnyWait) {
  ExpectedTime all = ExpectedTime::unknown();
  EXPECT_FALSE(all.known());
  EXPECT_TRUE(ExpectedTime(60e9F, 60e9F).known());
  const uint64_t one_ns = all.ns();
  for (int i = 1; i < 1'000; ++i) {
    all += ExpectedTime::unknown();
  }
  EXPECT_EQ(all.ns(), 1'000 * one_ns);
}

// Times of weeks, which no call has, neither overflow nor become short: as many together as an
// endpoint may have on one connection.
TEST(ExpectedTime, OfAnyLengthAddsUp) {
  const ExpectedTime one(1e17F, 1e17F);
  ExpectedTime all = one;
  for (uint32_t calls = 1; calls < Endpoint::kOutOfOrderInFlight; ++calls) {
    const uint64_t before_ns = all.ns();
    all += one;
    ASSERT_GT(all.ns(), before_ns) << calls;
  }
}

}  // namespace
}  // namespace zerogate::testing
