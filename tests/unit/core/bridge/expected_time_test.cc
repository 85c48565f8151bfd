#include "core/bridge/expected_time.h"

#include <gtest/gtest.h>

namespace zerogate::testing {
namespace {

TEST(ExpectedTime, IsNothingWithoutCalls) { EXPECT_EQ(ExpectedTime().ns(), 0U); }

TEST(ExpectedTime, IsMeanAndTwoDeviations) { EXPECT_EQ(ExpectedTime(1'000, 640).ns(), 2'280U); }

// What one takes longer another takes shorter.
TEST(ExpectedTime, OfSixteenDeviatesFourTimesAsMuch) {
  ExpectedTime all;
  for (int i = 0; i < 16; ++i) {
    all += ExpectedTime(1'000, 640);
  }
  EXPECT_EQ(all.ns(), 16'000U + 2 * 4 * 640);
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

// Times of weeks, which no call has, neither overflow nor become short.
TEST(ExpectedTime, OfAnyLengthAddsUp) {
  ExpectedTime all;
  for (int i = 0; i < 1'000; ++i) {
    all += ExpectedTime(1e17F, 1e17F);
  }
  EXPECT_GT(all.ns(), ExpectedTime(1e17F, 1e17F).ns());
}

}  // namespace
}  // namespace zerogate::testing
