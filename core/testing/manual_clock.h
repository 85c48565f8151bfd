// A clock that stands still until a test moves it.
#pragma once

#include "core/base/clock.h"

namespace zerogate {

class ManualClock final : public Clock {
 public:
  ManualClock() { now_ns_ = 1'000'000'000; }
  void advance_ms(uint64_t ms) { now_ns_ += ms * 1'000'000; }
  void advance_ns(uint64_t ns) { now_ns_ += ns; }

 private:
  uint64_t read() const override { return now_ns_; }
};

}  // namespace zerogate
