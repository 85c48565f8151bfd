#include "core/metrics/histogram.h"

#include <gtest/gtest.h>

namespace zerogate {
namespace {

uint64_t total(const Histogram& histogram) {
  uint64_t count = 0;
  for (size_t i = 0; i < Histogram::kBuckets; ++i) {
    count += histogram.bucket(i);
  }
  return count;
}

TEST(HistogramTest, StartsEmpty) {
  const Histogram histogram;
  EXPECT_EQ(total(histogram), 0U);
  EXPECT_EQ(histogram.sum_ns(), 0U);
}

TEST(HistogramTest, BoundsAreInclusiveAndAscending) {
  for (size_t i = 0; i < Histogram::kBoundsNs.size(); ++i) {
    Histogram histogram;
    histogram.observe(Histogram::kBoundsNs[i]);
    histogram.observe(Histogram::kBoundsNs[i] + 1);
    EXPECT_EQ(histogram.bucket(i), 1U) << i;
    EXPECT_EQ(histogram.bucket(i + 1), 1U) << i;
    EXPECT_EQ(total(histogram), 2U) << i;
    EXPECT_LT(i == 0 ? 0 : Histogram::kBoundsNs[i - 1], Histogram::kBoundsNs[i]);
  }
}

TEST(HistogramTest, ReachesFrom50MicrosecondsTo10Seconds) {
  EXPECT_EQ(Histogram::kBoundsNs.front(), 50'000U);
  EXPECT_EQ(Histogram::kBoundsNs.back(), 10'000'000'000U);
}

TEST(HistogramTest, ExtremesLandInTheFirstAndTheOpenBucket) {
  Histogram histogram;
  histogram.observe(0);
  histogram.observe(3'600'000'000'000);
  EXPECT_EQ(histogram.bucket(0), 1U);
  EXPECT_EQ(histogram.bucket(Histogram::kBuckets - 1), 1U);
}

TEST(HistogramTest, SumsNanoseconds) {
  Histogram histogram;
  histogram.observe(70'000);
  histogram.observe(5);
  EXPECT_EQ(histogram.sum_ns(), 70'005U);
}

TEST(HistogramTest, AddsUpWithAnother) {
  Histogram first, second;
  first.observe(50'000);
  second.observe(50'000);
  second.observe(20'000'000'000);
  HistogramTotals totals;
  totals.add(first);
  totals.add(second);
  HistogramTotals twice = totals;
  twice.add(totals);
  first.add(second);
  for (size_t i = 0; i < Histogram::kBuckets; ++i) {
    EXPECT_EQ(totals.buckets[i], first.bucket(i)) << i;
    EXPECT_EQ(twice.buckets[i], 2 * first.bucket(i)) << i;
  }
  EXPECT_EQ(first.bucket(0), 2U);
  EXPECT_EQ(first.bucket(Histogram::kBuckets - 1), 1U);
  EXPECT_EQ(first.sum_ns(), 20'000'100'000U);
  EXPECT_EQ(totals.sum_ns, first.sum_ns());
  EXPECT_EQ(twice.sum_ns, 2 * first.sum_ns());
}

TEST(HistogramTest, SeveralObservationsThatAreAlike) {
  Histogram at_once, one_by_one;
  at_once.observe(70'000, 3);
  for (int i = 0; i < 3; ++i) {
    one_by_one.observe(70'000);
  }
  for (size_t i = 0; i < Histogram::kBuckets; ++i) {
    EXPECT_EQ(at_once.bucket(i), one_by_one.bucket(i));
  }
  EXPECT_EQ(at_once.sum_ns(), one_by_one.sum_ns());
}

}  // namespace
}  // namespace zerogate
