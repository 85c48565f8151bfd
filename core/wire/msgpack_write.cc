#include "core/wire/msgpack_write.h"

#include <bit>
#include <cassert>

#include "core/wire/big_endian.h"

namespace zerogate::wire {
namespace {

template <int kBytes>
void append_tagged(std::string& out, uint8_t tag, uint64_t value) {
  char bytes[1 + kBytes];
  bytes[0] = static_cast<char>(tag);
  store_be<kBytes>(bytes + 1, value);
  out.append(bytes, sizeof bytes);
}

/// A container's head: in one byte up to 15, else with a count of 16 or 32 bits.
void write_container(std::string& out, uint8_t fixed, uint8_t tag16, uint32_t count) {
  if (count <= 0x0f) {
    out.push_back(static_cast<char>(fixed | count));
  } else if (count <= 0xffff) {
    append_tagged<2>(out, tag16, count);
  } else {
    append_tagged<4>(out, static_cast<uint8_t>(tag16 + 1), count);
  }
}

}  // namespace

void write_map(std::string& out, uint32_t pairs) { write_container(out, 0x80, 0xde, pairs); }

void write_array(std::string& out, uint32_t items) { write_container(out, 0x90, 0xdc, items); }

void write_str(std::string& out, ByteView text) {
  const size_t size = text.size();
  assert(size <= UINT32_MAX);  // messages are limited far below that
  if (size <= 0x1f) {
    out.push_back(static_cast<char>(0xa0 | size));
  } else if (size <= 0xff) {
    append_tagged<1>(out, 0xd9, size);
  } else if (size <= 0xffff) {
    append_tagged<2>(out, 0xda, size);
  } else {
    append_tagged<4>(out, 0xdb, size);
  }
  out.append(text);
}

void write_bin(std::string& out, ByteView bytes) {
  const size_t size = bytes.size();
  assert(size <= UINT32_MAX);
  if (size <= 0xff) {
    append_tagged<1>(out, 0xc4, size);
  } else if (size <= 0xffff) {
    append_tagged<2>(out, 0xc5, size);
  } else {
    append_tagged<4>(out, 0xc6, size);
  }
  out.append(bytes);
}

void write_bool(std::string& out, bool value) {
  out.push_back(static_cast<char>(value ? 0xc3 : 0xc2));
}

void write_uint(std::string& out, uint64_t value) {
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

void write_int(std::string& out, int64_t value) {
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

void write_real(std::string& out, double value) {
  append_tagged<8>(out, 0xcb, std::bit_cast<uint64_t>(value));
}

void write_timestamp(std::string& out, int64_t seconds, uint32_t nanoseconds) {
  if (seconds >= 0 && seconds >> 34 == 0) {
    if (nanoseconds == 0 && seconds <= UINT32_MAX) {
      out += "\xd6\xff";
      char body[4];
      store_be<4>(body, static_cast<uint64_t>(seconds));
      out.append(body, sizeof body);
    } else {
      out += "\xd7\xff";
      char body[8];
      store_be<8>(body, uint64_t{nanoseconds} << 34 | static_cast<uint64_t>(seconds));
      out.append(body, sizeof body);
    }
    return;
  }
  out += "\xc7\x0c\xff";
  char body[12];
  store_be<4>(body, nanoseconds);
  store_be<8>(body + 4, static_cast<uint64_t>(seconds));
  out.append(body, sizeof body);
}

}  // namespace zerogate::wire
