// Reads text eight bytes at a time. Pure functions, any thread.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "core/base/bytes.h"

namespace zerogate {

/// Eight bytes at any address, in the machine's order. The caller has checked that they are there.
inline uint64_t load_word(const char* at) {
  uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// How many of the last bytes of load_word()'s eight are zero.
inline size_t trailing_zero_bytes(uint64_t word) {
  const int bits =
      std::endian::native == std::endian::little ? std::countl_zero(word) : std::countr_zero(word);
  return static_cast<size_t>(bits) / 8;
}

/// The last up to eight bytes of `text`, where it has no more than that.
inline uint64_t load_short(ByteView text) {
  uint64_t word = 0;
  for (const char c : text) {
    word = word << 8 | static_cast<unsigned char>(c);
  }
  return word;
}

/// The same for four and two bytes.
inline uint32_t load_half(const char* at) {
  uint32_t half;
  std::memcpy(&half, at, sizeof half);
  return half;
}
inline uint16_t load_quarter(const char* at) {
  uint16_t quarter;
  std::memcpy(&quarter, at, sizeof quarter);
  return quarter;
}

/// a == b, without a call for four to eight bytes.
inline bool are_same(ByteView a, ByteView b) {
  const size_t size = a.size();
  if (size != b.size() || size < 4 || size > 8) {
    return a == b;
  }
  const size_t last = size - 4;
  return load_half(a.data()) == load_half(b.data()) &&
         load_half(a.data() + last) == load_half(b.data() + last);
}

inline bool is_ascii(ByteView text) {
  constexpr uint64_t kHighBits = 0x8080808080808080;
  const size_t size = text.size();
  if (size < sizeof(uint64_t)) {
    uint64_t seen = 0;
    if (size >= 4) {
      seen = load_half(text.data()) | load_half(text.data() + size - 4);
    } else if (size >= 2) {
      seen = load_quarter(text.data()) | load_quarter(text.data() + size - 2);
    } else if (size == 1) {
      seen = static_cast<unsigned char>(text.front());
    }
    return (seen & kHighBits) == 0;
  }
  uint64_t seen = load_word(text.data() + text.size() - sizeof(uint64_t));
  for (size_t i = 0; i + sizeof(uint64_t) <= text.size(); i += sizeof(uint64_t)) {
    seen |= load_word(text.data() + i);
  }
  return (seen & kHighBits) == 0;
}

}  // namespace zerogate
