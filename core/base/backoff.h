// How long to wait before the next attempt to reach a peer that was not there.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/base/random.h"

namespace zerogate {

/// Waits that double from `min_ms` up to `max_ms`. Each wait is jittered by +-50 %, so that the
/// clients of a peer that comes back do not all connect at the same instant. Owned by one
/// connection; one thread.
class Backoff {
 public:
  /// `seed` makes the jitter: clients of one peer need different seeds (uv_hrtime() will do), tests
  /// a fixed one. A min_ms of 0 counts as 1, a max_ms below min_ms as min_ms.
  Backoff(uint32_t min_ms, uint32_t max_ms, uint64_t seed)
      : min_ms_(std::max(min_ms, 1u)),
        max_ms_(std::max(max_ms, min_ms_)),
        base_ms_(min_ms_),
        random_(seed) {}

  /// The next wait in milliseconds: base/2 to base*3/2, never 0. Doubles the base, up to max_ms.
  uint32_t next_ms() { return next_ms(max_ms_); }
  /// The same up to `max_ms`, where that is less.
  uint32_t next_ms(uint32_t max_ms) {
    max_ms = std::min(max_ms, max_ms_);
    const uint64_t base = std::min(base_ms_, max_ms);
    base_ms_ = static_cast<uint32_t>(std::min<uint64_t>(base * 2, max_ms));
    const uint64_t wait = base - base / 2 + random_.below(base + 1);
    return static_cast<uint32_t>(std::clamp<uint64_t>(wait, 1, UINT32_MAX));
  }

  /// The peer was there: the next wait begins at min_ms again.
  void reset() { base_ms_ = min_ms_; }

 private:
  uint32_t min_ms_;
  uint32_t max_ms_;
  uint32_t base_ms_;
  Random random_;
};

}  // namespace zerogate
