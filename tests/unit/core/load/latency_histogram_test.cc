#include "core/load/latency_histogram.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>

namespace zerogate {
namespace {

TEST(LatencyHistogram, HasNoQuantileWithoutValues) {
  const LatencyHistogram histogram;
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.quantile(0.5), 0U);
  EXPECT_EQ(histogram.mean(), 0U);
  EXPECT_EQ(histogram.max(), 0U);
}

TEST(LatencyHistogram, IsExactForSmallValues) {
  LatencyHistogram histogram;
  for (uint64_t ns = 1; ns <= 100; ++ns) {
    histogram.add(ns);
  }
  EXPECT_EQ(histogram.count(), 100U);
  EXPECT_EQ(histogram.quantile(0), 1U);
  EXPECT_EQ(histogram.quantile(0.5), 50U);
  EXPECT_EQ(histogram.quantile(0.99), 99U);
  EXPECT_EQ(histogram.quantile(1), 100U);
}

TEST(LatencyHistogram, IsWithinOnePercentForEveryValue) {
  for (uint64_t ns = 1; ns < uint64_t{1} << 62; ns += 1 + ns / 7) {
    LatencyHistogram histogram;
    histogram.add(ns);
    const auto exact = static_cast<double>(ns);
    const auto found = static_cast<double>(histogram.quantile(0.5));
    EXPECT_LE(std::abs(found - exact), exact / 128) << ns;
  }
}

TEST(LatencyHistogram, KnowsMeanAndMaximumExactly) {
  LatencyHistogram histogram;
  for (const uint64_t ns : {1'000'001, 2'000'003, 9'000'008}) {
    histogram.add(ns);
  }
  EXPECT_EQ(histogram.mean(), 4'000'004U);
  EXPECT_EQ(histogram.max(), 9'000'008U);
  EXPECT_LE(histogram.quantile(1), histogram.max()) << "no quantile above what was measured";
}

TEST(LatencyHistogram, TakesTheLargestValue) {
  LatencyHistogram histogram;
  histogram.add(UINT64_MAX);
  EXPECT_GT(histogram.quantile(1), UINT64_MAX / 128 * 127);
}

TEST(LatencyHistogram, KeepsARareSlowValueOutOfTheMiddle) {
  LatencyHistogram histogram;
  for (int i = 0; i < 990; ++i) {
    histogram.add(100);
  }
  for (int i = 0; i < 10; ++i) {
    histogram.add(1'000'000);
  }
  EXPECT_EQ(histogram.quantile(0.5), 100U);
  EXPECT_EQ(histogram.quantile(0.99), 100U);
  EXPECT_NEAR(static_cast<double>(histogram.quantile(0.991)), 1e6, 1e4);
}

}  // namespace
}  // namespace zerogate
