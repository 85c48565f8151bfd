// Single connections to raw-TCP servers: why one is not even begun, and replies in pieces.
#include "core/bridge/tcp_backend_connection.h"

#include <gmock/gmock.h>

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "core/io/tls_client.h"
#include "core/wire/server_url.h"
#include "core/wire/t3.h"
#include "tests/unit/core/base/loopback.h"
#include "tests/unit/core/bridge/connection_fixture.h"
#include "tests/unit/core/client/test_peer.h"
#include "tests/unit/core/io/silent_tls_observer.h"

namespace zerogate::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TcpBackendConnectionTest : public SocketConnectionTest {
 protected:
  void connect_to(uint16_t port) {
    connect(Protocol::tcp, {.host = "127.0.0.1", .port = port, .path = {}});
  }
};

TEST_F(TcpBackendConnectionTest, WithoutCertificatesThatCanBeUsedNobodyIsConnectedTo) {
  SilentTlsObserver observer;
  TlsLoop tls(loop_.uv());
  const LoopbackPort port;
  ASSERT_EQ(listen(port.fd(), 1), 0);
  options_.tls = std::make_shared<TlsClient>(tls, observer, nullptr);
  connect_to(port.number());
  EXPECT_THAT(downs_, ElementsAre()) << "not before its owner has it";
  run_until([this] { return !downs_.empty(); });
  EXPECT_THAT(downs_, ElementsAre("its certificates cannot be used"));
  EXPECT_FALSE(has_newcomer(port.fd()));
}

// The header may be in two pieces although the frame has nothing else.
TEST_F(TcpBackendConnectionTest, AnEmptyReplyMayComeInPieces) {
  for (size_t part = 1; part < wire::t3::kHeaderBytes; ++part) {
    std::promise<void> first_is_there;
    const TcpPeer server([part, go = first_is_there.get_future().share()](int fd) {
      std::vector<std::string> replies;
      std::string buffer;
      for (const std::string_view body : {"\xa9"
                                          "connected",
                                          "\x01", ""}) {
        const wire::t3::Frame request = read_frame(fd, buffer);
        buffer.erase(0, request.size);
        wire::t3::write_frame(replies.emplace_back(), request.id, false, body);
        if (replies.size() == 1) {
          write_all(fd, replies[0]);
        }
      }
      write_all(fd, replies[1] + replies[2].substr(0, part));
      go.wait();
      write_all(fd, replies[2].substr(part));
      read_frame(fd, buffer);  // until the gateway closes
    });
    connect_to(ServerUrl::parse(server.url()).value().address.port);
    run_until([this] { return connection_->up(); });
    ForwardedCall first, second;
    send(first);
    send(second);
    connection_->flush();
    run_until([&] { return !first.call; });
    EXPECT_EQ(sink_.answers.back().body, "\x01");
    first_is_there.set_value();
    run_until([&] { return !second.call; });
    EXPECT_THAT(sink_.answers.back().body,
                HasSubstr("'b' sent a reply of 0 bytes that is not one MessagePack value"))
        << part;
    EXPECT_TRUE(connection_->up());
    connection_.reset();
  }
}

}  // namespace
}  // namespace zerogate::testing
