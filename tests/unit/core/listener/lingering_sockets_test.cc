#include "core/listener/lingering_sockets.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "core/testing/manual_clock.h"
#include "tests/unit/core/base/loopback.h"

namespace zerogate {
namespace {

class LingeringSocketsTest : public ::testing::Test {
 protected:
  using Pair = testing::LoopbackPort::Pair;

  static Pair connect() { return testing::LoopbackPort().connect_both(); }
  /// More than the peer's kernel has room for.
  static void fill(const Pair& pair) {
    const std::string bytes(64 << 10, 'x');
    while (send(pair.accepted.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
    }
  }
  /// Ours is closed, as a session does it.
  void close(Pair& pair) {
    sockets_.keep(pair.accepted.get());
    pair.accepted.reset();
  }
  Pair linger() {
    Pair pair = connect();
    fill(pair);
    close(pair);
    return pair;
  }
  void wait_ms(uint64_t ms) {
    for (const uint64_t end = clock_.now_ms() + ms; clock_.now_ms() < end;) {
      clock_.advance_ms(1);
      timers_.run_due();
    }
  }
  std::vector<SocketHoard> hoards() const {
    std::vector<SocketHoard> hoards;
    sockets_.list(hoards);
    return hoards;
  }
  /// What the peer reads until the end: 0 for one in order, else the error's number.
  static int read_to_end(const Pair& pair) {
    char bytes[4096];
    ssize_t size;
    while ((size = recv(pair.connected.get(), bytes, sizeof bytes, 0)) > 0) {
    }
    return size == 0 ? 0 : errno;
  }

  ManualClock clock_;
  TimerQueue timers_{clock_};
  int refused_ = 0;
  LingeringSockets sockets_{
      timers_, [this](int fd) {
        sockaddr_storage peer;
        socklen_t size = sizeof peer;
        EXPECT_EQ(getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size), 0)
            << "its peer can still be named";
        ++refused_;
      }};
};

TEST_F(LingeringSocketsTest, OneOfWhichNothingIsLeftIsNotKept) {
  Pair pair = connect();
  close(pair);
  EXPECT_EQ(sockets_.size(), 0u);
  EXPECT_EQ(read_to_end(pair), 0);
}

TEST_F(LingeringSocketsTest, ThePeerGetsAllAndTheEndInOrder) {
  Pair pair = linger();
  ASSERT_EQ(sockets_.size(), 1u);
  EXPECT_EQ(read_to_end(pair), 0);
  while (hoards().front().memory.sent != 0) {  // the last acknowledgement comes in its own time
    sched_yield();
  }
  wait_ms(LingeringSockets::kLookMs);
  EXPECT_EQ(sockets_.size(), 0u);
  EXPECT_EQ(refused_, 0);
}

TEST_F(LingeringSocketsTest, IsKeptUntilThePeerReadsButNoLongerThanThat) {
  Pair pair = linger();
  wait_ms(LingeringSockets::kLongestMs - 1);
  EXPECT_EQ(sockets_.size(), 1u);
  EXPECT_EQ(refused_, 0);
  wait_ms(LingeringSockets::kLookMs);
  EXPECT_EQ(sockets_.size(), 0u);
  EXPECT_EQ(refused_, 1);
  EXPECT_EQ(read_to_end(pair), ECONNRESET);
}

TEST_F(LingeringSocketsTest, OneWhosePeerHasGoneIsClosed) {
  Pair pair = linger();
  pair.connected.reset();  // with bytes unread: a reset
  wait_ms(LingeringSockets::kLookMs);
  EXPECT_EQ(sockets_.size(), 0u);
  EXPECT_EQ(refused_, 0);
}

TEST_F(LingeringSocketsTest, AreCountedAndThrownAwayByTheirDescriptors) {
  Pair first = linger();
  Pair second = linger();
  ASSERT_EQ(hoards().size(), 2u);
  EXPECT_GT(hoards()[0].memory.sent, 64u << 10);
  sockets_.throw_away(hoards()[0].fd);
  EXPECT_EQ(sockets_.size(), 1u);
  EXPECT_EQ(refused_, 1);
  EXPECT_EQ(read_to_end(first), ECONNRESET);
  EXPECT_EQ(read_to_end(second), 0);
}

TEST_F(LingeringSocketsTest, BeyondTheMostTheFirstOneGoes) {
  std::vector<Pair> pairs;
  for (size_t i = 0; i <= LingeringSockets::kMost; ++i) {
    pairs.push_back(linger());
  }
  EXPECT_EQ(sockets_.size(), LingeringSockets::kMost);
  EXPECT_EQ(refused_, 1);
  EXPECT_EQ(read_to_end(pairs.front()), ECONNRESET);
  EXPECT_EQ(read_to_end(pairs.back()), 0);
}

TEST_F(LingeringSocketsTest, BeyondTheMostThoseThatAreDoneGoFirst) {
  std::vector<Pair> pairs;
  for (size_t i = 0; i < LingeringSockets::kMost; ++i) {
    pairs.push_back(linger());
  }
  pairs[7].connected.reset();
  pairs.push_back(linger());
  EXPECT_EQ(sockets_.size(), LingeringSockets::kMost);
  EXPECT_EQ(refused_, 0);
}

TEST_F(LingeringSocketsTest, WithoutADescriptorLeftItIsThrownAwayAtOnce) {
  Pair pair = connect();
  fill(pair);
  rlimit before;
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = 0;
  setrlimit(RLIMIT_NOFILE, &none);
  close(pair);
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(sockets_.size(), 0u);
  EXPECT_EQ(refused_, 1);
  EXPECT_EQ(read_to_end(pair), ECONNRESET);
}

}  // namespace
}  // namespace zerogate
