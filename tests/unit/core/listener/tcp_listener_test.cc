// Zero's frames in, answers out: what of them needs no network. tests/integration has the rest.
#include "core/listener/tcp_listener.h"

#include <deque>

#include "core/rpc/service.h"
#include "core/wire/hops.h"
#include "core/wire/msgpack_scan.h"
#include "core/wire/zerror.h"
#include "tests/unit/core/listener/stream_fixture.h"
#include "tests/unit/core/wire/wire_testing.h"

namespace zerogate::testing {
namespace {

using wire::ErrorKey;
using wire::testing::from_hex;
using wire::testing::times;

/// Keeps its calls until the test answers them.
struct Keeper final : Service {
  void serve(const Request& request, Call call) override {
    arguments.emplace_back(request.argument);
    hops.push_back(request.hops);
    calls.push_back(std::move(call));
  }
  void answer_last(ByteView body) {
    Call call = std::move(calls.back());
    calls.pop_back();
    std::move(call).reply(body);
  }
  std::vector<std::string> arguments;
  std::vector<int> hops;
  std::deque<Call> calls;
};

class TcpFramesTest : public StreamTest {
 protected:
  TcpFramesTest() { router_.add("keep", keeper_); }
  ~TcpFramesTest() override { keeper_.calls.clear(); }

  std::unique_ptr<Peer> connect() {
    auto peer = std::make_unique<Peer>();
    tcp_.adopt(peer->take_other());
    turn();
    return peer;
  }
  /// A call of "keep" as the format before the request ids has it.
  static std::string t1(ByteView argument) {
    std::string payload = from_hex("82a2666ea4") + "keep" + from_hex("a464617461");
    payload += argument;
    return std::string(3, '\0') + static_cast<char>(payload.size()) + payload;
  }
  static std::string t1_reply(ByteView result) {
    const std::string payload = from_hex("81a464617461") + std::string(result);
    return std::string(3, '\0') + static_cast<char>(payload.size()) + payload;
  }
  static std::string t2(uint32_t id, ByteView argument) {
    std::string bytes = t1(argument);
    bytes[3] = static_cast<char>(bytes[3] + 4);
    return bytes.insert(4, std::string(3, '\0') + static_cast<char>(id));
  }
  static std::string t3(uint32_t id, ByteView argument, ByteView function = "keep",
                        uint8_t flag = 0) {
    std::string bytes;
    wire::t3::write_request(bytes, id, function, argument, flag);
    return bytes;
  }
  /// A frame of T3, with the flag of an error or without.
  static std::string t3_frame(uint32_t id, ByteView payload, bool error = false) {
    std::string bytes;
    wire::t3::write_frame(bytes, id, error, payload);
    return bytes;
  }
  static std::string t3_error(uint32_t id, ByteView message,
                              ErrorKey key = ErrorKey::server_exception) {
    std::string body;
    wire::write_error(body, key, message);
    return t3_frame(id, body, true);
  }
  std::string after_answer(Peer& peer) {
    answer_is_out();
    return peer.receive();
  }
  uint64_t others(Outcome outcome) const {
    return worker_metrics_.ended(FunctionLabels::other(), Wire::t3, outcome);
  }

