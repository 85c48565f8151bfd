// Single connections to ZeroMQ servers: answers that only some callers take, and local sockets.
#include "core/bridge/zmq_backend_connection.h"

#include <gmock/gmock.h>
#include <sys/un.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "core/base/unique_fd.h"
#include "core/wire/server_url.h"
#include "core/wire/w5.h"
#include "tests/unit/core/bridge/connection_fixture.h"
#include "tests/unit/core/client/test_peer.h"

namespace zerogate::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class ZmqBackendConnectionTest : public SocketConnectionTest {
 protected:
  /// To a server that answers each call with these bytes.
  void serve(std::string_view body, const std::string& bind_to = "tcp://127.0.0.1:*") {
    server_ = std::make_unique<ZmqPeer>(
        [body = std::string(body)](const std::string& request) -> ZmqPeer::Replies {
          const bool connects = wire::w5::parse_request(request).function == "connect";
          return {request.substr(0, wire::w5::kIdBytes) + (connects ? "\xa9"
                                                                      "connected"
                                                                    : body)};
        },
        bind_to);
    connect(
        Protocol::zmq,
        ServerUrl::parse(bind_to.starts_with("ipc:") ? bind_to : server_->url()).value().address);
    run_until([this] { return connection_->up(); });
  }
  static std::string local_path() {
    return ::testing::TempDir() + "zerogate-backend-" + std::to_string(getpid()) + ".sock";
  }
  std::string answer_to(Wire wire) {
    ForwardedCall forwarded;
    send(forwarded, wire);
    connection_->flush();
    run_until([&] { return !forwarded.call; });
    return sink_.answers.empty() ? "" : sink_.answers.back().body;
  }

  std::unique_ptr<ZmqPeer> server_;
};

TEST_F(ZmqBackendConnectionTest, BytesThatAreNoMessagePackAreForCallersOverZeroMqAlone) {
  serve("\xc1");
  EXPECT_EQ(answer_to(Wire::w5), "\xc1");
  EXPECT_THAT(answer_to(Wire::t3), HasSubstr("reply of 1 bytes that is not one MessagePack value"));
  EXPECT_THAT(answer_to(Wire::w2), HasSubstr("reply of 1 bytes that is not one MessagePack value"));
  EXPECT_EQ(answer_to(Wire::w3), "\xc1");
}

TEST_F(ZmqBackendConnectionTest, SuchBytesFreeThePlaceOfACallThatWasGivenUp) {
  serve("\xc1");
  ForwardedCall forwarded;
  send(forwarded, Wire::t3);
  connection_->flush();
  connection_->give_up(forwarded, 1);
  std::move(forwarded.call).reply("\xc0");
  EXPECT_EQ(connection_->load(), 1u);
  EXPECT_EQ(requests_.held(), 2u) << "the server has them still";
  run_until([this] { return late_ == 1; });
  EXPECT_EQ(connection_->load(), 0u);
  EXPECT_EQ(requests_.held(), 0u);
  EXPECT_THAT(sink_.answers, SizeIs(1));
}

TEST_F(ZmqBackendConnectionTest, AServerMayHaveALocalSocket) {
  const std::string path = local_path();
  serve("\x07", "ipc://" + path);
  EXPECT_EQ(answer_to(Wire::t3), "\x07");
  EXPECT_TRUE(connection_->peer_reads()) << "it has read all";
  server_.reset();
  run_until([this] { return !downs_.empty(); });
  EXPECT_EQ(downs_, std::vector<std::string>{"the connection was refused or closed"});
  unlink(path.c_str());
}

TEST_F(ZmqBackendConnectionTest, AServerAtALocalSocketThatDoesNotReadIsKnown) {
  const std::string path = local_path();
  unlink(path.c_str());
  const UniqueFd listening(socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(listening.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(listening.get(), 1), 0);
  options_.connect_timeout_ms = 60'000;
  connect(Protocol::zmq, Address::parse("ipc:" + path).value());
  EXPECT_TRUE(connection_->peer_reads()) << "nothing is known yet";
  poll_until([this] { return !connection_->peer_reads(); });
  const UniqueFd accepted(accept4(listening.get(), nullptr, nullptr, SOCK_NONBLOCK));
  char byte = 0;
  poll_until([&] {
    while (recv(accepted.get(), &byte, 1, 0) == 1) {
    }
    return connection_->peer_reads();
  });
  EXPECT_THAT(downs_, SizeIs(0));
  unlink(path.c_str());
}

}  // namespace
}  // namespace zerogate::testing
