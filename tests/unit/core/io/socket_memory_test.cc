#include "core/io/socket_memory.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <utility>

#include "tests/unit/core/base/loopback.h"

namespace zerogate {
namespace {

class SocketMemoryTest : public ::testing::Test {
 protected:
  SocketMemoryTest() {
    auto [accepted, connected] = testing::LoopbackPort().connect_both();
    ours_ = std::move(accepted);
    peer_ = std::move(connected);
  }
  int option(int name) const {
    int value = -1;
    socklen_t size = sizeof value;
    EXPECT_EQ(getsockopt(ours_.get(), SOL_SOCKET, name, &value, &size), 0);
    return value;
  }
  /// Writes until the kernel takes no more. Returns the bytes that it took.
  static size_t fill(const UniqueFd& from) {
    const std::string bytes(64 << 10, 'x');
    size_t all = 0;
    for (ssize_t sent = 0; sent >= 0; all += sent > 0 ? static_cast<size_t>(sent) : 0) {
      sent = send(from.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    return all;
  }

  UniqueFd ours_;
  UniqueFd peer_;
};

TEST_F(SocketMemoryTest, IsLimitedInBothDirections) {
  limit_socket_memory(ours_.get(), 128 << 10);
  EXPECT_EQ(option(SO_RCVBUF), 128 << 10);
  EXPECT_EQ(option(SO_SNDBUF), 128 << 10);
}

TEST_F(SocketMemoryTest, WithoutALimitNothingChanges) {
  const std::pair before(option(SO_RCVBUF), option(SO_SNDBUF));
  limit_socket_memory(ours_.get(), 0);
  EXPECT_EQ(std::pair(option(SO_RCVBUF), option(SO_SNDBUF)), before);
}

TEST_F(SocketMemoryTest, OfAQuietConnectionIsNone) {
  EXPECT_EQ(socket_memory(ours_.get()).received, 0u);
  EXPECT_EQ(socket_memory(ours_.get()).sent, 0u);
  EXPECT_EQ(socket_memory(-1).all(), 0u);
}

TEST_F(SocketMemoryTest, IsThatOfWhatWasNotRead) {
  limit_socket_memory(ours_.get(), 128 << 10);
  fill(peer_);
  const SocketMemory memory = socket_memory(ours_.get());
  EXPECT_GE(memory.received, 32u << 10);
  EXPECT_LE(memory.received, 256u << 10) << "it takes some more than it is allowed";
  EXPECT_EQ(memory.sent, 0u);
}

TEST_F(SocketMemoryTest, IsThatOfWhatThePeerHasNotTaken) {
  limit_socket_memory(ours_.get(), 128 << 10);
  fill(ours_);
  const SocketMemory memory = socket_memory(ours_.get());
  EXPECT_GE(memory.sent, 32u << 10);
  EXPECT_LE(memory.sent, 256u << 10);
  EXPECT_EQ(memory.received, 0u);
  EXPECT_EQ(memory.all(), memory.sent + memory.spare);
}

TEST_F(SocketMemoryTest, AResetThrowsAwayWhatThePeerHasNotTaken) {
  const size_t sent = fill(ours_);
  reset_at_close(ours_.get());
  ours_.reset();
  char bytes[4096];
  size_t received = 0;
  ssize_t size;
  while ((size = recv(peer_.get(), bytes, sizeof bytes, 0)) > 0) {
    received += static_cast<size_t>(size);
  }
  EXPECT_EQ(size, -1);
  EXPECT_EQ(errno, ECONNRESET);
  EXPECT_LT(received, sent);
}

}  // namespace
}  // namespace zerogate
