// Appends MessagePack to a buffer, in the smallest form that holds the value, as msgspec does.
// `Out` is a std::string, or another buffer with its push_back() and append(bytes, size).
#pragma once

#include <bit>
#include <cassert>
#include <cstdint>

#include "core/base/bytes.h"
#include "core/wire/big_endian.h"

namespace zerogate::wire {

inline constexpr char kNil = static_cast<char>(0xc0);
inline constexpr ByteView kNilValue{&kNil, 1};

template <int kBytes, class Out>
void append_tagged(Out& out, uint8_t tag, uint64_t value) {
  char bytes[1 + kBytes];
  bytes[0] = static_cast<char>(tag);
  store_be<kBytes>(bytes + 1, value);
  out.append(bytes, sizeof bytes);
}

/// A container's head: in one byte up to 15, else with a count of 16 or 32 bits.
template <class Out>
void write_container(Out& out, uint8_t fixed, uint8_t tag16, uint32_t count) {
  if (count <= 0x0f) {
    out.push_back(static_cast<char>(fixed | count));
  } else if (count <= 0xffff) {
    append_tagged<2>(out, tag16, count);
  } else {
    append_tagged<4>(out, static_cast<uint8_t>(tag16 + 1), count);
  }
}

template <class Out>
void write_map(Out& out, uint32_t pairs) {
  write_container(out, 0x80, 0xde, pairs);
}

template <class Out>
void write_array(Out& out, uint32_t items) {
  write_container(out, 0x90, 0xdc, items);
}

/// Of a str, at most.
inline constexpr size_t kMaxStrHeadBytes = 5;

/// Writes the head of a str of more than 255 bytes to `head`, and returns its size. (`out` does not
/// come here, so that compilers keep its members in registers.)
[[gnu::cold]] inline size_t write_long_str_head(char* head, size_t size) {
  assert(size <= UINT32_MAX);  // messages are limited far below that
  if (size <= 0xffff) {
    head[0] = static_cast<char>(0xda);
    store_be<2>(head + 1, size);
    return 3;
  }
  head[0] = static_cast<char>(0xdb);
  store_be<4>(head + 1, size);
  return 5;
}

template <class Out>
[[gnu::always_inline]] inline void write_str(Out& out, ByteView text) {
  if (text.size() <= 0x1f) {
    out.push_back(static_cast<char>(0xa0 | text.size()));
  } else if (text.size() <= 0xff) {
    append_tagged<1>(out, 0xd9, text.size());
  } else {
    char head[kMaxStrHeadBytes];
    out.append(head, write_long_str_head(head, text.size()));
  }
  out.append(text.data(), text.size());
}

template <class Out>
void write_bin(Out& out, ByteView bytes) {
  const size_t size = bytes.size();
  assert(size <= UINT32_MAX);
  if (size <= 0xff) {
    append_tagged<1>(out, 0xc4, size);
  } else if (size <= 0xffff) {
    append_tagged<2>(out, 0xc5, size);
  } else {
    append_tagged<4>(out, 0xc6, size);
  }
  out.append(bytes.data(), bytes.size());
}

template <class Out>
void write_bool(Out& out, bool value) {
  out.push_back(static_cast<char>(value ? 0xc3 : 0xc2));
}

template <class Out>
void write_uint(Out& out, uint64_t value) {
  if (value <= 0x7f) {
    out.push_back(static_cast<char>(value));
  } else if (value <= 0xff) {
    append_tagged<1>(out, 0xcc, value);
  } else if (value <= 0xffff) {
    append_tagged<2>(out, 0xcd, value);
  } else if (value <= 0xffffffff) {
    append_tagged<4>(out, 0xce, value);
  } else {
    append_tagged<8>(out, 0xcf, value);
  }
}

template <class Out>
void write_int(Out& out, int64_t value) {
  const auto bits = static_cast<uint64_t>(value);
  if (value >= 0) {
    write_uint(out, bits);
  } else if (value >= -32) {
    out.push_back(static_cast<char>(value));
  } else if (value >= INT8_MIN) {
    append_tagged<1>(out, 0xd0, bits);
  } else if (value >= INT16_MIN) {
    append_tagged<2>(out, 0xd1, bits);
  } else if (value >= INT32_MIN) {
    append_tagged<4>(out, 0xd2, bits);
  } else {
    append_tagged<8>(out, 0xd3, bits);
  }
}

/// Always in 8 bytes.
template <class Out>
void write_real(Out& out, double value) {
  append_tagged<8>(out, 0xcb, std::bit_cast<uint64_t>(value));
}

/// A point of time as extension type -1. Nanoseconds are below 10^9.
template <class Out>
void write_timestamp(Out& out, int64_t seconds, uint32_t nanoseconds) {
  if (seconds >= 0 && seconds >> 34 == 0) {
    if (nanoseconds == 0 && seconds <= UINT32_MAX) {
      out.append("\xd6\xff", 2);
      char body[4];
      store_be<4>(body, static_cast<uint64_t>(seconds));
      out.append(body, sizeof body);
    } else {
      out.append("\xd7\xff", 2);
      char body[8];
      store_be<8>(body, uint64_t{nanoseconds} << 34 | static_cast<uint64_t>(seconds));
      out.append(body, sizeof body);
    }
    return;
  }
  out.append("\xc7\x0c\xff", 3);
  char body[12];
  store_be<4>(body, nanoseconds);
  store_be<8>(body + 4, static_cast<uint64_t>(seconds));
  out.append(body, sizeof body);
}

}  // namespace zerogate::wire
