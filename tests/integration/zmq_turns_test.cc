// How many of the CURVE port's kind of messages one turn of the loop takes.
#include <algorithm>
#include <map>
#include <string>

#include "core/wire/w5.h"
#include "tests/integration/transport_fixture.h"
#include "tests/integration/zmq_client.h"

namespace zerogate::testing {
namespace {

/// Counts the calls of each turn.
struct TurnService final : Service {
  explicit TurnService(const EventLoop& of) : loop(of) {}
  void serve(const Request&, Call call) override {
    ++calls;
    most = std::max(most, ++by_turn[loop.began_ns()]);
    std::move(call).reply("\xc0");
  }
  const EventLoop& loop;
  std::map<uint64_t, size_t> by_turn;
  size_t calls = 0;
  size_t most = 0;  ///< in one turn
};

class ZmqTurnsTest : public TransportTest {
 protected:
  /// Sends so many before the loop has its next turn, and has them served.
  void call(size_t calls, ByteView argument, Wire wire = Wire::w5) {
    std::string body;
    if (wire == Wire::w5) {
      wire::w5::write_request(body, std::string(wire::w5::kIdBytes, '1'), "turns", argument);
    } else {
      body = argument;
    }
    for (size_t i = 0; i < calls; ++i) {
      ASSERT_TRUE(wire == Wire::w5 || client_->send("turns", ZMQ_SNDMORE));
      ASSERT_TRUE(client_->send(body));
    }
    const size_t all = turns_.calls + calls;
    ASSERT_TRUE(run_until([&] { return turns_.calls == all; }));
  }

  TurnService turns_{loop_};
  ZmqContext context_{zmq_ctx_new()};
  std::optional<ZmqClient> client_;
};

// Each turn has its own budget: a full one is no reason for short ones behind it.
TEST_F(ZmqTurnsTest, ATurnTakesFewLongMessagesAndManyShortOnes) {
  constexpr size_t kPerLook = 2;
  constexpr size_t kPerTurn = 2 * kPerLook;  // what the poll finds, and what is there behind it
  router_.add("turns", turns_);
  listen_zmq();
  client_.emplace(context_.get(), socket_->bound());
  for (const Wire wire : {Wire::w5, Wire::w1}) {
    call(20, value_of_size(ZmqListener::kBytesPerTurn / kPerLook), wire);
    EXPECT_LE(turns_.most, kPerTurn);
  }
  for (int rounds = 0; rounds < 1'000 && turns_.most <= kPerTurn; ++rounds) {
    call(20, "\xc0");
  }
  EXPECT_GT(turns_.most, kPerTurn);
}

}  // namespace
}  // namespace zerogate::testing