  FunctionLabels labels_{{"keep"}};
  WorkerMetrics worker_metrics_{labels_};
  Router router_{labels_};
  AccessLogSettings call_log_;
  CallTable calls_{100, worker_metrics_, call_log_};
  Dispatcher dispatcher_{router_, calls_};
  Keeper keeper_;
  TcpListener tcp_{loop_, timers_, dispatcher_, metrics_, options_};
};

// T1 has no ids: its client takes replies in the order of its requests. A service that answers in
// another order may never see two of them at once.
TEST_F(TcpFramesTest, RepliesOfT1AreInOrderWhateverTheServiceDoes) {
  const auto peer = connect();
  peer->send(t1("\x01") + t1("\x02") + t1("\x03"));
  turn();
  std::string replies;
  for (const char* body : {"\x0a", "\x0b", "\x0c"}) {
    ASSERT_EQ(keeper_.calls.size(), 1u);
    keeper_.answer_last(body);
    answer_is_out();
    replies += peer->receive();
  }
  EXPECT_EQ(keeper_.arguments, (std::vector<std::string>{"\x01", "\x02", "\x03"}));
  EXPECT_EQ(replies, t1_reply("\x0a") + t1_reply("\x0b") + t1_reply("\x0c"));
}

TEST_F(TcpFramesTest, RepliesOfT3ComeInTheOrderOfTheAnswers) {
  const auto peer = connect();
  peer->send(t3(1, "\x01") + t3(2, "\x02"));
  turn();
  ASSERT_EQ(keeper_.calls.size(), 2u);
  keeper_.answer_last("\x0b");
  keeper_.answer_last("\x0a");
  turn();
  std::string expected;
  wire::t3::write_frame(expected, 2, false, "\x0b");
  wire::t3::write_frame(expected, 1, false, "\x0a");
  EXPECT_EQ(peer->receive(), expected);
}

TEST_F(TcpFramesTest, OnlyT1HasOneCallAtATime) {
  const auto peer = connect();
  peer->send(t2(7, "\x01") + t2(8, "\x02") + t3(9, "\x03"));
  turn();
  ASSERT_EQ(keeper_.calls.size(), 3u);
  keeper_.answer_last("\x0c");
  keeper_.answer_last("\x0b");
  keeper_.answer_last("\x0a");
  const std::string front = from_hex("81a464617461");
  EXPECT_EQ(after_answer(*peer), t3_frame(9, "\x0c") + from_hex("0000000b00000008") + front +
                                     "\x0b" + from_hex("0000000b00000007") + front + "\x0a");
  peer->send(t1("\x04") + t2(1, "\x05"));
  turn();
  EXPECT_EQ(keeper_.calls.size(), 1u) << "from its first call of T1 on";
}

TEST_F(TcpFramesTest, TheFlagOfAReplyTellsWhetherItIsAnErrorHoweverThatIsKnown) {
  const auto peer = connect();
  std::string error;
  wire::write_error(error, ErrorKey::validation_error, "no");
  for (uint32_t id = 1; id <= 5; ++id) {
    peer->send(t3(id, "\x01"));
  }
  turn();
  ASSERT_EQ(keeper_.calls.size(), 5u);
  keeper_.answer_last("\x0a");
  keeper_.answer_last(error);
  std::move(keeper_.calls[2]).reply(error, BodyKind::result);  // its service knows better
  std::move(keeper_.calls[1]).fail(Outcome::invalid, "no");
  std::move(keeper_.calls[0]).reply("\x0b", Outcome::error);
  EXPECT_EQ(after_answer(*peer), t3_frame(5, "\x0a") + t3_frame(4, error, true) +
                                     t3_frame(3, error) + t3_frame(2, error, true) +
                                     t3_frame(1, "\x0b", true));
}

TEST_F(TcpFramesTest, TheFlagOfARequestCountsTheGateways) {
  const auto peer = connect();
  peer->send(t3(1, "\x01", "keep", wire::flag_of_hops(3)) + t3(2, "\x01", "keep", 3) +
             t2(3, "\x01"));
  turn();
  EXPECT_EQ(keeper_.hops, (std::vector<int>{3, 0, 0}));
}

TEST_F(TcpFramesTest, AWholeValueThatIsNoCallIsAnsweredWithAnErrorAndOthersAreServed) {
  const struct {
    std::string payload;
    ByteView message;
    ErrorKey key = ErrorKey::server_exception;
  } requests[] = {
      {from_hex("93010203"), "Request must be a dict"},
      {from_hex("c0"), "Request must be a dict"},
      {from_hex("80"), "Missing function name"},
      {from_hex("81a46461746101"), "Missing function name"},
      {from_hex("82a2666ec0a46461746101"), "Missing function name"},
      {from_hex("82a2666ea0a46461746101"), "Missing function name"},
      {from_hex("82a2666e05a46461746101"), "Function name must be a str",
       ErrorKey::function_not_found},
      {from_hex("82a2666ec4046b656570a46461746101"), "Function name must be a str",
       ErrorKey::function_not_found},
  };
  const auto peer = connect();
  uint32_t id = 0;
  for (const auto& [payload, message, key] : requests) {
    peer->send(t3_frame(++id, payload));
    EXPECT_EQ(after_answer(*peer), t3_error(id, message, key)) << id;
  }
  EXPECT_EQ(others(Outcome::invalid), 6u);
  EXPECT_EQ(others(Outcome::not_found), 2u);
  EXPECT_EQ(all_malformed(), 0u);
  ClientList list;
  tcp_.list_clients(list);
  ASSERT_EQ(list.clients.size(), 1u);
  EXPECT_EQ(list.clients[0].calls, 8u);
  EXPECT_EQ(list.clients[0].in_flight, 0u);
  EXPECT_EQ(list.clients[0].label, FunctionLabels::other());
  peer->send(t3(9, "\x01"));
  turn();
  ASSERT_EQ(keeper_.calls.size(), 1u);
  keeper_.answer_last("\x0a");
  EXPECT_EQ(after_answer(*peer), t3_frame(9, "\x0a"));
}

TEST_F(TcpFramesTest, ANameThatIsTooLongIsAnsweredAndCounted) {
  const auto peer = connect();
  const std::string longest(kMaxFunctionNameBytes, 'n');
  peer->send(t3(1, "\x01", longest));
  EXPECT_EQ(after_answer(*peer),
            t3_error(1, wire::function_not_found(longest), ErrorKey::function_not_found));
  EXPECT_EQ(all_malformed(), 0u);
  peer->send(t3(2, "\x01", longest + "n") + t3(3, "\x01", longest + "\xff"));
  EXPECT_EQ(after_answer(*peer), t3_error(2, wire::kLongName) + t3_error(3, wire::kLongName));
  EXPECT_EQ(malformed(Malformed::bad_name), 2u);
  EXPECT_EQ(all_malformed(), 2u);
  EXPECT_EQ(others(Outcome::invalid), 2u);
  EXPECT_EQ(others(Outcome::not_found), 1u);
  EXPECT_TRUE(open(*peer));
}

TEST_F(TcpFramesTest, AnArgumentThatIsTooDeepIsAnsweredAndCounted) {
  const auto peer = connect();
  const std::string deepest = times(wire::kMaxDepth - 1, "\x91") + "\x90";
  peer->send(t3(1, deepest) + t3(2, "\x91" + deepest));
  EXPECT_EQ(after_answer(*peer), t3_error(2, wire::kTooDeep));
  EXPECT_EQ(keeper_.arguments, std::vector<std::string>{deepest});
  EXPECT_EQ(malformed(Malformed::too_deep), 1u);
  EXPECT_EQ(all_malformed(), 1u);
  EXPECT_EQ(others(Outcome::invalid), 1u);
  EXPECT_TRUE(open(*peer));
}

TEST_F(TcpFramesTest, WhatIsNoFrameEndsTheConnectionBehindTheAnswersBeforeIt) {
  const std::pair<std::string, Malformed> bad[] = {
      {from_hex("00000000"), Malformed::bad_length},
      {from_hex("0000000400000002"), Malformed::bad_length},
      {from_hex("000000050000000200"), Malformed::empty},
      {"GET / HTTP/1.1\r\n\r\n", Malformed::other_protocol},
      {from_hex("00001006"), Malformed::too_large},
      {t3_frame(2, "\xc1"), Malformed::bad_msgpack},
      {t3_frame(2, "\x01\x01"), Malformed::bad_msgpack},
      {t3(2, "\x01", "\xff"), Malformed::bad_name},
  };
  ASSERT_EQ(options_.max_message, 0x1006u - 6);
  uint64_t ended = 0;
  for (const auto& [bytes, reason] : bad) {
    const auto peer = connect();
    const uint64_t before = malformed(reason);
    received_.clear();
    peer->send(t3(1, "\x01") + bytes + t3(3, "\x01"));
    EXPECT_TRUE(open(*peer)) << "a call is under way";
    ASSERT_EQ(keeper_.calls.size(), 1u) << "nothing behind it is a call";
    keeper_.answer_last("\x0a");
    EXPECT_FALSE(open(*peer));
    EXPECT_EQ(received_, t3_frame(1, "\x0a"));
    EXPECT_EQ(malformed(reason), before + 1) << kMalformedNames[index_of(reason)];
    EXPECT_EQ(all_malformed(), ++ended);
  }
}

TEST_F(TcpFramesTest, AFrameOfTheLimitIsServed) {
  const auto peer = connect();
  const std::string argument = from_hex("c50fef") + std::string(0xfef, 'x');
  const std::string frame = t3(1, argument);
  ASSERT_EQ(frame.size() - wire::t3::kHeaderBytes, options_.max_message);
  peer->send(frame);
  turn();
  EXPECT_EQ(keeper_.arguments, std::vector<std::string>{argument});
  EXPECT_EQ(all_malformed(), 0u);
}

TEST_F(TcpFramesTest, AFrameHasTimeForItsLength) {
  StreamOptions options = options_;
  options.max_message = 1 << 20;
  TcpListener tcp(loop_, timers_, dispatcher_, metrics_, options);
  Peer peer;
  tcp.adopt(peer.take_other());
  peer.send(t3_frame(1, std::string(10 * StreamSession::kSlowestBytesPerSecond, 'x')).substr(0, 9));
  turn();
  wait_ms(options.stall_timeout_ms + 9'000);
  EXPECT_TRUE(open(peer));
  wait_ms(1'000 + 2 * StreamListener::kStallCheckMs);
  EXPECT_FALSE(open(peer));
  EXPECT_EQ(rejected(Rejected::stalled), 1u);
}

TEST_F(TcpFramesTest, AFrameOverTheLimitIsToldByItsHead) {
  const auto peer = connect();
  std::string frame;
  wire::t3::write_frame(frame, 1, false, std::string(options_.max_message + 1, '\xc0'));
  peer->send(frame.substr(0, wire::t3::kHeaderBytes));
  EXPECT_FALSE(open(*peer));
  EXPECT_EQ(malformed(Malformed::too_large), 1u);
}

TEST_F(TcpFramesTest, AnAnswerToACallerThatHasGoneIsAbandoned) {
  const auto peer = connect();
  peer->send(t3(1, "\x01"));
  turn();
  tcp_.close_all();
  keeper_.answer_last("\x0a");
  EXPECT_EQ(worker_metrics_.ended(labels_.find("keep"), Wire::t3, Outcome::abandoned), 1u);
}

}  // namespace
}  // namespace zerogate::testing
