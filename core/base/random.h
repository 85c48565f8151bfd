// Random numbers for choices that nobody should be able to line up: jitter, samples, one of many.
// Not for secrets.
#pragma once

#include <cstdint>

namespace zerogate {

/// splitmix64: eight bytes of state, any seed will do, and the same numbers with every standard
/// library, so that a test that names its seed sees the same choices everywhere. One thread.
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
