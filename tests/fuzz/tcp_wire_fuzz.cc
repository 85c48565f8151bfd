// parse_tcp_frame against the three formats written down a second time, and frames made of the
// input as each of them. The first byte of the input chooses the limit.

#include <algorithm>
#include <iterator>
#include <msgpack.hpp>
#include <string>

#include "core/wire/big_endian.h"
#include "core/wire/msgpack_scan.h"
#include "core/wire/tcp_wire.h"
#include "core/wire/zerror.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/unit/core/wire/reference_scan.h"

using namespace zerogate;
using fuzz::check;
using wire::TcpFrame;
using wire::t3::FrameStatus;

namespace {

constexpr size_t kPayloadAt[] = {4, 8, 9};

/// One value, of a map whose first key is "fn": what every request of a client is.
bool is_request(ByteView payload) {
  if (!wire::testing::reference_is_one_value(payload)) {
    return false;
  }
  const auto decoded = msgpack::unpack(payload.data(), payload.size());
  if (decoded->type != msgpack::type::MAP || decoded->via.map.size == 0) {
    return false;
  }
  const auto& key = decoded->via.map.ptr[0].key;
  return key.type == msgpack::type::STR && ByteView(key.via.str.ptr, key.via.str.size) == "fn";
}

/// The front of such a map, whatever follows it: every head of a map, every head of "fn".
bool begins_like_request(ByteView bytes) {
  static constexpr ByteView kKeys[] = {{"\xa2"
                                        "fn",
                                        3},
                                       {"\xd9\x02"
                                        "fn",
                                        4},
                                       {"\xda\0\x02"
                                        "fn",
                                        5},
                                       {"\xdb\0\0\0\x02"
                                        "fn",
                                        7}};
  if (bytes.empty()) {
    return false;
  }
  const auto first = static_cast<uint8_t>(bytes[0]);
  const size_t head = first > 0x80 && first <= 0x8f ? 1 : first == 0xde ? 3 : first == 0xdf ? 5 : 0;
  if (head == 0 || bytes.size() < head) {
    return false;
  }
  if (head > 1 && bytes.substr(1, head - 1).find_first_not_of('\0') == ByteView::npos) {
    return false;
  }
  return std::any_of(std::begin(kKeys), std::end(kKeys),
                     [rest = bytes.substr(head)](ByteView key) { return rest.starts_with(key); });
}

void check_whole(const TcpFrame& frame, ByteView bytes, size_t limit) {
  const ByteView whole = bytes.substr(0, frame.size);
  check(whole.size() == frame.size, "a whole frame is in the buffer");
  check(wire::load_be32(whole.data()) + 4 == frame.size, "the length does not count itself");
  check(frame.payload.size() <= limit, "the limit holds");
  check(frame.payload == whole.substr(kPayloadAt[index_of(frame.wire) - index_of(Wire::t1)]),
        "the payload is the rest of the frame");
  const uint32_t id = frame.wire == Wire::t1 ? 0 : wire::load_be32(whole.data() + 4);
  check(frame.id == id, "the id stands behind the length");
  Wire expected = Wire::t3;
  if (!begins_like_request(whole.substr(9))) {
    if (is_request(whole.substr(8))) {
      expected = Wire::t2;
    } else if (is_request(whole.substr(4))) {
      expected = Wire::t1;
    }
  }
  check(frame.wire == expected, "the front of a request tells the wire");
}

/// The payload comes back from a frame of each format, when it is what clients send.
void check_round_trip(ByteView payload) {
  // A request with a name has at least 6 bytes; with fewer, T1 would look like an empty T3.
  if (payload.size() < 6 || payload.size() > UINT16_MAX || !is_request(payload)) {
    return;
  }
  for (size_t i = 0; i < std::size(kPayloadAt); ++i) {
    std::string frame(kPayloadAt[i], '\0');
    frame += payload;
    wire::store_be<4>(frame.data(), frame.size() - 4);
    const TcpFrame read = wire::parse_tcp_frame(frame, SIZE_MAX);
    check(read.status == FrameStatus::whole && read.size == frame.size(), "it is whole");
    if (read.wire == static_cast<Wire>(i)) {
      check(read.payload == payload, "it comes back");
    }
  }
}

void check_reply(ByteView body) {
  if (!wire::is_one_value(body)) {
    return;
  }
  const auto reply_of = [body](Wire wire, uint32_t id) {
    OutBuffer out;
    wire::write_tcp_reply(out, wire, id, body, wire::is_error_body(body));
    return std::string(out.view());
  };
  const std::string t1 = reply_of(Wire::t1, 0);
  const std::string t2 = reply_of(Wire::t2, 7);
  const std::string t3 = reply_of(Wire::t3, 7);
  for (const std::string& reply : {t1, t2, t3}) {
    check(wire::load_be32(reply.data()) + 4 == reply.size(), "the length is right");
    check(ByteView(reply).ends_with(body), "the body is the end");
  }
  check(t1.substr(4) == t2.substr(8), "T1 and T2 have the same payload");
  check((t3[8] == 1) == wire::is_error_body(body), "the flag tells an error");
  const std::string front = wire::is_error_body(body) ? ""
                                                      : "\x81\xa4"
                                                        "data";
  check(t1.substr(4) == front + std::string(body), "a result is in a map, an error is bare");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) {
    return 0;
  }
  static constexpr size_t kLimits[] = {16 << 20, SIZE_MAX, 64, 8};
  const size_t limit = kLimits[data[0] % std::size(kLimits)];
  const ByteView bytes = fuzz::view_of(data + 1, size - 1);
  const TcpFrame frame = wire::parse_tcp_frame(bytes, limit);
  const wire::t3::Frame as_t3 = wire::t3::parse_frame(bytes, limit);
  check(frame.size == as_t3.size, "every format has the same length");
  if (frame.status == FrameStatus::whole) {
    check_whole(frame, bytes, limit);
  } else {
    check(frame.status == as_t3.status || frame.status == FrameStatus::too_large,
          "what is not whole is what it is as T3");
  }
  check_round_trip(bytes);
  check_reply(bytes);
  return 0;
}
