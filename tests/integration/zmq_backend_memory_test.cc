// What a connection to a ZeroMQ backend claims of the memory.
#include <gtest/gtest.h>

#include "core/bridge/zmq_backend_connection.h"
#include "core/wire/w5.h"
#include "tests/integration/transport_fixture.h"

namespace zerogate::testing {
namespace {

struct UpOwner final : BackendConnection::Owner {
  void on_up(BackendConnection&) override { up = true; }
  void on_reply(BackendConnection&, ForwardedCall&, ByteView) override {}
  void on_late_reply(BackendConnection&) override {}
  void on_down(BackendConnection&, std::string_view) override {}
  bool up = false;
};

/// A ROUTER that the test speaks with, in place of a server.
class ZmqBackendMemoryTest : public TransportTest {
 protected:
  ZmqBackendMemoryTest() {
    zmq_bind(router_.get(), "tcp://127.0.0.1:*");
    char endpoint[64];
    size_t size = sizeof endpoint;
    zmq_getsockopt(router_.get(), ZMQ_LAST_ENDPOINT, endpoint, &size);
    address_ = Address::parse(ByteView(endpoint).substr(std::strlen("tcp://"))).value();
    options_.memory = &account_;
  }
  /// Whether the probe has come; its sender gets what send() sends.
  bool receive() { return identity_.receive(router_.get()) && probe_.receive(router_.get()); }
  void send(ByteView message) {
    const ByteView to = identity_.received();
    zmq_send(router_.get(), to.data(), to.size(), ZMQ_SNDMORE);
    zmq_send(router_.get(), message.data(), message.size(), 0);
  }

  MemoryAccount account_;
  BackendConnectionOptions options_;
  UpOwner owner_;
  ZmqContext context_{zmq_ctx_new()};
  ZmqSocket router_{zmq_socket(context_.get(), ZMQ_ROUTER)};
  Address address_;
  ZmqMessage identity_, probe_;
};

TEST_F(ZmqBackendMemoryTest, ClaimsNothingForAReplyThatHasNotCome) {
  ZmqBackendConnection backend(loop_, context_.get(), owner_, address_, options_);
  ASSERT_TRUE(run_until([this] { return receive(); }));
  const std::string id(probe_.received().substr(0, wire::w5::kIdBytes));
  send(id + "\xa9" + "connected");
  ASSERT_TRUE(run_until([this] { return owner_.up; }));
  account_.set(MemoryUse::replies, account_.limit());
  send(std::string(1 << 20, 'x'));
  ASSERT_TRUE(run_for_ms(300));
  EXPECT_FALSE(account_.waiting()) << "the long one has been taken, and no other is there";
  send(std::string(1 << 20, 'x'));
  EXPECT_TRUE(run_until([this] { return account_.waiting(); }));
  account_.set(MemoryUse::replies, 0);
  account_.serve(1);
  EXPECT_TRUE(run_until([this] { return account_.total() == 0; })) << "it is taken, too";
}

}  // namespace
}  // namespace zerogate::testing
