// What the ZeroMQ port of one worker tells those of the others.
#include <gtest/gtest.h>

#include <deque>
#include <vector>

#include "core/listener/accept_balancer.h"
#include "tests/integration/transport_fixture.h"
#include "tests/integration/zmq_client.h"
#include "tests/unit/core/base/loopback.h"

namespace zerogate::testing {
namespace {

class ZmqBalanceTest : public TransportTest {
 protected:
  static constexpr uint64_t kPauseMs = 20;  // after which connections come slowly

  /// For a worker that is not there.
  void tell_for_other(uint64_t connections) {
    ASSERT_TRUE(run_until([&] { return sockets_[1].member().tell(connections); }));
  }
  bool other_has_newcomer() const { return has_newcomer(sockets_[1].fd()); }

  std::vector<ListenSocket> sockets_ = ListenSocket::open_group({"127.0.0.1", 0, ""}, 2).value();
  ZmqContext context_{zmq_ctx_new()};
  std::deque<ZmqClient> clients_;
};

TEST_F(ZmqBalanceTest, TheNextConnectionIsTheOthersThatHasFewer) {
  listen_zmq_on(sockets_[0], {});
  tell_for_other(AcceptBalancer::kFull);
  for (uint64_t i = 1; i <= 4; ++i) {
    clients_.emplace_back(context_.get(), sockets_[0].bound());
    ASSERT_TRUE(run_until([&] { return connections(Protocol::zmq) == i; }));
  }
  ASSERT_FALSE(other_has_newcomer());
  ASSERT_TRUE(run_for_ms(kPauseMs));
  tell_for_other(2);
  clients_.emplace_back(context_.get(), sockets_[0].bound());
  ASSERT_TRUE(run_until([&] { return other_has_newcomer() || connections(Protocol::zmq) != 4; }));
  EXPECT_TRUE(other_has_newcomer());
}

}  // namespace
}  // namespace zerogate::testing
