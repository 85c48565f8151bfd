// Zero's frames in, answers out: what of them needs no network. tests/integration has the rest.
#include "core/listener/tcp_listener.h"

#include <deque>

#include "core/rpc/service.h"
#include "tests/unit/core/listener/stream_fixture.h"
#include "tests/unit/core/wire/wire_testing.h"

namespace zerogate::testing {
namespace {

using wire::testing::from_hex;

/// Keeps its calls until the test answers them.
struct Keeper final : Service {
  void serve(const Request& request, Call call) override {
    arguments.emplace_back(request.argument);
    calls.push_back(std::move(call));
  }
  void answer_last(ByteView body) {
    Call call = std::move(calls.back());
    calls.pop_back();
    std::move(call).reply(body);
  }
  std::vector<std::string> arguments;
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
  static std::string t3(uint32_t id, ByteView argument) {
    std::string bytes;
    wire::t3::write_request(bytes, id, "keep", argument);
    return bytes;
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
