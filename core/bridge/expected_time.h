// How long calls are expected to take, one or several together.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace zerogate {

/// The means of some calls and two deviations of their sum. Their times are taken to be independent
/// of each other, so the squares of their deviations add up: sixteen calls together deviate four
/// times as much as one. Adding and taking away are exact. Pure.
class ExpectedTime {
 public:
  /// No call.
  constexpr ExpectedTime() = default;
  /// Of one call. Neither is negative.
  ExpectedTime(float mean_ns, float deviation_ns) : mean_ns_(std::min(whole(mean_ns), kUnknownNs)) {
    const uint64_t units = std::min(whole(deviation_ns) / kUnitNs, kMaxUnits);
    variance_ = units * units;
  }
  /// Of a call that nothing is known of.
  static constexpr ExpectedTime unknown() {
    ExpectedTime time;
    time.mean_ns_ = kUnknownNs;
    return time;
  }

  /// Of one call.
  bool known() const { return mean_ns_ < kUnknownNs; }
  uint64_t ns() const {
    const float deviation = std::sqrt(static_cast<float>(static_cast<int64_t>(variance_)));
    return mean_ns_ + 2 * kUnitNs * whole(deviation);
  }

  ExpectedTime& operator+=(const ExpectedTime& other) {
    mean_ns_ += other.mean_ns_;
    variance_ += other.variance_;
    return *this;
  }
  ExpectedTime& operator-=(const ExpectedTime& other) {
    mean_ns_ -= other.mean_ns_;
    variance_ -= other.variance_;
    return *this;
  }

 private:
  /// Sums of it do not overflow.
  static constexpr uint64_t kUnknownNs = uint64_t{1} << 50;
  /// Of deviations, and their end (17 s): the squares of a thousand add up to less than 2^63.
  static constexpr uint64_t kUnitNs = 256;
  static constexpr uint64_t kMaxUnits = (uint64_t{1} << 26) - 1;

  // Signed: the processor has an instruction for these conversions.
  static uint64_t whole(float value) { return static_cast<uint64_t>(static_cast<int64_t>(value)); }

  uint64_t mean_ns_ = 0;
  uint64_t variance_ = 0;  ///< in squares of kUnitNs
};

}  // namespace zerogate
