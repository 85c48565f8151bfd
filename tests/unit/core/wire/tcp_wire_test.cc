#include "core/wire/tcp_wire.h"

#include <gtest/gtest.h>

#include <string>

#include "core/wire/msgpack_write.h"
#include "core/wire/zerror.h"
#include "tests/unit/core/wire/wire_testing.h"

namespace zerogate::wire {
namespace {

using t3::FrameStatus;
using testing::from_hex;
using testing::RandomValues;
using testing::times;

constexpr size_t kLimit = 16 << 20;
constexpr Wire kAll[] = {Wire::t1, Wire::t2, Wire::t3};

// {"fn": "hello_world", "data": None} as the client of 1.0.1 writes it, in each frame. No released
// client speaks T1 or T2: their frames are made by the format's description.
const std::string kHello = from_hex("82a2666eab68656c6c6f5f776f726c64a464617461c0");
const std::string kHelloT1 = from_hex("00000016") + kHello;
const std::string kHelloT2 = from_hex("0000001a 00000007") + kHello;
const std::string kHelloT3 = from_hex("0000001b 00000007 00") + kHello;

std::string u32(size_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(value >> shift));
  }
  return out;
}

std::string frame_of(Wire wire, uint32_t id, const std::string& payload) {
  std::string rest;
  if (wire != Wire::t1) {
    rest = u32(id);
  }
  if (wire == Wire::t3) {
    rest.push_back('\0');
  }
  rest += payload;
  return u32(rest.size()) + rest;
}

std::string payload_of(const std::string& name, const std::string& argument) {
  std::string out = from_hex("82a2666e");
  write_str(out, name);
  return out + from_hex("a464617461") + argument;
}

/// Views of the result point into `bytes`, which must be a variable where they are read.
void expect_frame(const std::string& bytes, Wire wire, uint32_t id, const std::string& payload) {
  const TcpFrame read = parse_tcp_frame(bytes + "next", kLimit);
  EXPECT_EQ(read.status, FrameStatus::whole);
  EXPECT_EQ(read.size, bytes.size());
  EXPECT_EQ(read.wire, wire);
  EXPECT_EQ(read.id, id);
  const TcpFrame alone = parse_tcp_frame(bytes, kLimit);
  EXPECT_EQ(alone.wire, wire);
  if (wire != Wire::t3) {
    EXPECT_EQ(alone.flag, 0);
  }
  EXPECT_EQ(alone.payload, payload);
}

TEST(TcpWire, IsToldByWhereTheRequestBegins) {
  EXPECT_EQ(kHelloT3.find(from_hex("82a2666e")), 9u);
  EXPECT_EQ(kHelloT2.find(from_hex("82a2666e")), 8u);
  EXPECT_EQ(kHelloT1.find(from_hex("82a2666e")), 4u);
  expect_frame(kHelloT1, Wire::t1, 0, kHello);
  expect_frame(kHelloT2, Wire::t2, 7, kHello);
  expect_frame(kHelloT3, Wire::t3, 7, kHello);
}

TEST(TcpWire, EveryWireReadsItsOwnRequests) {
  RandomValues values(12);
  for (int round = 0; round < 4000; ++round) {
    const std::string name(1 + values.below(300), static_cast<char>('a' + values.below(26)));
    const std::string payload = payload_of(name, values.value());
    for (const Wire wire : kAll) {
      const uint32_t id = wire == Wire::t1 ? 0 : static_cast<uint32_t>(values.below(1ull << 32));
      expect_frame(frame_of(wire, id, payload), wire, id, payload);
    }
    if (HasFailure()) {
      return;
    }
  }
}

TEST(TcpWire, KnowsEveryHeadOfMapAndKey) {
  for (const char* front : {"81 a2666e a1 61", "83 a2666e a1 61 01 02 03 04", "de0001 a2666e a1 61",
                            "df00000001 a2666e a1 61", "81 d902666e a1 61",
                            "de0001 da0002666e a1 61", "df00000001 db00000002666e a1 61"}) {
    const std::string payload = from_hex(front);
    for (const Wire wire : kAll) {
      SCOPED_TRACE(front);
      expect_frame(frame_of(wire, 0, payload), wire, 0, payload);
    }
  }
}

