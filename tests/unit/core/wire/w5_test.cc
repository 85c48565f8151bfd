#include "core/wire/w5.h"

#include <gtest/gtest.h>

#include <string>

#include "core/wire/msgpack_scan.h"
#include "tests/unit/core/wire/wire_testing.h"

namespace zerogate::wire::w5 {
namespace {

using testing::from_hex;
using testing::RandomValues;
using testing::times;

const std::string kId = from_hex("1fd81f1808d8edef009abaeaa754117e");

// What ZeroClient of zeroapi 1.0.1 (msgspec 0.22.0, pyzmq) sent to a bare ROUTER on connecting, for
// call("hello_world", None) and for call("save_order", {"user_id": "1", "items": [...]}).
const std::string kConnect = from_hex("49fdf964c865dd46f6034f61a4060796 636f6e6e656374");
const std::string kHello = kId + from_hex("68656c6c6f5f776f726c64") + times(69, from_hex("20"));
const std::string kSaveArgument =
    from_hex("82a7757365725f6964a131a56974656d7392a56170706c65a6707974686f6e");
const std::string kSave = from_hex("0c3fc6273e60ec8f8c33884e9e8fb1da 736176655f6f72646572") +
                          times(70, from_hex("20")) + kSaveArgument;

std::string padded(ByteView name) {
  std::string out(name);
  out.resize(kNameBytes, ' ');
  return out;
}

TEST(W5ParseRequest, ReadsTheRequestsOfTheRealClient) {
  ASSERT_EQ(kHello.size(), 96u);
  ASSERT_EQ(kSave.size(), 127u);
  const Request connect = parse_request(kConnect);
  EXPECT_EQ(connect.status, RequestStatus::ok);
  EXPECT_EQ(connect.id, kConnect.substr(0, 16));
  EXPECT_EQ(connect.function, "connect");
  EXPECT_EQ(connect.argument, "\xc0");

  const Request hello = parse_request(kHello);
  EXPECT_EQ(hello.status, RequestStatus::ok);
  EXPECT_EQ(hello.id, kId);
  EXPECT_EQ(hello.function, "hello_world");
  EXPECT_EQ(hello.argument, "\xc0");

  const Request save = parse_request(kSave);
  EXPECT_EQ(save.status, RequestStatus::ok);
  EXPECT_EQ(save.function, "save_order");
  EXPECT_EQ(save.argument, kSaveArgument);
}

TEST(W5ParseRequest, AShortBodyIsIdThenName) {
  const Request none = parse_request("");
  EXPECT_EQ(none.status, RequestStatus::ok);
  EXPECT_EQ(none.id, "");
  EXPECT_EQ(none.function, "");
  EXPECT_EQ(none.argument, "\xc0");
  for (size_t size = 1; size <= 96; ++size) {
    const std::string front = kHello.substr(0, size);
    const Request request = parse_request(front);
    EXPECT_EQ(request.status, RequestStatus::ok);
    EXPECT_EQ(request.id, front.substr(0, 16));
    EXPECT_EQ(request.function, size <= 16 ? "" : std::string("hello_world").substr(0, size - 16));
    EXPECT_EQ(request.argument, "\xc0");
  }
}

TEST(W5ParseRequest, StripsWhatPythonStrips) {
  const auto name_of = [](std::string name) {
    return std::string(parse_request(kId + name).function);
  };
  EXPECT_EQ(name_of(" \t\n\r\v\f echo \t\n\r\v\f"), "echo");
  EXPECT_EQ(name_of("two words "), "two words");
  EXPECT_EQ(name_of(std::string(80, ' ')), "");
  EXPECT_EQ(name_of(std::string("echo\0\0", 6)), std::string("echo\0\0", 6));
  EXPECT_EQ(name_of("\x1c"
                    "echo\x85\xa0"),
            "\x1c"
            "echo\x85\xa0");
  EXPECT_EQ(name_of(std::string(80, 'n')), std::string(80, 'n'));
}

TEST(W5ParseRequest, ALongNameSpillsIntoTheArgument) {
  const std::string body = kId + std::string(80, 'n') + "x";
  const Request request = parse_request(body);
  EXPECT_EQ(request.function, std::string(80, 'n'));
  EXPECT_EQ(request.argument, "x");  // the integer 120, to any decoder
  EXPECT_EQ(parse_request(body + "y").status, RequestStatus::malformed);
}

TEST(W5ParseRequest, JudgesTheArgumentAndStillFindsIdAndName) {
  for (const char* hex : {"c1", "c0c0", "92", "9201", "db ffffffff 61", "df ffffffff", "a2 61"}) {
    const std::string body = kId + padded("echo") + from_hex(hex);
    const Request request = parse_request(body);
    EXPECT_EQ(request.status, RequestStatus::malformed) << hex;
    EXPECT_EQ(request.id, kId);
    EXPECT_EQ(request.function, "echo");
  }
  const std::string deepest = times(kMaxDepth, "\x91") + "\xc0";
  EXPECT_EQ(parse_request(kId + padded("echo") + deepest).status, RequestStatus::ok);
  EXPECT_EQ(parse_request(kId + padded("echo") + "\x91" + deepest).status, RequestStatus::too_deep);
}

TEST(W5WriteRequest, WritesTheBytesOfTheRealClient) {
  std::string out = "before";
  write_request(out, kId, "hello_world", "\xc0");
  EXPECT_EQ(out, "before" + kHello);
  out.clear();
  write_request(out, ByteView(kSave).substr(0, 16), "save_order", kSaveArgument);
  EXPECT_EQ(out, kSave);
}

TEST(W5WriteRequest, IsReadBack) {
  RandomValues values(7);
  for (int round = 0; round < 2000; ++round) {
    const std::string id = values.bytes(kIdBytes);
    const std::string name(1 + values.below(kNameBytes), static_cast<char>('a' + values.below(26)));
    const std::string argument = values.value();
    std::string body;
    write_request(body, id, name, argument);
    const Request request = parse_request(body);
    ASSERT_EQ(request.status, RequestStatus::ok);
    ASSERT_EQ(request.id, id);
    ASSERT_EQ(request.function, name);
    ASSERT_EQ(request.argument, argument);
    ASSERT_EQ(parse_request(body + "\xc0").status,
              argument == "\xc0" ? RequestStatus::ok : RequestStatus::malformed);
    for (size_t size = kIdBytes + kNameBytes + 1; size < body.size(); ++size) {
      const std::string front = body.substr(0, size);
      ASSERT_EQ(parse_request(front).status, RequestStatus::malformed);
    }
  }
}

TEST(W5ParseReply, FindsIdAndResult) {
  const std::string body = kId + from_hex("ab68656c6c6f20776f726c64");
  const Reply reply = parse_reply(body);
  EXPECT_EQ(reply.status, ReplyStatus::ok);
  EXPECT_EQ(reply.id, kId);
  EXPECT_EQ(reply.result, from_hex("ab68656c6c6f20776f726c64"));
  EXPECT_EQ(parse_reply(kId).status, ReplyStatus::no_result);
  for (size_t size = 0; size < kIdBytes; ++size) {
    EXPECT_EQ(parse_reply(ByteView(kId).substr(0, size)).status, ReplyStatus::short_id);
  }
}

// Padding is taken away eight bytes at a time, as Python's strip() would.
TEST(W5ParseRequest, FindsNamesOfEveryLengthInTheirPadding) {
  const std::string id(kIdBytes, 'i');
  for (size_t size = 0; size <= kNameBytes; ++size) {
    for (const char* end : {"", " ", "\t", " \t ", "\v\f\r\n"}) {
      std::string name(size, 'n');
      if (size > 9) {
        name[size - 9] = ' ';
      }
      std::string field = std::string(end) + name + end;
      if (field.size() > kNameBytes) {
        continue;
      }
      field.resize(kNameBytes, ' ');
      const std::string body = id + field;
      const Request request = parse_request(body);
      EXPECT_EQ(request.function, name) << size << " '" << end << "'";
      EXPECT_EQ(request.argument, "\xc0");
    }
  }
  const std::string nul = id + std::string("name\0", 5) + std::string(kNameBytes - 5, ' ');
  EXPECT_EQ(parse_request(nul).function, ByteView("name\0", 5));
}

}  // namespace
}  // namespace zerogate::wire::w5
