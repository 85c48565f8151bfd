#include "core/wire/zmq_wire.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "core/base/ascii.h"
#include "core/wire/msgpack_scan.h"
#include "core/wire/padded_request.h"

namespace zerogate::wire {
namespace {

constexpr ByteView kEmptyStr = "\xa0";
constexpr ByteView kW2Front = "\x93\xd9\x20";       // an array of 3, a str of 32 bytes
constexpr ByteView kW2ReplyFront = "\x92\xd9\x20";  // an array of 2, a str of 32 bytes
constexpr size_t kHexIdBytes = 32;
constexpr size_t kW4Bytes = kHexIdBytes + w5::kNameBytes;  ///< without an argument
constexpr size_t kW3Bytes = kHexIdBytes + kW3NameBytes;
constexpr size_t kW5Bytes = w5::kIdBytes + w5::kNameBytes;

static_assert(ReplyPrefix::kMaxBytes == kW2ReplyFront.size() + kMaxZmqIdBytes);

/// As uuid4().hex writes them. A random W5 id fails at its first byte 15 times out of 16.
bool begins_with_hex_id(ByteView bytes) {
  if (bytes.size() < kHexIdBytes) {
    return false;
  }
  return std::all_of(bytes.begin(), bytes.begin() + kHexIdBytes,
                     [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

bool is_ascii(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// The format of a message that begins with 32 hex digits.
Wire wire_of_hex(ByteView body) {
  // W5 after all, of a client with ids of its own and a function whose name begins with 16 hex
  // digits? Below 96 bytes no W5 request ends; below 112 no W4 or W3 request does, but `connect`.
  // From there on byte 96 is in a name of W4 and W3, and in W5 the first of an argument of many.
  if (body.size() >= kW5Bytes && (body.size() < kW4Bytes || !is_ascii(body.substr(kW5Bytes, 1)))) {
    return Wire::w5;
  }
  // W3 when the bytes that W4 calls argument can only be the rest of a name.
  if (body.size() >= kW3Bytes && is_ascii(body.substr(kHexIdBytes, kW3NameBytes))) {
    return Wire::w3;
  }
  return Wire::w4;
}

/// W1 and W2 since 0.1.0 send an empty str for None, and their servers took every empty str for it.
void take_empty_str_for_none(ZmqRequest& request) {
  if (request.argument == kEmptyStr) {
    request.argument = kNilValue;
  }
}

void read_w2(ZmqRequest& request, ByteView body) {
  request.id = body.substr(kW2Front.size(), kHexIdBytes);
  Reader reader(body.substr(kW2Front.size() + kHexIdBytes));
  // A function that is no str has no name; an argument that is missing is not None.
  if (!reader.read_str(request.function) || reader.at_end()) {
    return;
  }
  request.status = read_argument(reader.rest(), request.argument);
  take_empty_str_for_none(request);
}

}  // namespace

Wire zmq_wire_of(ByteView body) noexcept {
  if (begins_with_hex_id(body)) {
    return wire_of_hex(body);
  }
  if (body.starts_with(kW2Front) && begins_with_hex_id(body.substr(kW2Front.size()))) {
    return Wire::w2;
  }
  return Wire::w5;
}

ZmqRequest parse_zmq_request(ByteView body) noexcept {
  ZmqRequest request;
  const Wire wire = zmq_wire_of(body);
  request.wire = wire;
  if (wire == Wire::w2) {
    read_w2(request, body);
  } else {
    const size_t id_bytes = wire == Wire::w5 ? w5::kIdBytes : kHexIdBytes;
    const size_t name_bytes = wire == Wire::w3 ? kW3NameBytes : w5::kNameBytes;
    read_padded_request(request, body, id_bytes, name_bytes);
  }
  return request;
}

ZmqRequest parse_w1_request(ByteView name, ByteView argument) noexcept {
  ZmqRequest request;
  request.wire = Wire::w1;
  request.function = name;
  request.status = read_argument(argument, request.argument);
  take_empty_str_for_none(request);
  return request;
}

ReplyPrefix::ReplyPrefix(Wire wire, ByteView id) noexcept {
  assert(id.size() <= kMaxZmqIdBytes);
  if (wire == Wire::w1) {
    return;
  }
  view_ = id;
  if (wire != Wire::w2) {
    return;
  }
  assert(id.size() == kHexIdBytes);
  kW2ReplyFront.copy(bytes_.data(), kW2ReplyFront.size());
  id.copy(bytes_.data() + kW2ReplyFront.size(), id.size());
  view_ = {bytes_.data(), kW2ReplyFront.size() + id.size()};
}

}  // namespace zerogate::wire
