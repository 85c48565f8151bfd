// Big-endian integers at any address, as the wire formats hold them. Pure functions. The caller
// has checked that the bytes are there; compilers make one load or store and a swap of each.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace zerogate::wire {

inline uint16_t load_be16(const char* at) {
  const auto* b = reinterpret_cast<const unsigned char*>(at);
  return static_cast<uint16_t>(b[0] << 8 | b[1]);
}

inline uint32_t load_be32(const char* at) {
  const auto* b = reinterpret_cast<const unsigned char*>(at);
  return uint32_t{b[0]} << 24 | uint32_t{b[1]} << 16 | uint32_t{b[2]} << 8 | uint32_t{b[3]};
}

inline uint64_t load_be64(const char* at) {
  return uint64_t{load_be32(at)} << 32 | load_be32(at + 4);
}

/// Writes the low `kBytes` bytes of `value`.
template <int kBytes>
inline void store_be(char* at, uint64_t value) {
  if constexpr (std::endian::native == std::endian::little) {
    // GCC 12 does not make one store of the loop below.
    value = __builtin_bswap64(value) >> (64 - 8 * kBytes);
    std::memcpy(at, &value, kBytes);
  } else {
    for (int i = 0; i < kBytes; ++i) {
      at[i] = static_cast<char>(value >> (8 * (kBytes - 1 - i)));
    }
  }
}

}  // namespace zerogate::wire
