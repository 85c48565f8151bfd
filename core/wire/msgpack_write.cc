#include "core/wire/msgpack_write.h"

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

}  // namespace zerogate::wire