TEST(TcpWire, ARequestIdThatLooksLikeAFrontIsStillT3) {
  // T1's front where T3 has its id: the 2,191,681,134th request on one connection; and the ids that
  // look like maps of other sizes. Then with a payload whose front is not the usual one.
  const std::string data_first = from_hex("82a46461746101a2666ea16e");
  const std::string array = from_hex("9105");
  for (uint32_t pairs = 0; pairs < 16; ++pairs) {
    const uint32_t id = 0x80a2666e | pairs << 24;
    for (const std::string& payload : {kHello, data_first, array, std::string("\xc0")}) {
      expect_frame(frame_of(Wire::t3, id, payload), Wire::t3, id, payload);
    }
    expect_frame(frame_of(Wire::t2, id, kHello), Wire::t2, id, kHello);
  }
  // T2's front where T3 has its flag: what follows is not one value.
  std::string flagged = frame_of(Wire::t3, 7, from_hex("a2666e"));
  flagged[8] = static_cast<char>(0x82);
  expect_frame(flagged, Wire::t3, 7, from_hex("a2666e"));
}

TEST(TcpWire, EverythingElseIsT3) {
  for (const char* payload : {"80", "c0", "c1", "91a2666e", "82a46461746101a2666ea16e", "82",
                              "82a266", "a2666e", "81a2666f01", "81c402666e01", "81a3666e6e01"}) {
    expect_frame(frame_of(Wire::t3, 7, from_hex(payload)), Wire::t3, 7, from_hex(payload));
  }
  // A request of T1 or T2 that is cut short, has a tail, is too deep or begins otherwise: T3 to us,
  // which then finds it malformed and closes, as every version of the real server does.
  for (const Wire wire : {Wire::t1, Wire::t2}) {
    for (const std::string& payload :
         {kHello.substr(0, kHello.size() - 1), kHello + "\xc0",
          payload_of("a", times(1'100, "\x91") + "\xc0"), from_hex("82a16101a2666ea16e"),
          from_hex("82a17a01a2666ea16e")}) {
      const std::string bytes = frame_of(wire, 7, payload);
      const TcpFrame read = parse_tcp_frame(bytes, kLimit);
      EXPECT_EQ(read.status, FrameStatus::whole);
      EXPECT_EQ(read.wire, Wire::t3);
      EXPECT_EQ(t3::parse_envelope(read.payload).status, t3::EnvelopeStatus::malformed);
    }
  }
}

TEST(TcpWire, AnIncompleteFrameSaysHowLongItWillBe) {
  for (const std::string& bytes : {kHelloT1, kHelloT2, kHelloT3}) {
    for (size_t size = 0; size < bytes.size(); ++size) {
      const TcpFrame read = parse_tcp_frame(bytes.substr(0, size), kLimit);
      EXPECT_EQ(read.status, FrameStatus::incomplete);
      EXPECT_EQ(read.size, size < 4 ? 0 : bytes.size());
    }
  }
}

TEST(TcpWire, KeepsTheLimits) {
  for (const Wire wire : kAll) {
    const std::string bytes = frame_of(wire, 7, kHello);
    EXPECT_EQ(parse_tcp_frame(bytes, kHello.size()).status, FrameStatus::whole);
    EXPECT_EQ(parse_tcp_frame(bytes, kHello.size() - 1).status, FrameStatus::too_large);
  }
  EXPECT_EQ(parse_tcp_frame(from_hex("00000004 00000001"), kLimit).status, FrameStatus::bad_length);
  EXPECT_EQ(parse_tcp_frame(from_hex("00000005 00000001 00"), kLimit).status, FrameStatus::empty);
  EXPECT_EQ(parse_tcp_frame("GET / HTTP/1.1\r\n", kLimit).status, FrameStatus::other_protocol);
  EXPECT_EQ(parse_tcp_frame(from_hex("ffffffff"), kLimit).status, FrameStatus::too_large);
}

TEST(TcpReply, IsFramedForEachWire) {
  const std::string result = from_hex("ab68656c6c6f20776f726c64");
  const auto reply_of = [](Wire wire, ByteView body) {
    OutBuffer out;
    out.append("before");
    write_tcp_reply(out, wire, 0xfffefdfc, body, is_error_body(body));
    return std::string(out.view().substr(6));
  };
  EXPECT_EQ(reply_of(Wire::t1, result), from_hex("00000012 81a464617461") + result);
  EXPECT_EQ(reply_of(Wire::t2, result), from_hex("00000016 fffefdfc 81a464617461") + result);
  EXPECT_EQ(reply_of(Wire::t3, result), from_hex("00000011 fffefdfc 00") + result);

  std::string error;
  write_error(error, ErrorKey::server_exception, "RuntimeError('boom')");
  ASSERT_EQ(error.size(), 49u);
  EXPECT_EQ(reply_of(Wire::t1, error), from_hex("00000031") + error);
  EXPECT_EQ(reply_of(Wire::t2, error), from_hex("00000035 fffefdfc") + error);
  EXPECT_EQ(reply_of(Wire::t3, error), from_hex("00000036 fffefdfc 01") + error);
}

}  // namespace
}  // namespace zerogate::wire
