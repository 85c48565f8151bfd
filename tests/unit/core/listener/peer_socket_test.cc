#include "core/listener/peer_socket.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/unique_fd.h"

namespace zerogate {
namespace {

/// Both ends of a TCP connection.
class PeerSocketTest : public ::testing::Test {
 protected:
  PeerSocketTest() {
    const UniqueFd server(socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(server.get(), generic, size), 0);
    EXPECT_EQ(listen(server.get(), 1), 0);
    getsockname(server.get(), generic, &size);
    peer_.reset(socket(AF_INET, SOCK_STREAM, 0));
    EXPECT_EQ(connect(peer_.get(), generic, size), 0);
    ours_.reset(accept(server.get(), nullptr, nullptr));
  }

  UniqueFd ours_;
  UniqueFd peer_;
};

TEST_F(PeerSocketTest, CountsWhatThePeerHasSent) {
  const PeerSocket socket(ours_.get());
  EXPECT_EQ(socket.received(), 0u);
  ASSERT_EQ(send(peer_.get(), "hello", 5, MSG_NOSIGNAL), 5);
  pollfd arrives{ours_.get(), POLLIN, 0};
  ASSERT_EQ(poll(&arrives, 1, -1), 1);
  EXPECT_EQ(socket.received(), 5u);
}

TEST_F(PeerSocketTest, EndsTheConnectionForBoth) {
  EXPECT_TRUE(PeerSocket(ours_.get()).end());
  char byte;
  EXPECT_EQ(recv(ours_.get(), &byte, 1, 0), 0);
  EXPECT_EQ(recv(peer_.get(), &byte, 1, 0), 0);
}

TEST_F(PeerSocketTest, ADescriptorThatIsAnothersByNowIsLeftAlone) {
  const PeerSocket socket(ours_.get());
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  const UniqueFd one(ends[0]), two(ends[1]);
  ASSERT_EQ(dup2(one.get(), ours_.get()), ours_.get());
  EXPECT_EQ(socket.received(), std::nullopt);
  EXPECT_FALSE(socket.end());
  EXPECT_EQ(send(two.get(), "x", 1, MSG_NOSIGNAL), 1) << "it was ended";
}

TEST_F(PeerSocketTest, WhatIsNoTcpConnectionHasReceivedNothing) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  const UniqueFd one(ends[0]), two(ends[1]);
  EXPECT_EQ(PeerSocket(one.get()).received(), std::nullopt);
  EXPECT_EQ(PeerSocket().received(), std::nullopt);
  EXPECT_FALSE(PeerSocket().end());
}

}  // namespace
}  // namespace zerogate
