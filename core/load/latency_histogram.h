// Durations of a load generator, counted in buckets of a width that grows with the value, as
// HdrHistogram does it: each power of two is cut into 64 buckets, so memory has a bound (30 KB)
// however long a run is, and a quantile is at most 1/128 (0.8 %) off. One thread.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace zerogate {

class LatencyHistogram {
 public:
  void add(uint64_t ns) {
    ++buckets_[index_of(ns)];
    ++count_;
    sum_ += ns;
    max_ = std::max(max_, ns);
  }

  uint64_t count() const { return count_; }
  /// The largest value, exactly; 0 when there are none.
  uint64_t max() const { return max_; }
  /// The exact mean; 0 when there are no values.
  uint64_t mean() const { return count_ == 0 ? 0 : sum_ / count_; }

  /// The value, in nanoseconds, that a `share` (0 to 1) of all values do not exceed: the middle of
  /// its bucket, but never more than max(). 0 when there are no values.
  uint64_t quantile(double share) const {
    if (count_ == 0) {
      return 0;
    }
    const double rank = std::ceil(share * static_cast<double>(count_));
    uint64_t left = rank < 1 ? 1 : static_cast<uint64_t>(rank);
    for (size_t index = 0; index < kBuckets; ++index) {
      if (buckets_[index] >= left) {
        return std::min(middle_of(index), max_);
      }
      left -= buckets_[index];
    }
    return max_;
  }

 private:
  /// Each power of two is cut into this many buckets.
  static constexpr unsigned kStepBits = 6;
  static constexpr size_t kSteps = size_t{1} << kStepBits;
  static constexpr size_t kBuckets = (64 - kStepBits + 1) * kSteps;

  /// How many low bits of a value its bucket does not tell. Values below 2 * kSteps have buckets
  /// of their own.
  static unsigned shift_of(uint64_t ns) {
    const auto width = static_cast<unsigned>(std::bit_width(ns));
    return width > kStepBits + 1 ? width - kStepBits - 1 : 0;
  }
  static size_t index_of(uint64_t ns) {
    const unsigned shift = shift_of(ns);
    return shift * kSteps + static_cast<size_t>(ns >> shift);
  }
  static uint64_t middle_of(size_t index) {
    if (index < 2 * kSteps) {
      return index;
    }
    const size_t shift = index / kSteps - 1;
    const uint64_t low = static_cast<uint64_t>(index - shift * kSteps) << shift;
    return low + (uint64_t{1} << shift) / 2;
  }

  std::array<uint64_t, kBuckets> buckets_{};
  uint64_t count_ = 0;
  uint64_t sum_ = 0;  ///< of nanoseconds: enough for 584 years of waiting
  uint64_t max_ = 0;
};

}  // namespace zerogate
