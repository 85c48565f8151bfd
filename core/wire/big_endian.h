// Big-endian integers at any address, as the wire formats hold them. Pure functions. The caller
// has checked that the bytes are there; compilers make one load or store and a swap of each.
#pragma once

#include <cstdint>

namespace zerogate::wire {

inline uint16_t load_be16(const char* at) {
  const auto* b = reinterpret_cast<const unsigned char*>(at);
  return static_cast<uint16_t>(b[0] << 8 | b[1]);
}

inline uint32_t load_be32(const char* at) {
  const auto* b = reinterpret_cast<const unsigned char*>(at);
  return uint32_t{b[0]} << 24 | uint32_t{b[1]} << 16 | uint32_t{b[2]} << 8 | uint32_t{b[3]};
}

/// Writes the low `kBytes` bytes of `value`.
template <int kBytes>
inline void store_be(char* at, uint64_t value) {
  for (int i = 0; i < kBytes; ++i) at[i] = static_cast<char>(value >> (8 * (kBytes - 1 - i)));
}

}  // namespace zerogate::wire
