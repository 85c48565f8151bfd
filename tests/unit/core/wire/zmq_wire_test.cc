#include "core/wire/zmq_wire.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/wire/msgpack_scan.h"
#include "core/wire/msgpack_write.h"
#include "core/wire/zerror.h"
#include "tests/unit/core/wire/wire_testing.h"

namespace zerogate::wire {
namespace {

using testing::from_hex;
using testing::RandomValues;
using testing::times;
using w5::RequestStatus;

const std::string kNone = "\xc0";
const std::string kSaveArgument =
    from_hex("82a7757365725f6964a131a56974656d7392a56170706c65a6707974686f6e");
const std::string kHexId = "c06ba27f01bd4c07b661ec030d18a3e6";
const std::string kRawId = from_hex("2b89aa52b654ef2ca5c4779457e1f1fc");
constexpr Wire kOneFrameWires[] = {Wire::w2, Wire::w3, Wire::w4, Wire::w5};

std::string padded(std::string name, size_t size) {
  name.resize(size, ' ');
  return name;
}

/// A request as the clients of `wire` write it; no argument for nil.
std::string request_of(Wire wire, const std::string& id, const std::string& name,
                       const std::string& argument) {
  std::string body;
  if (wire == Wire::w2) {
    body = "\x93\xd9\x20" + id;
    write_str(body, name);
    return body + (argument == kNone ? "\xa0" : argument);
  }
  body = id + padded(name, wire == Wire::w3 ? 120 : 80);
  return argument == kNone ? body : body + argument;
}

/// Views of the result point into `body`, which must be a variable where they are read.
void expect_request(const std::string& body, Wire wire, const std::string& id,
                    const std::string& function, const std::string& argument) {
  const ZmqRequest request = parse_zmq_request(body);
  EXPECT_EQ(request.wire, wire) << body;
  EXPECT_EQ(request.status, RequestStatus::ok) << body;
  EXPECT_EQ(request.id, id);
  EXPECT_EQ(request.function, function);
  EXPECT_EQ(request.argument, argument);
}

// What ZeroClient of each release sent to a bare ROUTER for call("hello_world", None) and
// call("save_order", {"user_id": "1", "items": ["apple", "python"]}), before that on connecting.
struct W2Session {
  const char* release;
  const char* connect_id;
  const char* hello_id;
  const char* save_id;
};
constexpr W2Session kW2Sessions[] = {
    {"0.3.3", "f1b8a1a90d4142559555d22d9da030e6", "1cd8416ac802486e9a0208b37fa57216",
     "c4efd71c3a9d43ed86917a213b7213bc"},
    {"0.3.4", "c19da0a787a24cfda850853aec4241a0", "54caaf44b9044741a1acb4f3057196e8",
     "8ff40958d7f2468cb51306ed1ccb29aa"},
    {"0.3.51", "b201f07c70fa40e6a6cb5d5652dca640", "6f746bc72a924ce4ab79ba09991d8041",
     "699732a9e0ca41099b8bcc7cf1374913"},
    {"0.3.60", "5ae1dcf56cfc4e35aea00dab078233ce", "c2eccf9a1aec49af86e92430719678c3",
     "80a03b4335db4fc1b97abca2593297ba"},
    {"0.4.1", "705ae381bca74614837153b44c3da1cc", "d2df5cace539472b91844273c0e00676",
     "7ddef3ad36e84e89907a10e5e61a3536"},
    {"0.5.2", "efdd1a673a3e4136995d3d8db0077e70", "884152258a7943c19250bafdfae52f34",
     "fd6274b46e5b4abb9fa302255ba4a599"},
};

TEST(ZmqWire, ReadsTheRequestsOfW2Clients) {
  for (const W2Session& session : kW2Sessions) {
    SCOPED_TRACE(session.release);
    const std::string front = from_hex("93d920");
    expect_request(front + session.connect_id + from_hex("a7636f6e6e656374a0"), Wire::w2,
                   session.connect_id, "connect", kNone);
    expect_request(front + session.hello_id + from_hex("ab68656c6c6f5f776f726c64a0"), Wire::w2,
                   session.hello_id, "hello_world", kNone);
    expect_request(front + session.save_id + from_hex("aa736176655f6f72646572") + kSaveArgument,
                   Wire::w2, session.save_id, "save_order", kSaveArgument);
  }
}

TEST(ZmqWire, ReadsTheRequestsOfW3Clients) {  // 0.6.0
  const std::string hello =
      "70514b8c2fa14febb03a140735f5875b" + from_hex("68656c6c6f5f776f726c64") + times(109, " ");
  ASSERT_EQ(hello.size(), 152u);
  expect_request(hello, Wire::w3, hello.substr(0, 32), "hello_world", kNone);
  const std::string save = "a5a3571d7eec4fdd84e0eb4a75e29790" + from_hex("736176655f6f72646572") +
                           times(110, " ") + kSaveArgument;
  ASSERT_EQ(save.size(), 183u);
  expect_request(save, Wire::w3, save.substr(0, 32), "save_order", kSaveArgument);
}

TEST(ZmqWire, ReadsTheRequestsOfW4Clients) {  // 0.7.0
  const std::string hello =
      "c06ba27f01bd4c07b661ec030d18a3e6" + from_hex("68656c6c6f5f776f726c64") + times(69, " ");
  ASSERT_EQ(hello.size(), 112u);
  expect_request(hello, Wire::w4, hello.substr(0, 32), "hello_world", kNone);
  const std::string save = "134942fa4e7e4827a15393c5c1a65ec7" + from_hex("736176655f6f72646572") +
                           times(70, " ") + kSaveArgument;
  ASSERT_EQ(save.size(), 143u);
  expect_request(save, Wire::w4, save.substr(0, 32), "save_order", kSaveArgument);
}

TEST(ZmqWire, ReadsTheRequestsOfW5Clients) {
  // 0.8.0, 0.9.0, 1.0.1: connect, hello_world, save_order.
  for (const char* id : {"3a9a324e0c02ce2139e80fb891d2df82", "8aa67235f73996e66170a064bd9da566",
                         "49fdf964c865dd46f6034f61a4060796"}) {
    expect_request(from_hex(id) + "connect", Wire::w5, from_hex(id), "connect", kNone);
  }
  for (const char* id : {"2b89aa52b654ef2ca5c4779457e1f1fc", "f9a34d235995320982f6612c9a35fb73",
                         "1fd81f1808d8edef009abaeaa754117e"}) {
    const std::string hello = from_hex(id) + from_hex("68656c6c6f5f776f726c64") + times(69, " ");
    ASSERT_EQ(hello.size(), 96u);
    expect_request(hello, Wire::w5, from_hex(id), "hello_world", kNone);
  }
  for (const char* id : {"ad1d3c12c01700aced956fc4efc7a773", "fe0201d969bc9b9630ef49b7ef0f48d3",
                         "0c3fc6273e60ec8f8c33884e9e8fb1da"}) {
    const std::string save =
        from_hex(id) + from_hex("736176655f6f72646572") + times(70, " ") + kSaveArgument;
    ASSERT_EQ(save.size(), 127u);
    expect_request(save, Wire::w5, from_hex(id), "save_order", kSaveArgument);
  }
}

TEST(ZmqWire, ReadsTheRequestsOfW1Clients) {
  // 0.0.1 sends nil for None, 0.2.2 and 0.3.2 an empty str.
  for (const char* none : {"c0", "a0", ""}) {
    const std::string argument = from_hex(none);
    const ZmqRequest hello = parse_w1_request("hello_world", argument);
    EXPECT_EQ(hello.wire, Wire::w1);
    EXPECT_EQ(hello.status, RequestStatus::ok);
    EXPECT_EQ(hello.id, "");
    EXPECT_EQ(hello.function, "hello_world");
    EXPECT_EQ(hello.argument, kNone);
  }
  const ZmqRequest save = parse_w1_request("save_order", kSaveArgument);
  EXPECT_EQ(save.status, RequestStatus::ok);
  EXPECT_EQ(save.function, "save_order");
  EXPECT_EQ(save.argument, kSaveArgument);

  EXPECT_EQ(parse_w1_request("echo", "\xc1").status, RequestStatus::malformed);
  EXPECT_EQ(parse_w1_request("echo", "\x01\x02").status, RequestStatus::malformed);
  EXPECT_EQ(parse_w1_request("echo", times(kMaxDepth + 1, "\x91") + "\xc0").status,
            RequestStatus::too_deep);
  EXPECT_EQ(parse_w1_request("  echo ", "\x01").function, "  echo ");  // not padded, not stripped
}

// A connect of W3 and of W4 (0.6.0 and 0.7.0) are the same 39 bytes but for the random id; the
// reply is the same for both.
TEST(ZmqWire, ConnectOfW3IsCalledW4) {
  for (const char* id : {"1e9695b3a81641148469d904b45aa95f", "bea6846f75af48c1af5b97accee7a297"}) {
    const std::string connect = id + from_hex("636f6e6e656374");
    ASSERT_EQ(connect.size(), 39u);
    expect_request(connect, Wire::w4, id, "connect", kNone);
    EXPECT_EQ(ReplyPrefix(Wire::w4, id).view(), id);
    EXPECT_EQ(ReplyPrefix(Wire::w3, id).view(), id);
    EXPECT_EQ(has_old_errors(Wire::w4), has_old_errors(Wire::w3));
  }
}

TEST(ZmqWire, ThirtyNineBytesWithoutAHexIdAreW5) {
  // id of 16 bytes, then the name "…connect" of 23 bytes: an unpadded W5 request.
  const std::string body = kRawId + "0123456789abcdefconnect";
  ASSERT_EQ(body.size(), 39u);
  expect_request(body, Wire::w5, kRawId, "0123456789abcdefconnect", kNone);
  // The same with a W5 id that is all hex digits: taken for W4, as nothing tells them apart. Real
  // clients pad every name but `connect`, which makes 23 bytes.
  EXPECT_EQ(zmq_wire_of("0123456789abcdef0123456789abcdefconnect"), Wire::w4);
  expect_request("0123456789abcdefconnect", Wire::w5, "0123456789abcdef", "connect", kNone);
}

TEST(ZmqWire, AW5IdOfHexDigitsIsStillW5) {
  const std::string id = "0123456789abcdef";
  const std::string names[] = {"echo",
                               "deadbeefcafe",
                               std::string(15, 'a'),
                               std::string(16, 'a'),  // the first 32 bytes are hex digits
                               "deadbeefcafebabe_x",
                               std::string(64, 'f'),
                               std::string(80, 'f')};
  std::string deep = times(30, "\x91") + kNone;
  for (const std::string& name : names) {
    for (const std::string& argument :
         {kNone, std::string("\x05"), std::string("\x91\x05"), std::string("\xa3xyz"),
          "\xae" + times(14, "a"), "\xaf" + times(15, " "), "\xd9\x40" + times(64, " "),
          "\xdc" + std::string("\x00\x20", 2) + times(32, " "), kSaveArgument, deep}) {
      expect_request(request_of(Wire::w5, id, name, argument), Wire::w5, id, name, argument);
    }
  }
}

TEST(ZmqWire, W3AndW4AreToldApartAt152Bytes) {
  // A W4 request of 152 bytes and more has an argument of 40 and more; it is not the end of a name.
  for (size_t size = 36; size <= 44; ++size) {
    std::string argument = "\xd9";
    argument += static_cast<char>(size - 2);
    argument += times(size - 2, " ");  // the worst case: a str of spaces
    const std::string body = request_of(Wire::w4, kHexId, "echo", argument);
    ASSERT_EQ(body.size(), 112 + size);
    expect_request(body, Wire::w4, kHexId, "echo", argument);
    // Nor is it when the name fills its field.
    expect_request(request_of(Wire::w4, kHexId, std::string(80, 'n'), argument), Wire::w4, kHexId,
                   std::string(80, 'n'), argument);
  }
  // A frame of W3 cut by one byte has no name of 120 bytes: W4, with a tail of spaces behind.
  const std::string hello = request_of(Wire::w3, kHexId, "hello_world", kNone);
  ASSERT_EQ(hello.size(), 152u);
  EXPECT_EQ(zmq_wire_of(hello), Wire::w3);
  EXPECT_EQ(zmq_wire_of(hello.substr(0, 151)), Wire::w4);
  EXPECT_EQ(parse_zmq_request(hello.substr(0, 151)).status, RequestStatus::malformed);
  expect_request(request_of(Wire::w3, kHexId, std::string(120, 'n'), "\x05"), Wire::w3, kHexId,
                 std::string(120, 'n'), "\x05");
}

TEST(ZmqWire, EveryWireReadsItsOwnRequests) {
  RandomValues values(11);
  for (int round = 0; round < 4000; ++round) {
    const Wire wire = kOneFrameWires[values.below(4)];
    std::string id = values.bytes(16);
    if (wire != Wire::w5) {
      id.clear();
      while (id.size() < 32) {
        id.push_back("0123456789abcdef"[values.below(16)]);
      }
    }
    const std::string name(1 + values.below(80), static_cast<char>('a' + values.below(26)));
    std::string argument = values.value();
    if (argument == "\xa0" && wire == Wire::w2) {
      argument = kNone;
    }
    const std::string body = request_of(wire, id, name, argument);
    expect_request(body, wire, id, name, argument);
    if (HasFailure()) {
      return;
    }
  }
}

TEST(ZmqWire, AnEmptyStrIsNoneToTheServersOfW1AndW2) {
  expect_request(request_of(Wire::w2, kHexId, "echo", "\xa0"), Wire::w2, kHexId, "echo", kNone);
  for (const Wire wire : {Wire::w3, Wire::w4}) {
    expect_request(request_of(wire, kHexId, "echo", "\xa0"), wire, kHexId, "echo", "\xa0");
  }
  expect_request(request_of(Wire::w5, kRawId, "echo", "\xa0"), Wire::w5, kRawId, "echo", "\xa0");
}

TEST(ZmqWire, FindsTheIdOfAMalformedRequest) {
  for (const char* hex : {"c1", "a0 c0", "92", "9201", "db ffffffff 61", "a2 61"}) {
    for (const Wire wire : kOneFrameWires) {
      const std::string& id = wire == Wire::w5 ? kRawId : kHexId;
      const std::string body = request_of(wire, id, "echo", from_hex(hex));
      const ZmqRequest request = parse_zmq_request(body);
      EXPECT_EQ(request.wire, wire) << hex;
      EXPECT_EQ(request.status, RequestStatus::malformed) << hex;
      EXPECT_EQ(request.id, id) << hex;
      EXPECT_EQ(request.function, "echo") << hex;
    }
  }
  for (const Wire wire : kOneFrameWires) {
    const std::string& id = wire == Wire::w5 ? kRawId : kHexId;
    const std::string deepest = times(kMaxDepth, "\x91") + kNone;
    expect_request(request_of(wire, id, "echo", deepest), wire, id, "echo", deepest);
    EXPECT_EQ(parse_zmq_request(request_of(wire, id, "echo", "\x91" + deepest)).status,
              RequestStatus::too_deep);
  }
  // W2: no name, no argument, a name that is not a str, one cut short.
  for (const char* rest :
       {"", "a4 6563686f", "05 a0", "c4 01 61 a0", "a4 65", "d9", "db ffffffff"}) {
    const std::string body = "\x93\xd9\x20" + kHexId + from_hex(rest);
    const ZmqRequest request = parse_zmq_request(body);
    EXPECT_EQ(request.wire, Wire::w2) << rest;
    EXPECT_EQ(request.status, RequestStatus::malformed) << rest;
    EXPECT_EQ(request.id, kHexId) << rest;
  }
}

TEST(ZmqWire, WhatIsNotQuiteAnotherWireIsW5) {
  std::string upper = kHexId;
  upper[31] = 'A';
  const std::string others[] = {
      "", "abc", kRawId, kHexId.substr(0, 31), request_of(Wire::w4, upper, "echo", kNone),
      request_of(Wire::w2, upper, "echo", kNone), "\x93\xd9\x20" + kHexId.substr(1),
      // an id of another length, and an array of another
      "\x93\xd9\x1f" + kHexId.substr(1) +
          "\xa4"
          "echo"
          "\xa0",
      "\x92\xd9\x20" + kHexId +
          "\xa4"
          "echo"};
  for (const std::string& body : others) {
    const ZmqRequest request = parse_zmq_request(body);
    EXPECT_EQ(request.wire, Wire::w5) << body;
    EXPECT_EQ(request.id, body.substr(0, 16));
  }
}

TEST(ZmqReply, PutsWhatTheClientExpectsBeforeTheResult) {
  const std::string result = from_hex("ab68656c6c6f20776f726c64");
  const auto reply_of = [&result](Wire wire, const std::string& id) {
    return std::string(ReplyPrefix(wire, id).view()) + result;
  };
  // Replies in these forms were accepted by the real clients that the requests above came from.
  EXPECT_EQ(reply_of(Wire::w1, ""), result);
  EXPECT_EQ(reply_of(Wire::w2, kHexId), from_hex("92d920") + kHexId + result);
  EXPECT_EQ(reply_of(Wire::w3, kHexId), kHexId + result);
  EXPECT_EQ(reply_of(Wire::w4, kHexId), kHexId + result);
  EXPECT_EQ(reply_of(Wire::w5, kRawId), kRawId + result);
  EXPECT_EQ(reply_of(Wire::w5, "abc"), "abc" + result);  // of a message shorter than an id
}

TEST(ZmqReply, OfAnErrorHasTheOldKeyForW1AndW2) {
  std::string error;
  write_error(error, ErrorKey::function_not_found, "Function `nope` not found!");
  std::string old;
  append_for_old_client(old, error);
  ASSERT_NE(old, error);
  EXPECT_TRUE(has_old_errors(Wire::w1));
  EXPECT_TRUE(has_old_errors(Wire::w2));
  EXPECT_FALSE(has_old_errors(Wire::w3));
  EXPECT_FALSE(has_old_errors(Wire::w4));
  EXPECT_FALSE(has_old_errors(Wire::w5));
}

}  // namespace
}  // namespace zerogate::wire
