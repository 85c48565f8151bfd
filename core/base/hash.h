// Hashes for tables whose keys peers may choose. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <functional>

#include "core/base/bytes.h"

namespace zerogate {

/// Every bit of `value` decides on every bit of the result (splitmix64's last step).
constexpr uint64_t mix(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

/// Peers that do not know the seed cannot tell which place a text takes. Texts that std::hash gives
/// one value share theirs whatever the seed.
inline uint64_t seeded_hash(uint64_t seed, ByteView text) {
  return mix(seed ^ mix(std::hash<ByteView>{}(text)));
}

}  // namespace zerogate
