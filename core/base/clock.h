// The time, as an argument: a worker's parts are handed a clock, so that tests can turn it.
#pragma once

#include <cstdint>

namespace zerogate {

/// Monotonic time that stands still within a turn of the event loop: one reading serves everything
/// that the turn deals with. One thread.
class Clock {
 public:
  /// Nanoseconds since an arbitrary start, never 0.
  virtual uint64_t now_ns() const = 0;
  uint64_t now_ms() const { return now_ns() / 1'000'000; }

 protected:
  ~Clock() = default;
};

}  // namespace zerogate
