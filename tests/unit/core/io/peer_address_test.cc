#include "core/io/peer_address.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>
#include <utility>

#include "core/base/unique_fd.h"
#include "tests/unit/core/base/loopback.h"

namespace zerogate::testing {
namespace {

class PeerAddressTest : public ::testing::Test {
 protected:
  void connect_over_v4() {
    LoopbackPort::Pair pair = LoopbackPort().connect_both();
    client_ = std::move(pair.connected);
    server_ = std::move(pair.accepted);
    port_ = own_port(client_.get());
  }
  static std::string own_port(int fd) {
    sockaddr_in6 address{};  // IPv4 has its port in the same place
    socklen_t size = sizeof address;
    getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    return std::to_string(ntohs(address.sin6_port));
  }

  UniqueFd client_, server_;
  std::string port_;
};

TEST_F(PeerAddressTest, IsAnAddressAndAPort) {
  connect_over_v4();
  const auto peer = PeerAddress::of(server_.get());
  ASSERT_TRUE(peer);
  EXPECT_EQ(peer->text(), "127.0.0.1:" + port_);
  EXPECT_EQ(peer->ip(), IpAddress::parse("127.0.0.1"));
  EXPECT_EQ(peer_of(server_.get()), peer->text());
}

// Brackets keep the port apart.
TEST_F(PeerAddressTest, OfIPv6StandsInBrackets) {
  const UniqueFd listener(socket(AF_INET6, SOCK_STREAM, 0));
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener.get(), generic, size) != 0) {
    GTEST_SKIP() << "no IPv6 here";
  }
  ASSERT_EQ(listen(listener.get(), 1), 0);
  getsockname(listener.get(), generic, &size);
  client_.reset(socket(AF_INET6, SOCK_STREAM, 0));
  ASSERT_EQ(connect(client_.get(), generic, size), 0);
  server_.reset(accept(listener.get(), nullptr, nullptr));
  const auto peer = PeerAddress::of(server_.get());
  ASSERT_TRUE(peer);
  EXPECT_EQ(peer->text(), "[::1]:" + own_port(client_.get()));
  EXPECT_EQ(peer->ip(), IpAddress::parse("::1"));
}

TEST_F(PeerAddressTest, OnAUnixSocketIsNone) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  client_.reset(ends[0]);
  server_.reset(ends[1]);
  const auto peer = PeerAddress::of(server_.get());
  ASSERT_TRUE(peer);
  EXPECT_EQ(peer->text(), "unix");
  EXPECT_EQ(peer->ip(), std::nullopt);
}

// What the peer has sent before is there still: whoever takes "no address" for a Unix socket's
// serves it to anybody.
TEST_F(PeerAddressTest, IsForgottenByTheKernelAtAReset) {
  connect_over_v4();
  const auto before = PeerAddress::of(server_.get());
  ASSERT_EQ(send(client_.get(), "x", 1, 0), 1);
  const linger at_once = {1, 0};
  setsockopt(client_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  client_.reset();
  EXPECT_FALSE(PeerAddress::of(server_.get()));
  EXPECT_EQ(peer_of(server_.get()), "gone");
  ASSERT_TRUE(before);
  EXPECT_EQ(before->text(), "127.0.0.1:" + port_);
}

TEST_F(PeerAddressTest, OfWhatIsNoSocketIsNone) { EXPECT_FALSE(PeerAddress::of(-1)); }

TEST(WithoutV4Prefix, AnAddressOfIPv4IsWrittenAsThatThoughItsSocketIsOfIPv6) {
  const std::pair<const char*, const char*> addresses[] = {{"::ffff:10.0.0.1", "10.0.0.1"},
                                                           {"10.0.0.1", "10.0.0.1"},
                                                           {"::1", "::1"},
                                                           {"::ffff:a00:1", "::ffff:a00:1"},
                                                           {"::10.0.0.1", "::10.0.0.1"}};
  for (const auto& [address, shown] : addresses) {
    EXPECT_EQ(without_v4_prefix(address), shown);
  }
}

}  // namespace
}  // namespace zerogate::testing
