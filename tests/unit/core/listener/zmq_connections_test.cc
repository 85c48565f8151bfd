// libzmq's events, as it was seen to send them, and what is made of them.
#include "core/listener/zmq_connections.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zmq.h>

#include <cerrno>

#include "core/log/log.h"
#include "tests/unit/core/base/manual_clock.h"

namespace zerogate::testing {
namespace {

class ZmqConnectionsTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kHandshakeMs = 5'000;

  ZmqConnectionsTest() { log::set_level(log::Level::off); }
  ~ZmqConnectionsTest() override { log::set_level(log::Level::info); }

  void tell(int event, int value) { connections_.on_event(event, value, clock_.now_ms()); }
  void accept(int fd) { tell(ZMQ_EVENT_ACCEPTED, fd); }
  void succeed() { tell(ZMQ_EVENT_HANDSHAKE_SUCCEEDED, 0); }
  void fail(int error) { tell(ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, error); }
  void end(int fd) { tell(ZMQ_EVENT_DISCONNECTED, fd); }
  uint64_t ill() const { return metrics_.malformed[index_of(Malformed::bad_handshake)].value(); }

  ManualClock clock_;
  TimerQueue timers_{clock_};
  ListenerMetrics metrics_;
  RefusalLog refusals_{timers_, metrics_, Protocol::zmq};
  ZmqConnections connections_{metrics_, refusals_, kHandshakeMs};
};

TEST_F(ZmqConnectionsTest, AHealthCheckThatSaysNothingIsNotIll) {
  for (const int error : {ECONNRESET, EPIPE}) {
    accept(100);
    fail(error);
    end(100);
  }
  EXPECT_EQ(ill(), 0u);
  EXPECT_EQ(metrics_.accepted.value(), 2u);
  EXPECT_EQ(metrics_.connections.value(), 0u);
}

TEST_F(ZmqConnectionsTest, AHandshakeThatFailsIsIll) {
  accept(100);
  fail(EAGAIN);  // not in time
  EXPECT_EQ(ill(), 0u) << "told with the connection's end, which says whose it was";
  end(100);
  EXPECT_EQ(ill(), 1u);
  accept(100);
  tell(ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, 0x10000000);
  end(100);
  EXPECT_EQ(ill(), 2u);
}

TEST_F(ZmqConnectionsTest, AnotherProtocolIsIllThoughLibzmqTellsOfItsEndOnly) {
  accept(100);
  end(100);
  EXPECT_EQ(ill(), 1u);
}

TEST_F(ZmqConnectionsTest, AClientThatLeavesIsNotIll) {
  accept(100);
  succeed();
  end(100);
  EXPECT_EQ(ill(), 0u) << "it has never called";
}

TEST_F(ZmqConnectionsTest, AClientThatLeavesWhileAnotherConnectsIsNotIll) {
  accept(100);
  succeed();
  connections_.spoke(100);
  accept(101);
  end(100);
  EXPECT_EQ(ill(), 0u) << "it has spoken";
  succeed();
  connections_.spoke(102);  // its message was read before its event
  accept(102);
  accept(103);
  succeed();
  end(102);
  EXPECT_EQ(ill(), 0u);
  clock_.advance_ms(kHandshakeMs);
  end(101);
  EXPECT_EQ(ill(), 0u) << "it is older than a handshake may be";
  end(103);
  EXPECT_EQ(metrics_.connections.value(), 0u);
}

TEST_F(ZmqConnectionsTest, ADescriptorsNextConnectionBeginsAnew) {
  accept(100);
  succeed();
  connections_.spoke(100);
  end(100);
  accept(100);
  end(100);
  EXPECT_EQ(ill(), 1u);
}

TEST_F(ZmqConnectionsTest, WithoutADescriptorItIsARefusedConnectionAndNoOther) {
  tell(ZMQ_EVENT_ACCEPT_FAILED, EMFILE);
  EXPECT_EQ(metrics_.rejected[index_of(Rejected::descriptors)].value(), 1u);
  EXPECT_EQ(metrics_.accepted.value(), 0u);
  EXPECT_EQ(ill(), 0u);
}

}  // namespace
}  // namespace zerogate::testing
