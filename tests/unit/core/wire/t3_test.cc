#include "core/wire/t3.h"

#include <gtest/gtest.h>

#include <string>
#include <tuple>

#include "core/wire/msgpack_scan.h"
#include "core/wire/zerror.h"
#include "tests/unit/core/wire/wire_testing.h"

namespace zerogate::wire::t3 {
namespace {

using testing::from_hex;
using testing::RandomValues;
using testing::times;

constexpr size_t kLimit = 16 << 20;

// What AsyncTCPClient of zeroapi 1.0.1 (msgspec 0.22.0) sent to a bare socket for
// call("hello_world", None) and call("save_order", {"user_id": "1", "items": ["apple", "python"]}).
const std::string kHello =
    from_hex("0000001b 00000001 00 82a2666eab68656c6c6f5f776f726c64a464617461c0");
const std::string kSaveArgument =
    from_hex("82a7757365725f6964a131a56974656d7392a56170706c65a6707974686f6e");
const std::string kSave =
    from_hex("00000038 00000001 00 82a2666eaa736176655f6f72646572a464617461") + kSaveArgument;

std::string payload_of(ByteView frame) { return std::string(frame.substr(kHeaderBytes)); }

/// The views of the result point into `payload`, which must be a variable where they are read.
Envelope envelope_of(ByteView payload) { return parse_envelope(payload); }
EnvelopeStatus status_of_hex(std::string_view hex) { return parse_envelope(from_hex(hex)).status; }

TEST(T3ParseFrame, ReadsTheFramesOfTheRealClient) {
  for (const std::string& bytes : {kHello, kSave}) {
    const Frame frame = parse_frame(bytes, kLimit);
    EXPECT_EQ(frame.status, FrameStatus::whole);
    EXPECT_EQ(frame.size, bytes.size());
    EXPECT_EQ(frame.id, 1u);
    EXPECT_EQ(frame.flag, 0);
    EXPECT_EQ(frame.payload, payload_of(bytes));
  }
}

TEST(T3ParseFrame, ReadsIdAndFlagOfAReply) {
  // A full error frame as zeroapi 1.0.1's server writes it.
  const std::string bytes = from_hex("00000036 fffefdfc 01 81 ba") + "__zerror__server_exception" +
                            from_hex("b4") + "RuntimeError('boom')";
  const Frame frame = parse_frame(bytes, kLimit);
  EXPECT_EQ(frame.status, FrameStatus::whole);
  EXPECT_EQ(frame.id, 0xfffefdfcu);
  EXPECT_EQ(frame.flag, 1);
  EXPECT_TRUE(is_error_body(frame.payload));
}

TEST(T3ParseFrame, EveryFrontIsIncomplete) {
  for (size_t size = 0; size < kSave.size(); ++size) {
    const std::string front = kSave.substr(0, size);
    const Frame frame = parse_frame(front, kLimit);
    EXPECT_EQ(frame.status, FrameStatus::incomplete) << size;
    EXPECT_EQ(frame.size, size < kLengthBytes ? 0 : kSave.size()) << size;
  }
}

TEST(T3ParseFrame, StopsWhereTheFrameEnds) {
  const std::string both = kHello + kSave;
  const Frame first = parse_frame(both, kLimit);
  EXPECT_EQ(first.status, FrameStatus::whole);
  EXPECT_EQ(first.payload, payload_of(kHello));
  EXPECT_EQ(parse_frame(ByteView(both).substr(first.size), kLimit).payload, payload_of(kSave));
}

TEST(T3ParseFrame, RefusesLengthsThatHoldNoPayload) {
  for (const char* hex : {"00000000", "00000001", "00000004", "00000003 00000001"}) {
    EXPECT_EQ(parse_frame(from_hex(hex), kLimit).status, FrameStatus::bad_length) << hex;
  }
  EXPECT_EQ(parse_frame(from_hex("00000005"), kLimit).status, FrameStatus::empty);
  EXPECT_EQ(parse_frame(from_hex("00000005 00000001 00 c0"), kLimit).status, FrameStatus::empty);
}

TEST(T3ParseFrame, LimitsThePayload) {
  const size_t payload = payload_of(kHello).size();
  EXPECT_EQ(parse_frame(kHello, payload).status, FrameStatus::whole);
  EXPECT_EQ(parse_frame(kHello, payload - 1).status, FrameStatus::too_large);
  EXPECT_EQ(parse_frame(kHello.substr(0, 4), payload - 1).status, FrameStatus::too_large);
  EXPECT_EQ(parse_frame(from_hex("ffffffff"), kLimit).status, FrameStatus::too_large);
  EXPECT_EQ(parse_frame(from_hex("ffffffff"), SIZE_MAX).status, FrameStatus::incomplete);
  EXPECT_EQ(parse_frame(from_hex("ffffffff"), SIZE_MAX).size, (size_t{1} << 32) + 3);
}

TEST(T3ParseFrame, KnowsWhoTookTheWrongPort) {
  for (const char* line :
       {"GET / HTTP/1.1\r\n", "POST / HTTP/1.1\r\n", "HEAD / HTTP/1.1", "PUT /a HTTP/1.1",
        "OPTIONS * HTTP/1.1", "DELETE /a HTTP/1.1", "PATCH /a HTTP/1.1", "CONNECT a:1 HTTP/1.1",
        "TRACE /a HTTP/1.1", "PRI * HTTP/2.0\r\n", "GET "}) {
    EXPECT_EQ(parse_frame(line, kLimit).status, FrameStatus::other_protocol) << line;
  }
  // A TLS 1.3 client's first record, and the greeting of libzmq 4.3.4.
  EXPECT_EQ(parse_frame(from_hex("16030102 0001"), kLimit).status, FrameStatus::other_protocol);
  EXPECT_EQ(parse_frame(from_hex("ff000000 00000000 017f"), kLimit).status,
            FrameStatus::other_protocol);
  EXPECT_EQ(parse_frame(from_hex("16030502"), kLimit).status, FrameStatus::too_large);
  EXPECT_EQ(parse_frame(from_hex("160380ff"), kLimit).status, FrameStatus::too_large);
  EXPECT_EQ(parse_frame("get ", kLimit).status, FrameStatus::too_large);
}

TEST(T3ParseFrame, ALegalLengthIsNeverTakenForAnotherProtocol) {
  for (const char* front : {"GET / HTTP", "PRI * HTTP"}) {
    EXPECT_EQ(parse_frame(front, SIZE_MAX).status, FrameStatus::incomplete) << front;
  }
  EXPECT_EQ(parse_frame(from_hex("ff000000 00"), SIZE_MAX).status, FrameStatus::incomplete);
  EXPECT_EQ(parse_frame(from_hex("16030102 00"), 0x16030102 - 5).status, FrameStatus::incomplete);
  EXPECT_EQ(parse_frame(from_hex("16030102 00"), 0x16030102 - 6).status,
            FrameStatus::other_protocol);
}

TEST(T3WriteFrame, IsReadBack) {
  RandomValues values(5);
  for (int round = 0; round < 2000; ++round) {
    const std::string payload = values.value();
    const auto id = static_cast<uint32_t>(values.below(uint64_t{1} << 32));
    const bool error = values.below(2) != 0;
    std::string bytes;
    write_frame(bytes, id, error, payload);
    const Frame frame = parse_frame(bytes, kLimit);
    ASSERT_EQ(frame.status, FrameStatus::whole);
    ASSERT_EQ(frame.size, bytes.size());
    ASSERT_EQ(frame.id, id);
    ASSERT_EQ(frame.flag, error ? 1 : 0);
    ASSERT_EQ(frame.payload, payload);
    for (size_t size = 0; size < bytes.size(); ++size) {
      ASSERT_EQ(parse_frame(ByteView(bytes).substr(0, size), kLimit).status,
                FrameStatus::incomplete);
    }
  }
}

TEST(T3WriteFrame, AppendsTheBytesOfTheRealServer) {
  std::string out = "before";
  write_frame(
      out, 7, true,
      from_hex("81 ba") + "__zerror__server_exception" + from_hex("b4") + "RuntimeError('boom')");
  EXPECT_EQ(out, "before" + from_hex("00000036 00000007 01 81 ba") + "__zerror__server_exception" +
                     from_hex("b4") + "RuntimeError('boom')");
}

TEST(T3WriteRequest, WritesTheBytesOfTheRealClient) {
  std::string out;
  write_request(out, 1, "hello_world", from_hex("c0"));
  EXPECT_EQ(out, kHello);
  write_request(out, 1, "save_order", kSaveArgument);
  EXPECT_EQ(out, kHello + kSave);
}

TEST(T3ParseEnvelope, ReadsTheRequestsOfTheRealClient) {
  const Envelope hello = envelope_of(ByteView(kHello).substr(kHeaderBytes));
  EXPECT_EQ(hello.status, EnvelopeStatus::ok);
  EXPECT_EQ(hello.function, "hello_world");
  EXPECT_EQ(hello.argument, "\xc0");
  const Envelope save = envelope_of(ByteView(kSave).substr(kHeaderBytes));
  EXPECT_EQ(save.status, EnvelopeStatus::ok);
  EXPECT_EQ(save.function, "save_order");
  EXPECT_EQ(save.argument, kSaveArgument);
}

TEST(T3ParseEnvelope, TakesKeysInAnyOrderAndIgnoresTheRest) {
  // {"x": [1], "data": 5, 7: nil, [1]: nil, "fn": "f"}
  const std::string payload = from_hex("85 a178 9101 a464617461 05 07 c0 9101 c0 a2666e a166");
  const Envelope envelope = envelope_of(payload);
  EXPECT_EQ(envelope.status, EnvelopeStatus::ok);
  EXPECT_EQ(envelope.function, "f");
  EXPECT_EQ(envelope.argument, "\x05");
}

// Each begins as the usual form does.
TEST(T3ParseEnvelope, BehindTheNameAnyOtherKeyMayCome) {
  // {"fn": "f", "datb": 12}, {"fn": "f", "fn": "g"}, {"fn": "f", "data" with a longer head: 5}
  for (const auto& [hex, function, argument] :
       {std::tuple{"82 a2666e a166 a464617462 0c", "f", "\xc0"},
        {"82 a2666e a166 a2666e a167", "g", "\xc0"},
        {"82 a2666e a166 d90464617461 05", "f", "\x05"}}) {
    const std::string payload = from_hex(hex);
    const Envelope envelope = envelope_of(payload);
    EXPECT_EQ(envelope.status, EnvelopeStatus::ok) << hex;
    EXPECT_EQ(envelope.function, function) << hex;
    EXPECT_EQ(envelope.argument, argument) << hex;
  }
}

TEST(T3ParseEnvelope, MissingDataIsNil) {
  const std::string payload = from_hex("81 a2666e a166");
  EXPECT_EQ(envelope_of(payload).argument, "\xc0");
  EXPECT_EQ(envelope_of(payload).status, EnvelopeStatus::ok);
}

TEST(T3ParseEnvelope, OfTwoEqualKeysTheLastCounts) {
  // {"fn": "a", "data": 1, "fn": "b", "data": 2}
  const std::string payload = from_hex("84 a2666e a161 a464617461 01 a2666e a162 a464617461 02");
  EXPECT_EQ(envelope_of(payload).function, "b");
  EXPECT_EQ(envelope_of(payload).argument, "\x02");
  EXPECT_EQ(status_of_hex("82 a2666e a161 a2666e c0"), EnvelopeStatus::no_function);
  EXPECT_EQ(status_of_hex("82 a2666e c0 a2666e a161"), EnvelopeStatus::ok);
}

TEST(T3ParseEnvelope, ReadsKeysAndMapsWithLongHeads) {
  const std::string payload = from_hex("df00000002 d902666e d90166 db0000000464617461 cd0001");
  const Envelope envelope = envelope_of(payload);
  EXPECT_EQ(envelope.status, EnvelopeStatus::ok);
  EXPECT_EQ(envelope.function, "f");
  EXPECT_EQ(envelope.argument, from_hex("cd0001"));
  EXPECT_EQ(status_of_hex("de0001 da0002666e a166"), EnvelopeStatus::ok);
}

TEST(T3ParseEnvelope, BytesAreNotAStrKey) {
  EXPECT_EQ(status_of_hex("81 c402666e a166"), EnvelopeStatus::no_function);
  EXPECT_EQ(status_of_hex("81 a3666e6e a166"), EnvelopeStatus::no_function);
}

// Each is what bool() of the value decoded by msgspec 0.22.0 says in Python.
TEST(T3ParseEnvelope, AFalsyFunctionIsNone) {
  EXPECT_EQ(status_of_hex("80"), EnvelopeStatus::no_function);
  EXPECT_EQ(status_of_hex("81 a464617461 c0"), EnvelopeStatus::no_function);
  for (const char* fn : {"c0",
                         "c2",
                         "00",
                         "cc00",
                         "cd0000",
                         "ce00000000",
                         "cf0000000000000000",
                         "d000",
                         "d10000",
                         "d200000000",
                         "d30000000000000000",
                         "ca00000000",
                         "ca80000000",
                         "cb0000000000000000",
                         "cb8000000000000000",
                         "a0",
                         "d900",
                         "da0000",
                         "db00000000",
                         "c400",
                         "c50000",
                         "c600000000",
                         "90",
                         "dc0000",
                         "dd00000000",
                         "80",
                         "de0000",
                         "df00000000"}) {
    EXPECT_EQ(status_of_hex(std::string("81a2666e") + fn), EnvelopeStatus::no_function) << fn;
  }
}

TEST(T3ParseEnvelope, AFunctionOfAnotherTypeIsNoStr) {
  for (const char* fn : {"c3",
                         "01",
                         "7f",
                         "e0",
                         "ff",
                         "cc01",
                         "cd0100",
                         "ce00000001",
                         "cf0100000000000000",
                         "d001",
                         "d1ff00",
                         "d200010000",
                         "d38000000000000000",
                         "ca00000001",
                         "ca3f800000",
                         "cb0000000000000001",
                         "cb3ff0000000000000",
                         "c40100",
                         "c5000100",
                         "c60000000100",
                         "9100",
                         "dc000100",
                         "dd0000000100",
                         "810000",
                         "de00010000",
                         "df000000010000",
                         "d40000",
                         "c70005",
                         "c7010000"}) {
    EXPECT_EQ(status_of_hex(std::string("81a2666e") + fn), EnvelopeStatus::function_no_str) << fn;
  }
}

TEST(T3ParseEnvelope, AStrOfZeroBytesIsTrue) {
  EXPECT_EQ(status_of_hex("81 a2666e a100"), EnvelopeStatus::ok);
  EXPECT_EQ(status_of_hex("81 a2666e d90100"), EnvelopeStatus::ok);
}

TEST(T3ParseEnvelope, WhatIsNoMapIsSaidToBeNone) {
  for (const char* hex : {"c0", "01", "a2666e", "920102", "c40161", "d40500"}) {
    EXPECT_EQ(status_of_hex(hex), EnvelopeStatus::not_a_map) << hex;
  }
}

TEST(T3ParseEnvelope, BrokenBytesComeBeforeAnyOtherComplaint) {
  for (const char* hex : {"",
                          "c1",
                          "c0c0",
                          "a2666e00",
                          "9101c0",
                          "92",
                          "80c0",
                          "81",
                          "81a2666e",
                          "81a266",
                          "81a2666ea16600",
                          "82a2666ea166",
                          "81a2666ec1",
                          "81a2666ec000",
                          "81c1a166",
                          "de",
                          "de00",
                          "df000000",
                          "dfffffffff a2666ea166",
                          "81a2666e dbffffffff61",
                          "81 a2666e 9201"}) {
    EXPECT_EQ(status_of_hex(hex), EnvelopeStatus::malformed) << hex;
  }
}

TEST(T3ParseEnvelope, AnArgumentMayBeAsDeepAsAnyValue) {
  const std::string head = from_hex("82 a2666e a166 a464617461");
  const std::string deepest = times(kMaxDepth, "\x91") + "\xc0";
  EXPECT_EQ(envelope_of(head + deepest).status, EnvelopeStatus::ok);
  EXPECT_EQ(envelope_of(head + deepest).argument.size(), deepest.size());
  EXPECT_EQ(envelope_of(head + "\x91" + deepest).status, EnvelopeStatus::too_deep);
  EXPECT_EQ(envelope_of(times(5000, "\x91")).status, EnvelopeStatus::too_deep);
  EXPECT_EQ(envelope_of("\x81" + times(5000, "\x91")).status, EnvelopeStatus::too_deep);
  EXPECT_EQ(envelope_of(times(5000, from_hex("81c0"))).status, EnvelopeStatus::too_deep);
}

TEST(T3ParseEnvelope, RandomArgumentsComeBackAndTheirTruncationsDoNot) {
  RandomValues values(6);
  for (int round = 0; round < 1000; ++round) {
    const std::string argument = values.value();
    std::string bytes;
    write_request(bytes, 9, "echo", argument);
    const std::string payload = payload_of(bytes);
    const Envelope envelope = envelope_of(payload);
    ASSERT_EQ(envelope.status, EnvelopeStatus::ok);
    ASSERT_EQ(envelope.function, "echo");
    ASSERT_EQ(envelope.argument, argument);
    ASSERT_EQ(envelope_of(payload + "\xc0").status, EnvelopeStatus::malformed);
    for (size_t size = 0; size < payload.size(); ++size) {
      const std::string front = payload.substr(0, size);
      ASSERT_EQ(envelope_of(front).status, EnvelopeStatus::malformed);
    }
  }
}

// Small requests and replies are put together in another way than large ones, and the usual request
// is read in another way than any other.
TEST(T3WriteRequest, ReadsBackAtEveryLength) {
  for (const size_t name_bytes : {1, 2, 30, 31, 32, 33, 80, 300}) {
    const std::string name(name_bytes, 'n');
    for (size_t text_bytes = 0; text_bytes < 300; ++text_bytes) {
      std::string argument = from_hex("da");
      argument += static_cast<char>(text_bytes >> 8);
      argument += static_cast<char>(text_bytes);
      argument.append(text_bytes, 'x');
      std::string bytes = "before";
      write_request(bytes, 0x01020304, name, argument);
      const Frame frame = parse_frame(ByteView(bytes).substr(6), kLimit);
      ASSERT_EQ(frame.status, FrameStatus::whole);
      ASSERT_EQ(frame.size, bytes.size() - 6);
      ASSERT_EQ(frame.id, 0x01020304u);
      const Envelope envelope = parse_envelope(frame.payload);
      ASSERT_EQ(envelope.status, EnvelopeStatus::ok);
      ASSERT_EQ(envelope.function, name);
      ASSERT_EQ(envelope.argument, argument);
    }
  }
}

TEST(T3WriteFrame, ReadsBackAtEveryLength) {
  for (size_t size = 1; size < 300; ++size) {
    const std::string payload(size, 'p');
    std::string bytes = "before";
    write_frame(bytes, 7, true, payload);
    const Frame frame = parse_frame(ByteView(bytes).substr(6), kLimit);
    ASSERT_EQ(frame.status, FrameStatus::whole);
    ASSERT_EQ(frame.flag, 1);
    ASSERT_EQ(frame.payload, payload);
  }
}

TEST(T3ParseEnvelope, OfTheUsualFormEveryCutIsMalformed) {
  const std::string payload = payload_of(kSave);
  for (size_t size = 0; size < payload.size(); ++size) {
    EXPECT_EQ(parse_envelope(payload.substr(0, size)).status, EnvelopeStatus::malformed) << size;
  }
  EXPECT_EQ(parse_envelope(payload + "\xc0").status, EnvelopeStatus::malformed);
}

// Whatever stands where the head of a short str is due, and as many bytes as that would announce.
TEST(T3ParseEnvelope, OfTheUsualFormOnlyAShortStrIsAName) {
  for (int head = 0; head < 256; ++head) {
    const std::string payload = from_hex("82a2666e") + static_cast<char>(head) +
                                std::string((head - 0xa0) & 0x7f, 'x') + from_hex("a464617461c0");
    const Envelope envelope = envelope_of(payload);
    EXPECT_EQ(envelope.status == EnvelopeStatus::ok, head > 0xa0 && head <= 0xbf) << head;
  }
}

}  // namespace
}  // namespace zerogate::wire::t3
