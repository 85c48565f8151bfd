// A peer that vanishes sends neither FIN nor RST: only the kernel can tell, when it is asked to.
// Asked are the sockets of this process, as the kernel has them; to wait for it takes half a
// minute.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <optional>

#include "core/bridge/tcp_backend_connection.h"
#include "core/bridge/zmq_backend_connection.h"
#include "tests/integration/tcp_fixture.h"
#include "tests/integration/zmq_client.h"

namespace zerogate::testing {
namespace {

struct Watch {
  int keep_alive = 0;
  int idle_s = 0;
  int timeout_ms = 0;  ///< TCP_USER_TIMEOUT: sent bytes that are not acknowledged, or not taken
};

int option(int fd, int level, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  EXPECT_EQ(getsockopt(fd, level, name, &value, &size), 0);
  return value;
}

uint16_t port_of(const sockaddr_storage& address) {
  return ntohs(address.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

/// Of this process' connected socket whose own end (or else whose peer's) has the port.
std::optional<Watch> watch_of(uint16_t port, bool own_end) {
  constexpr int kDescriptors = 1'024;
  for (int fd = 3; fd < kDescriptors; ++fd) {
    sockaddr_storage own{}, peer{};
    socklen_t own_size = sizeof own, peer_size = sizeof peer;
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&own), &own_size) != 0 ||
        getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0 ||
        own.ss_family == AF_UNIX || port_of(own_end ? own : peer) != port) {
      continue;
    }
    return Watch{.keep_alive = option(fd, SOL_SOCKET, SO_KEEPALIVE),
                 .idle_s = option(fd, IPPROTO_TCP, TCP_KEEPIDLE),
                 .timeout_ms = option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT)};
  }
  return std::nullopt;
}

struct BackendOwner final : BackendConnection::Owner {
  void on_up(BackendConnection&) override { up = true; }
  void on_reply(BackendConnection&, ForwardedCall&, ByteView) override {}
  void on_late_reply(BackendConnection&) override {}
  void on_down(BackendConnection&, std::string_view reason) override { ADD_FAILURE() << reason; }
  bool up = false;
};

class VanishedPeerTest : public TcpTest {
 protected:
  std::optional<Watch> accepted() const { return watch_of(socket_->bound().port, true); }
  std::optional<Watch> connected() const { return watch_of(socket_->bound().port, false); }
  static void expect(const std::optional<Watch>& watch, int idle_s, int timeout_ms) {
    ASSERT_TRUE(watch);
    EXPECT_EQ(watch->keep_alive, 1);
    EXPECT_EQ(watch->idle_s, idle_s);
    EXPECT_EQ(watch->timeout_ms, timeout_ms);
  }

  const ZmqContext context_{zmq_ctx_new()};
  const std::string read_buffer_ = std::string(FrameReader::kSharedBytes, '\0');
  BackendConnectionOptions options_{.read_buffer = const_cast<char*>(read_buffer_.data()),
                                    .identity = "",
                                    .peer_timeout_ms = 8'000};
  BackendOwner owner_;
};

TEST_F(VanishedPeerTest, ATcpClientIsGivenUp) {
  listen_tcp();
  connect_and_accept();
  expect(accepted(), 60, 30'000);
}

// libzmq's name for it is ZMQ_TCP_MAXRT.
TEST_F(VanishedPeerTest, AZmqClientIsGivenUp) {
  listen_zmq();
  const ZmqClient client(context_.get(), socket_->bound());
  ASSERT_TRUE(run_until([&] { return TransportTest::connections(Protocol::zmq) == 1; }));
  expect(accepted(), 60, 30'000);
}

TEST_F(VanishedPeerTest, ATcpBackendIsGivenUp) {
  listen_tcp();
  const TcpBackendConnection backend(loop_, owner_, socket_->bound(), options_);
  ASSERT_TRUE(run_until([&] { return owner_.up; }));
  expect(connected(), 4, 8'000);
}

TEST_F(VanishedPeerTest, AZmqBackendIsGivenUp) {
  listen_zmq();
  const ZmqBackendConnection backend(loop_, context_.get(), owner_, socket_->bound(), options_);
  ASSERT_TRUE(run_until([&] { return owner_.up; }));
  expect(connected(), 4, 8'000);
}

}  // namespace
}  // namespace zerogate::testing
