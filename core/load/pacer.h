// Says when the calls of an open loop are due: at even distances, whatever the server does. Pure;
// any thread.
#pragma once

#include <cstdint>

#include "core/base/clock.h"

namespace zerogate {

/// Call k (from 0) is due at begin + k / rate. All times in nanoseconds of one monotonic clock.
class Pacer {
 public:
  /// `rate` is in calls per second, at least 1.
  Pacer(uint64_t begin_ns, uint32_t rate) : begin_ns_(begin_ns), rate_(rate) {}

  /// When call `index` is due: the intended time that its latency is measured from.
  uint64_t due_ns(uint64_t index) const {
    // By whole seconds, so that nothing overflows or drifts, however long a run is.
    return begin_ns_ + index / rate_ * kNsPerSecond + index % rate_ * kNsPerSecond / rate_;
  }

  /// How many calls are due at `now_ns`, that moment included: calls 0 to due_count() - 1.
  uint64_t due_count(uint64_t now_ns) const {
    if (now_ns < begin_ns_) {
      return 0;
    }
    const uint64_t passed_ns = now_ns - begin_ns_;
    const uint64_t seconds = passed_ns / kNsPerSecond;
    const uint64_t rest = passed_ns % kNsPerSecond;
    // due_ns() rounds down: the last call due is the largest k with floor(k / rate) <= passed.
    const uint64_t in_last = ((rest + 1) * rate_ - 1) / kNsPerSecond;
    return seconds * rate_ + in_last + 1;
  }

 private:
  uint64_t begin_ns_;
  uint64_t rate_;
};

}  // namespace zerogate
