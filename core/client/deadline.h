// The point in time at which a blocking operation must be done.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace zerogate {

class Deadline {
 public:
  explicit Deadline(uint32_t timeout_ms) : end_(Clock::now() + Milliseconds(timeout_ms)) {}

  /// Milliseconds left, rounded up so that a wait of this length does not end before it; 0 when it
  /// has passed. Fits what poll takes.
  int left_ms() const {
    const auto left = std::chrono::ceil<Milliseconds>(end_ - Clock::now()).count();
    return static_cast<int>(std::clamp<int64_t>(left, 0, INT32_MAX));
  }
  bool passed() const { return left_ms() == 0; }

 private:
  using Clock = std::chrono::steady_clock;
  using Milliseconds = std::chrono::milliseconds;
  Clock::time_point end_;
};

}  // namespace zerogate
