// libzmq's events, as it was seen to send them, and what is made of them.
#include "core/listener/zmq_connections.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/socket.h>
#include <zmq.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "core/io/peer_address.h"
#include "core/log/log.h"
#include "core/testing/manual_clock.h"
#include "tests/unit/core/base/loopback.h"

namespace zerogate::testing {
namespace {

class ZmqConnectionsTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kHandshakeMs = 5'000;
  static constexpr uint64_t kStallMs = 30'000;
  /// Bytes of CURVE's handshake, as measured: a client's in all, and a server's.
  static constexpr size_t kCurveHandshake = 832;
  static constexpr size_t kCurveGreeting = 64;
  static constexpr size_t kCurveWelcome = 170;
  static constexpr size_t kCurveReady = 67;
  static constexpr size_t kCurveError = 12;

  ZmqConnectionsTest() { log::set_level(log::Level::off); }
  ~ZmqConnectionsTest() override { log::set_level(log::Level::info); }

  void tell(int event, int value) { connections_.on_event(event, value, clock_.now_ms()); }
  void accept(int fd) { tell(ZMQ_EVENT_ACCEPTED, fd); }
  void succeed() { tell(ZMQ_EVENT_HANDSHAKE_SUCCEEDED, 0); }
  void fail(int error) { tell(ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, error); }
  void end(int fd) { tell(ZMQ_EVENT_DISCONNECTED, fd); }
  /// A connection on which so many bytes have come.
  LoopbackPort::Pair connect_with(size_t bytes) {
    LoopbackPort::Pair pair = LoopbackPort().connect_both();
    accept(pair.accepted.get());
    bring(bytes, pair);
    return pair;
  }
  /// The same, of which libzmq has read none.
  LoopbackPort::Pair connect_with_unread(size_t bytes) {
    LoopbackPort::Pair pair = connect_with(0);
    const std::string sent(bytes, 'x');
    EXPECT_EQ(send(pair.connected.get(), sent.data(), bytes, MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes));
    while (PeerSocket(pair.accepted.get()).unread() < bytes) {
      sched_yield();
    }
    return pair;
  }
  static void bring(size_t bytes, const LoopbackPort::Pair& pair) {
    std::string piece(10'000, 'x');
    for (; bytes > 0; bytes -= piece.size()) {
      piece.resize(std::min(bytes, piece.size()));
      const auto size = static_cast<ssize_t>(piece.size());
      EXPECT_EQ(send(pair.connected.get(), piece.data(), piece.size(), MSG_NOSIGNAL), size);
      EXPECT_EQ(recv(pair.accepted.get(), piece.data(), piece.size(), MSG_WAITALL), size);
    }
  }
  /// Writes as libzmq does, greeting first.
  static void write(size_t bytes, const LoopbackPort::Pair& pair) {
    const std::string written(bytes, 'x');
    EXPECT_EQ(send(pair.accepted.get(), written.data(), bytes, MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes));
  }
  static bool is_ended(const LoopbackPort::Pair& pair) {
    char bytes[1'000];
    ssize_t size = 1;
    while (size > 0) {
      size = recv(pair.connected.get(), bytes, sizeof bytes, MSG_DONTWAIT);
    }
    return size == 0;
  }
  size_t unread() { return connections_.measure_unread(); }
  uint64_t ill() const { return metrics_.malformed[index_of(Malformed::bad_handshake)].value(); }

  ManualClock clock_;
  TimerQueue timers_{clock_};
  ListenerMetrics metrics_;
  RefusalLog refusals_{timers_, metrics_, Protocol::zmq};
  ZmqConnections connections_{metrics_, refusals_, {kHandshakeMs, kStallMs}};
};

TEST_F(ZmqConnectionsTest, ThoseThatAreLeftEndWithTheirPort) {
  {
    ZmqConnections others(metrics_, refusals_, {kHandshakeMs, kStallMs});
    others.on_event(ZMQ_EVENT_ACCEPTED, 100, 0);
    others.on_event(ZMQ_EVENT_ACCEPTED, 101, 0);
    others.on_event(ZMQ_EVENT_DISCONNECTED, 100, 0);
    accept(102);
    EXPECT_EQ(metrics_.connections.value(), 2u);
  }
  EXPECT_EQ(metrics_.connections.value(), 1u);
}

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

TEST_F(ZmqConnectionsTest, TheLogSaysWhoWasIllAsFarAsItIsKnown) {
  std::vector<std::string> lines;
  log::configure(log::Level::warn, log::Format::logfmt,
                 [&lines](std::string_view line) { lines.emplace_back(line); });
  const auto pair = connect_with(1);
  sockaddr_in own{};
  socklen_t size = sizeof own;
  getsockname(pair.connected.get(), reinterpret_cast<sockaddr*>(&own), &size);
  fail(EAGAIN);
  end(pair.accepted.get());
  fail(EAGAIN);
  end(100);  // its begin was never told
  log::configure(log::Level::off, log::Format::logfmt);
  const std::string begin = "event=\"malformed input\" protocol=zmq reason=bad_handshake peer=";
  EXPECT_THAT(lines,
              ::testing::ElementsAre(
                  ::testing::EndsWith(begin + "127.0.0.1:" + std::to_string(ntohs(own.sin_port))),
                  ::testing::EndsWith(begin + "unknown")));
}

TEST_F(ZmqConnectionsTest, AnotherProtocolIsIllThoughLibzmqTellsOfItsEndOnly) {
  accept(100);
  end(100);
  EXPECT_EQ(ill(), 1u);
}

TEST_F(ZmqConnectionsTest, OneThatAZapHandlerRefusedIsNotIll) {
  accept(100);
  fail(EAGAIN);
  tell(ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, 400);
  end(100);
  EXPECT_EQ(ill(), 0u) << "the handler has counted it";
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
  accept(102);
  connections_.spoke(102);  // before libzmq has told that its handshake is done
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

TEST_F(ZmqConnectionsTest, AClientThatLeavesRightAfterItsHandshakeIsNotIllWhileAnotherConnects) {
  accept(100);
  accept(101);
  succeed();
  end(100);
  EXPECT_EQ(ill(), 0u) << "the handshake that is done may have been its own";
  succeed();
  end(101);
  EXPECT_EQ(ill(), 0u);
}

TEST_F(ZmqConnectionsTest, BesideAnIdleClientAnotherProtocolCountsOnceThatIsKnownToBeAClient) {
  for (const bool speaks : {true, false}) {
    const uint64_t before = ill();
    accept(100);
    succeed();
    accept(101);
    end(101);
    EXPECT_EQ(ill(), before) << "the handshake that is done may have been its own";
    if (speaks) {
      connections_.spoke(100);
    }
    EXPECT_EQ(ill(), before + (speaks ? 1 : 0));
    end(100);
    EXPECT_EQ(ill(), before + 1);
  }
}

TEST_F(ZmqConnectionsTest, OfManyOfAnotherProtocolOnlyAsManyAreOpenAsThereAreIdleClients) {
  accept(100);
  succeed();
  for (int i = 0; i < 5; ++i) {
    accept(101);
    end(101);
  }
  EXPECT_EQ(ill(), 4u);
  connections_.spoke(100);
  EXPECT_EQ(ill(), 5u);
  end(100);
  EXPECT_EQ(ill(), 5u);
}

// Only the last ones are remembered, and they are counted from the last one on.
TEST_F(ZmqConnectionsTest, OfManyThatMayHaveFailedTheLastOnesAreCounted) {
  std::vector<std::string> peers;
  const auto come_and_go = [&] {
    const auto pair = LoopbackPort().connect_both();
    accept(pair.accepted.get());
    peers.push_back(peer_of(pair.accepted.get()));
    end(pair.accepted.get());
  };
  constexpr int kMost = static_cast<int>(ZmqConnections::kDoubtful);
  for (int fd = 0; fd < kMost + 1; ++fd) {
    accept(100'000 + fd);  // clients that are silent hide all the others
    succeed();
  }
  for (int i = 0; i < kMost + 1; ++i) {
    come_and_go();
  }
  ASSERT_EQ(ill(), 0u);
  std::vector<std::string> lines;
  log::configure(log::Level::warn, log::Format::logfmt,
                 [&lines](std::string_view line) { lines.emplace_back(line); });
  for (int fd = 0; fd < kMost + 1; ++fd) {
    connections_.spoke(100'000 + fd);
  }
  clock_.advance_ms(RefusalLog::kIntervalMs);
  timers_.run_due();
  log::configure(log::Level::off, log::Format::logfmt);
  EXPECT_EQ(ill(), ZmqConnections::kDoubtful) << "one has been forgotten";
  ASSERT_EQ(lines.size(), RefusalLog::kLines + 1) << "and a line with the number of the others";
  for (size_t i = 0; i < RefusalLog::kLines; ++i) {
    EXPECT_THAT(lines[i], ::testing::EndsWith("peer=" + peers[peers.size() - 1 - i]));
  }
}

TEST_F(ZmqConnectionsTest, AMessageOfTheLastOneWithTheDescriptorSaysNothingOfAHandshake) {
  connections_.note_curve();
  accept(100);
  succeed();
  end(100);
  const auto next = connect_with(0);
  write(kCurveGreeting, next);
  connections_.spoke(next.accepted.get());  // of the last one: it was read late
  accept(101);
  succeed();
  end(next.accepted.get());
  EXPECT_EQ(ill(), 0u);
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

TEST_F(ZmqConnectionsTest, UnreadIsWhatCameLessWhatWasReadAndZmtpsOwn) {
  const auto pair = connect_with(20'000);
  EXPECT_EQ(unread(), 20'000u - 1'024);
  connections_.spoke(pair.accepted.get())->read += 5'000;
  EXPECT_EQ(unread(), 20'000u - 1'024 - 5'000);
  connections_.spoke(pair.accepted.get())->read += 50'000;
  EXPECT_EQ(unread(), 0u);
}

TEST_F(ZmqConnectionsTest, WhatWasReadOfTheLastOneWithTheDescriptorIsNoCredit) {
  const auto begun = [this](bool look) {
    const LoopbackPort::Pair pair = LoopbackPort().connect_both();
    const int fd = pair.accepted.get();
    connections_.spoke(fd)->read += 50'000'000;  // it had gone before its messages were read
    accept(fd);
    connections_.spoke(fd)->read += 50'000'000;  // and another, too
    if (look) {
      unread();
    } else {
      connections_.end_stalled(clock_.now_ms());
    }
    bring(100'000, pair);
    const size_t bytes = unread();
    end(fd);
    return bytes;
  };
  EXPECT_EQ(begun(true), 100'000u - 1'024u);
  EXPECT_EQ(begun(false), 100'000u - 1'024u);
}

TEST_F(ZmqConnectionsTest, PingsAreZmtpsOwnAndItsPongsTellOfThem) {
  for (const bool curve : {false, true}) {
    const size_t ping = curve ? 42 : 9;
    const size_t pong = curve ? 40 : 7;
    if (curve) {
      connections_.note_curve();
    }
    const auto pair = connect_with(1'024 + 300 * ping);
    write(curve ? kCurveGreeting + kCurveWelcome + kCurveReady : 107, pair);
    EXPECT_EQ(unread(), 300 * ping);
    write(300 * pong, pair);
    EXPECT_EQ(unread(), 0u);
    connections_.spoke(pair.accepted.get())->sent += 20'000;
    bring(20'000, pair);
    EXPECT_EQ(unread(), 20'000u) << "replies that wait take nothing away";
    write(20'000, pair);
    EXPECT_EQ(unread(), 20'000u) << "and are no PONGs";
    end(pair.accepted.get());
  }
}

TEST_F(ZmqConnectionsTest, APeerThatSendsNoMorePingsDoesNotStandStill) {
  const auto pair = connect_with(100);
  write(107, pair);
  for (int look = 0; look < 20; ++look) {
    if (look < 10) {
      bring(9 * 200, pair);
      write(7 * 200, pair);
    }
    clock_.advance_ms(kStallMs / 3);
    connections_.end_stalled(clock_.now_ms());
  }
  EXPECT_FALSE(is_ended(pair));
  EXPECT_EQ(metrics_.rejected[index_of(Rejected::stalled)].value(), 0u);
}

TEST_F(ZmqConnectionsTest, TheConnectionWithMostUnreadIsEndedAndCountsNoMore) {
  const auto little = connect_with(20'000);
  const auto much = connect_with(100'000);
  const auto most = connect_with(150'000);
  EXPECT_EQ(unread(), 270'000u - 3 * 1'024);
  EXPECT_EQ(connections_.largest_unread(), 150'000u - 1'024);
  EXPECT_TRUE(connections_.end_largest());
  char byte;
  EXPECT_EQ(recv(most.connected.get(), &byte, 1, 0), 0);
  EXPECT_EQ(metrics_.rejected[index_of(Rejected::receive_memory)].value(), 1u);
  EXPECT_EQ(unread(), 120'000u - 2 * 1'024);
  EXPECT_TRUE(connections_.end_largest());
  EXPECT_EQ(recv(much.connected.get(), &byte, 1, 0), 0);
  EXPECT_FALSE(connections_.end_largest()) << "the third one has too little";
  EXPECT_EQ(recv(little.connected.get(), &byte, 1, MSG_DONTWAIT), -1);
}

TEST_F(ZmqConnectionsTest, TellsWhatTheKernelKeepsOfEachAndEndsTheOneThatIsChosen) {
  const auto little = connect_with_unread(10'000);
  const auto much = connect_with_unread(50'000);
  std::vector<SocketHoard> hoards;
  connections_.list_sockets(hoards);
  ASSERT_EQ(hoards.size(), 2u);
  std::ranges::sort(hoards, {}, [](const SocketHoard& hoard) { return hoard.memory.received; });
  EXPECT_GE(hoards[0].memory.received, 10'000u);
  EXPECT_GE(hoards[1].memory.received, 50'000u);
  connections_.end_socket(hoards[1]);
  EXPECT_EQ(metrics_.rejected[index_of(Rejected::receive_memory)].value(), 1u);
  EXPECT_TRUE(is_ended(much));
  EXPECT_FALSE(is_ended(little));
  EXPECT_EQ(connections_.count(), 1u) << "its place is free";
  connections_.end_socket(hoards[1]);
  EXPECT_EQ(connections_.count(), 1u) << "once";
  hoards.clear();
  connections_.list_sockets(hoards);
  EXPECT_EQ(hoards.size(), 1u) << "what has been ended is chosen no more";
}

TEST_F(ZmqConnectionsTest, OneThatStandsStillInAMessageIsEndedAndCounted) {
  const auto quiet = connect_with(100);
  const auto stalled = connect_with(20'000);
  const auto served = connect_with(20'000);
  connections_.spoke(served.accepted.get())->read += 19'900;
  const auto rejected = [this] { return metrics_.rejected[index_of(Rejected::stalled)].value(); };
  for (uint64_t waited = 0; waited < kStallMs; waited += kStallMs / 3) {
    EXPECT_EQ(connections_.end_stalled(clock_.now_ms()), kStallMs / 3);
    EXPECT_EQ(rejected(), 0u);
    clock_.advance_ms(kStallMs / 3);
  }
  connections_.end_stalled(clock_.now_ms());
  char byte;
  EXPECT_EQ(recv(stalled.connected.get(), &byte, 1, MSG_DONTWAIT), 0);
  EXPECT_EQ(rejected(), 1u);
  for (int i = 0; i < 10; ++i) {
    clock_.advance_ms(kStallMs);
    connections_.end_stalled(clock_.now_ms());
  }
  EXPECT_EQ(rejected(), 1u) << "libzmq has not told of its end yet";
  EXPECT_EQ(recv(quiet.connected.get(), &byte, 1, MSG_DONTWAIT), -1);
  EXPECT_EQ(recv(served.connected.get(), &byte, 1, MSG_DONTWAIT), -1);
}

// As many looks as fit into a turn, and the others in the next ones: all within a third of the
// time.
TEST_F(ZmqConnectionsTest, ManyConnectionsAreLookedAtInTurns) {
  for (int fd = 0; fd < 3 * static_cast<int>(ZmqConnections::kLooksAtOnce); ++fd) {
    accept(100'000 + fd);
  }
  const auto last = connect_with(20'000);
  const auto ended = [&last] {
    char byte;
    return recv(last.connected.get(), &byte, 1, MSG_DONTWAIT) == 0;
  };
  const uint64_t begun_ms = clock_.now_ms();
  while (!ended()) {
    const uint64_t next_ms = connections_.end_stalled(clock_.now_ms());
    EXPECT_EQ(next_ms, kStallMs / 3 / 4);
    clock_.advance_ms(next_ms);
    ASSERT_LE(clock_.now_ms() - begun_ms, 2 * kStallMs);
  }
  EXPECT_GE(clock_.now_ms() - begun_ms, kStallMs);
}

TEST_F(ZmqConnectionsTest, TheHandshakeThatIsWaitedForLongestMakesRoom) {
  connections_.note_curve();
  const auto done = connect_with(kCurveHandshake);
  const auto refused = connect_with(kCurveHandshake);
  const auto half = connect_with(200);
  const auto silent = connect_with(0);
  write(kCurveGreeting + kCurveWelcome + kCurveReady, done);
  write(kCurveGreeting + kCurveWelcome + kCurveError, refused);
  write(kCurveGreeting + kCurveWelcome, half);
  uint64_t left = 4;
  for (const auto* pair : {&refused, &half, &silent}) {
    EXPECT_TRUE(connections_.any_handshake());
    EXPECT_FALSE(is_ended(*pair));
    EXPECT_TRUE(connections_.end_oldest_handshake());
    EXPECT_TRUE(is_ended(*pair));
    EXPECT_EQ(connections_.count(), --left) << "its place is free";
  }
  EXPECT_FALSE(connections_.any_handshake());
  EXPECT_FALSE(connections_.end_oldest_handshake());
  EXPECT_FALSE(is_ended(done));
  EXPECT_EQ(metrics_.rejected[index_of(Rejected::handshakes)].value(), 3u);
  EXPECT_EQ(metrics_.connections.value(), 4u) << "libzmq has not told of their ends";
  end(refused.accepted.get());
  fail(EPIPE);
  end(half.accepted.get());
  fail(EAGAIN);  // its time was over, too
  end(silent.accepted.get());
  EXPECT_EQ(connections_.count(), 1u);
  EXPECT_EQ(metrics_.connections.value(), 1u);
  EXPECT_EQ(ill(), 0u);
}

TEST_F(ZmqConnectionsTest, WhereHandshakesAreOthersThanCurvesNoneMakesRoom) {
  const auto silent = connect_with(0);
  EXPECT_FALSE(connections_.any_handshake());
  EXPECT_FALSE(connections_.end_oldest_handshake());
  EXPECT_FALSE(is_ended(silent));
}

TEST_F(ZmqConnectionsTest, WithoutADescriptorItIsARefusedConnectionAndNoOther) {
  tell(ZMQ_EVENT_ACCEPT_FAILED, EMFILE);
  EXPECT_EQ(metrics_.rejected[index_of(Rejected::descriptors)].value(), 1u);
  EXPECT_EQ(metrics_.accepted.value(), 0u);
  EXPECT_EQ(ill(), 0u);
}

}  // namespace
}  // namespace zerogate::testing
