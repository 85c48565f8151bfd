// Latency histogram of one writer thread: fixed buckets from 50 us to 10 s.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/metrics/counter.h"

namespace zerogate {

class Histogram {
 public:
  /// Upper bounds in nanoseconds, inclusive as in Prometheus; one more bucket is open (+Inf).
  static constexpr std::array<uint64_t, 17> kBoundsNs = {
      50'000,      100'000,       250'000,       500'000,       1'000'000,     2'000'000,
      5'000'000,   10'000'000,    25'000'000,    50'000'000,    100'000'000,   250'000'000,
      500'000'000, 1'000'000'000, 2'500'000'000, 5'000'000'000, 10'000'000'000};

  /// `times` observations that are alike.
  void observe(uint64_t ns, uint64_t times = 1) {
    while (last_ > 0 && ns <= kBoundsNs[last_ - 1]) {
      --last_;
    }
    while (last_ < kBoundsNs.size() && ns > kBoundsNs[last_]) {
      ++last_;
    }
    buckets_[last_].add(times);
    sum_ns_.add(ns * times);
  }
  /// Adds what `other` counted. The writer's thread.
  void add(const Histogram& other) {
    for (size_t i = 0; i < buckets_.size(); ++i) {
      buckets_[i].add(other.bucket(i));
    }
    sum_ns_.add(other.sum_ns());
  }
  /// Not cumulative. The count of all observations is the sum of the buckets, so that count and
  /// buckets agree whenever they are read.
  uint64_t bucket(size_t index) const { return buckets_[index].value(); }
  uint64_t sum_ns() const { return sum_ns_.value(); }
  static constexpr size_t kBuckets = kBoundsNs.size() + 1;

 private:
  std::array<Counter, kBuckets> buckets_;
  Counter sum_ns_;
  size_t last_ = 0;  ///< the bucket of the last observation, near that of the next; the writer's
};

/// What one or several histograms had counted when they were read. Any thread may read and add.
struct HistogramTotals {
  std::array<uint64_t, Histogram::kBuckets> buckets{};  ///< not cumulative
  uint64_t sum_ns = 0;

  void add(const Histogram& histogram) {
    for (size_t i = 0; i < buckets.size(); ++i) {
      buckets[i] += histogram.bucket(i);
    }
    sum_ns += histogram.sum_ns();
  }
  void add(const HistogramTotals& other) {
    for (size_t i = 0; i < buckets.size(); ++i) {
      buckets[i] += other.buckets[i];
    }
    sum_ns += other.sum_ns;
  }
  /// Takes away what these had counted earlier.
  void subtract(const HistogramTotals& earlier) {
    for (size_t i = 0; i < buckets.size(); ++i) {
      buckets[i] -= earlier.buckets[i];
    }
    sum_ns -= earlier.sum_ns;
  }
};

}  // namespace zerogate
