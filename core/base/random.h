// Random numbers for jitter, samples and choices, so that clients do not act in step. Not for
// secrets: the numbers can be predicted.
#pragma once

#include <cstdint>

namespace zerogate {

/// splitmix64: eight bytes of state, and every seed is good. It gives the same numbers with every
/// standard library, so a test that names its seed sees the same choices everywhere. One thread.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  /// 0 to `bound` - 1. The bias is below bound / 2^64.
  uint64_t below(uint64_t bound) { return next() % bound; }

 private:
  uint64_t state_;
};

}  // namespace zerogate
