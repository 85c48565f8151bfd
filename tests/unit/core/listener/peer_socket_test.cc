#include "core/listener/peer_socket.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "core/base/unique_fd.h"
#include "tests/unit/core/base/loopback.h"

namespace zerogate {
namespace {

/// Both ends of a TCP connection.
class PeerSocketTest : public ::testing::Test {
 protected:
  PeerSocketTest() {
    auto [accepted, connected] = testing::LoopbackPort().connect_both();
    ours_ = std::move(accepted);
    peer_ = std::move(connected);
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

TEST_F(PeerSocketTest, CountsWhatThePeersKernelHas) {
  const PeerSocket socket(ours_.get());
  const uint64_t before = socket.acknowledged().value();
  ASSERT_EQ(send(ours_.get(), "hello", 5, MSG_NOSIGNAL), 5);
  char bytes[5];
  ASSERT_EQ(recv(peer_.get(), bytes, sizeof bytes, MSG_WAITALL), 5);
  while (socket.acknowledged() != before + 5) {  // loopback acknowledges on its own time
    sched_yield();
  }
  EXPECT_EQ(socket.received(), 0u);
}

TEST_F(PeerSocketTest, CountsWhatItsOwnerHasWrittenWhereverItIs) {
  const PeerSocket socket(ours_.get());
  EXPECT_EQ(socket.written(), 0u);
  ASSERT_EQ(send(peer_.get(), "hello", 5, MSG_NOSIGNAL), 5);
  const std::string bytes(1 << 20, 'x');
  uint64_t written = 0;
  for (ssize_t sent = 0; sent >= 0; written += static_cast<uint64_t>(std::max<ssize_t>(sent, 0))) {
    sent = send(ours_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  EXPECT_EQ(socket.written(), written) << "some is unsent, some is not acknowledged";
}

TEST_F(PeerSocketTest, SaysThatThePeerSendsNoMoreAndWhatIsLeft) {
  const PeerSocket socket(ours_.get());
  EXPECT_EQ(socket.ended(), PeerSocket::End::none);
  ASSERT_EQ(send(peer_.get(), "hello", 5, MSG_NOSIGNAL), 5);
  shutdown(peer_.get(), SHUT_WR);
  pollfd ends{ours_.get(), POLLRDHUP, 0};
  ASSERT_EQ(poll(&ends, 1, -1), 1);
  EXPECT_EQ(socket.ended(), PeerSocket::End::in_order);
  EXPECT_EQ(socket.unread(), 5u);
}

TEST_F(PeerSocketTest, SaysThatTheConnectionIsBroken) {
  const PeerSocket socket(ours_.get());
  const linger reset{.l_onoff = 1, .l_linger = 0};
  setsockopt(peer_.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  peer_.reset();
  pollfd ends{ours_.get(), POLLRDHUP, 0};
  ASSERT_EQ(poll(&ends, 1, -1), 1);
  EXPECT_EQ(socket.ended(), PeerSocket::End::broken);
}

TEST_F(PeerSocketTest, SaysHowMuchThePeersKernelHasRoomFor) {
  const PeerSocket socket(ours_.get());
  const uint32_t before = socket.window().value();
  ASSERT_GT(before, 0u);
  const std::string bytes(1 << 20, 'x');
  while (socket.window().value() > before / 2) {  // more than it takes unread
    const ssize_t sent = send(ours_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ASSERT_TRUE(sent >= 0 || errno == EAGAIN);
  }
}

TEST_F(PeerSocketTest, EndsTheConnectionForBoth) {
  EXPECT_TRUE(PeerSocket(ours_.get()).end());
  char byte;
  EXPECT_EQ(recv(ours_.get(), &byte, 1, 0), 0);
  EXPECT_EQ(recv(peer_.get(), &byte, 1, 0), 0);
}

TEST_F(PeerSocketTest, ADescriptorThatIsAnothersByNowIsLeftAlone) {
  const PeerSocket socket(ours_.get());
  const auto [one, two] = testing::LoopbackPort().connect_both();
  ASSERT_EQ(send(two.get(), "hello", 5, MSG_NOSIGNAL), 5);
  shutdown(two.get(), SHUT_WR);
  ASSERT_EQ(dup2(one.get(), ours_.get()), ours_.get());
  const PeerSocket others(ours_.get());
  while (others.ended() == PeerSocket::End::none) {
    sched_yield();
  }
  EXPECT_GE(others.memory().all(), 5u);
  EXPECT_EQ(socket.received(), std::nullopt);
  EXPECT_EQ(socket.acknowledged(), std::nullopt);
  EXPECT_EQ(socket.written(), std::nullopt);
  EXPECT_EQ(socket.window(), std::nullopt);
  EXPECT_EQ(socket.ended(), PeerSocket::End::none);
  EXPECT_EQ(socket.unread(), 0u);
  EXPECT_EQ(socket.memory().all(), 0u);
  EXPECT_FALSE(socket.end());
  char byte;
  EXPECT_EQ(recv(two.get(), &byte, 1, MSG_DONTWAIT), -1) << "it was ended";
}

TEST_F(PeerSocketTest, WhatIsNoTcpConnectionHasReceivedNothing) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  const UniqueFd one(ends[0]), two(ends[1]);
  EXPECT_EQ(PeerSocket(one.get()).received(), std::nullopt);
  EXPECT_EQ(PeerSocket(one.get()).acknowledged(), std::nullopt);
  EXPECT_EQ(PeerSocket(one.get()).written(), std::nullopt);
  EXPECT_EQ(PeerSocket(one.get()).window(), std::nullopt);
  EXPECT_EQ(PeerSocket().received(), std::nullopt);
  EXPECT_FALSE(PeerSocket().end());
}

}  // namespace
}  // namespace zerogate
