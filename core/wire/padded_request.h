// What W3, W4 and W5 have in common: id, then a name in a field of fixed width, padded with spaces,
// then the argument. Only w5.cc and zmq_wire.cc include it. The functions are inline and fill the
// caller's struct, because copying one costs more than reading the request. Pure functions, any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/bytes.h"
#include "core/base/word.h"
#include "core/wire/msgpack_scan.h"
#include "core/wire/msgpack_write.h"
#include "core/wire/w5.h"

namespace zerogate::wire {

/// The characters that bytes.strip() of Python removes. NUL is not one of them.
constexpr bool is_ascii_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

inline ByteView strip_ascii_space(ByteView text) {
  size_t end = text.size();
  // Most of a name is padding: 32 and eight bytes at a time first.
  constexpr uint64_t kEightSpaces = 0x2020202020202020;
  const auto other = [&](size_t behind) {
    return load_word(text.data() + end - behind) ^ kEightSpaces;
  };
  while (end >= 32 && (other(32) | other(24) | other(16) | other(8)) == 0) {
    end -= 32;
  }
  while (end >= sizeof kEightSpaces) {
    const size_t spaces = trailing_zero_bytes(other(sizeof kEightSpaces));
    end -= spaces;
    if (spaces < sizeof kEightSpaces) {
      break;
    }
  }
  while (end > 0 && is_ascii_space(text[end - 1])) {
    --end;
  }
  size_t begin = 0;
  while (begin < end && is_ascii_space(text[begin])) {
    ++begin;
  }
  return text.substr(begin, end - begin);
}

/// Takes all of `bytes` as the argument, well formed or not; no bytes mean None.
inline w5::RequestStatus read_argument(ByteView bytes, ByteView& argument) {
  if (bytes.empty()) {
    argument = kNilValue;
    return w5::RequestStatus::ok;
  }
  argument = bytes;
  return check_value(bytes);
}

/// Slices `body` as the real workers do, however short it is.
template <class Request>
void read_padded_request(Request& request, ByteView body, size_t id_bytes, size_t name_bytes) {
  request.id = body.substr(0, id_bytes);
  body.remove_prefix(request.id.size());
  const ByteView name = body.substr(0, name_bytes);
  body.remove_prefix(name.size());
  request.function = strip_ascii_space(name);
  request.status = read_argument(body, request.argument);
}

}  // namespace zerogate::wire
