// The time as an argument: the parts of a worker get a clock, so that tests can set the time.
#pragma once

#include <cstdint>

namespace zerogate {

inline constexpr uint64_t kNsPerMs = 1'000'000;
inline constexpr uint64_t kNsPerSecond = 1'000'000'000;

/// Monotonic time that does not change within a turn of the event loop: one reading serves
/// everything that the turn handles. One thread.
class Clock {
 public:
  /// Nanoseconds since an arbitrary start, never 0.
  uint64_t now_ns() const { return now_ns_ != 0 ? now_ns_ : read(); }
  uint64_t now_ms() const { return now_ns() / kNsPerMs; }

 protected:
  ~Clock() = default;

  /// Sets now_ns_ to the time, which stands from now on, and returns it.
  virtual uint64_t read() const = 0;

  mutable uint64_t now_ns_ = 0;  ///< 0: not read yet in this turn
};

}  // namespace zerogate
