// What the kernel keeps of sessions' connections, and who goes when that is too much.
#include <gmock/gmock.h>
#include <sched.h>

#include "core/listener/stream_listener.h"
#include "tests/unit/core/base/loopback.h"
#include "tests/unit/core/listener/stream_fixture.h"

namespace zerogate::testing {
namespace {

class SocketMemoryOfStreams : public StreamTest {
 protected:
  static constexpr size_t kBuffer = 128 << 10;
  static constexpr int kPeerBuffer = 8 << 10;
  /// More than the peer's kernel has room for, and no more than both have.
  static constexpr size_t kReply = 60 << 10;
  SocketMemoryOfStreams() {
    options_.memory = &memory_;
    options_.max_message = 1 << 20;
    make_listener();
  }
  ~SocketMemoryOfStreams() override { listener_.reset(); }

  /// The client's end of a TCP connection that has been accepted.
  UniqueFd connect_tcp() {
    LoopbackPort::Pair pair = LoopbackPort().connect_both(kPeerBuffer);
    listener_->adopt(std::move(pair.accepted));
    turn();
    return std::move(pair.connected);
  }
  std::vector<SocketHoard> hoards() {
    std::vector<SocketHoard> hoards;
    listener_->list_sockets(hoards);
    std::ranges::sort(hoards, std::ranges::greater(),
                      [](const SocketHoard& hoard) { return hoard.memory.all(); });
    return hoards;
  }
  size_t all() { return all_bytes(hoards()); }
  /// It asks for so many bytes, and reads none of them.
  void ask_for(const UniqueFd& peer, size_t bytes) {
    say(peer, "a\n");
    while (waiting() == 0) {
      turn();
    }
    ASSERT_TRUE(answer(next(), std::string(bytes, 'x')));
    turn();
  }
  static void say(const UniqueFd& peer, ByteView text) {
    ASSERT_EQ(send(peer.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  /// It breaks the protocol, and is closed for it.
  void break_off(const UniqueFd& peer) {
    say(peer, "?\n");
    while (metrics_.connections.value() != 0) {
      turn();
    }
  }
  /// What is read until the end, and how that comes: 0 in order, else the error's number.
  struct Read {
    size_t bytes = 0;
    int end = 0;
  };
  static Read read_to_end(const UniqueFd& peer) {
    Read read;
    char bytes[4096];
    ssize_t size;
    while ((size = recv(peer.get(), bytes, sizeof bytes, 0)) > 0) {
      read.bytes += static_cast<size_t>(size);
    }
    read.end = size == 0 ? 0 : errno;
    return read;
  }

  MemoryAccount memory_{64 << 20, kBuffer};
};

TEST_F(SocketMemoryOfStreams, TheKernelKeepsWhatTheAccountSays) {
  const UniqueFd tcp = connect_tcp();
  const auto local = connect();
  int checked = 0;
  listener_->for_each([&](StreamSession& session) {
    int bytes = 0;
    socklen_t size = sizeof bytes;
    ASSERT_EQ(getsockopt(session.fd(), SOL_SOCKET, SO_SNDBUF, &bytes, &size), 0);
    EXPECT_EQ(bytes, static_cast<int>(kBuffer));
    ++checked;
  });
  EXPECT_EQ(checked, 2);
}

TEST_F(SocketMemoryOfStreams, OneThatDoesNotReadIsEndedAndFreesAllOfItAtOnce) {
  const UniqueFd quiet = connect_tcp();
  const UniqueFd peer = connect_tcp();
  ask_for(peer, kReply);
  ASSERT_EQ(hoards().size(), 2u);
  EXPECT_GT(hoards()[0].memory.sent, kReply / 2);
  EXPECT_LT(hoards()[1].memory.all(), kReply / 10);
  listener_->end_socket(hoards()[0]);
  EXPECT_EQ(metrics_.connections.value(), 1u);
  EXPECT_EQ(rejected(Rejected::send_memory), 1u);
  EXPECT_LT(all(), kReply / 10);
  const Read read = read_to_end(peer);
  EXPECT_EQ(read.end, ECONNRESET);
  EXPECT_LT(read.bytes, kReply);
}

// Who is not to blame for memory reads what it was sent before the end.
TEST_F(SocketMemoryOfStreams, ConnectionsThatEndForWhatTheyHoldAreResetAndOthersAreNot) {
  for (size_t reason = 0; reason < kRejectedNames.size(); ++reason) {
    const UniqueFd peer = connect_tcp();
    ask_for(peer, kReply);
    listener_->for_each(
        [reason](StreamSession& session) { session.reject(static_cast<Rejected>(reason)); });
    turn();
    const std::string_view name = kRejectedNames[reason];
    const bool holds_too_much =
        name == "slow_reader" || name == "send_memory" || name == "receive_memory";
    const Read read = read_to_end(peer);
    EXPECT_EQ(read.end, holds_too_much ? ECONNRESET : 0) << name;
    EXPECT_EQ(read.bytes == kReply, !holds_too_much) << name;
  }
}

TEST_F(SocketMemoryOfStreams, OneThatSendsWhileItIsNotReadIsEndedForThat) {
  const UniqueFd peer = connect_tcp();
  listener_->for_each([](StreamSession& session) { session.pause(); });
  say(peer, std::string(kReply, 'x'));
  while (all() < kReply) {
    sched_yield();
  }
  EXPECT_TRUE(listener_->hoards_unseen());
  listener_->end_socket(hoards()[0]);
  EXPECT_EQ(rejected(Rejected::receive_memory), 1u);
}

TEST_F(SocketMemoryOfStreams, WhoIsClosedInOrderGetsAllOfItsReplies) {
  const UniqueFd peer = connect_tcp();
  ask_for(peer, kReply);
  break_off(peer);
  EXPECT_GT(all(), kReply / 2) << "it counts on";
  EXPECT_TRUE(listener_->hoards_unseen());
  const Read read = read_to_end(peer);
  EXPECT_EQ(read.bytes, kReply);
  EXPECT_EQ(read.end, 0);
  EXPECT_EQ(rejected(Rejected::send_memory), 0u);
}

TEST_F(SocketMemoryOfStreams, WhoIsClosedInOrderAndDoesNotReadGoesWhenMemoryIsShort) {
  const UniqueFd peer = connect_tcp();
  ask_for(peer, kReply);
  break_off(peer);
  ASSERT_EQ(hoards().size(), 1u);
  const std::string address = peer_of(hoards()[0].fd);
  ASSERT_THAT(address, ::testing::StartsWith("127.0.0.1:"));
  std::vector<std::string> lines;
  log::configure(log::Level::warn, log::Format::logfmt,
                 [&lines](std::string_view line) { lines.emplace_back(line); });
  listener_->end_socket(hoards()[0]);
  log::configure(log::Level::off, log::Format::logfmt);
  EXPECT_THAT(
      lines, ::testing::ElementsAre(::testing::EndsWith(
                 "event=\"connection rejected\" protocol=tcp reason=send_memory peer=" + address)));
  EXPECT_EQ(rejected(Rejected::send_memory), 1u);
  EXPECT_EQ(all(), 0u);
  EXPECT_EQ(read_to_end(peer).end, ECONNRESET);
}

TEST_F(SocketMemoryOfStreams, WithoutALimitTheKernelHasTheRestAlone) {
  MemoryAccount unlimited;
  options_.memory = &unlimited;
  make_listener();
  const UniqueFd peer = connect_tcp();
  ask_for(peer, kReply);
  break_off(peer);
  EXPECT_EQ(all(), 0u);
  EXPECT_EQ(read_to_end(peer).bytes, kReply);
  listener_.reset();
}

/// Answers each line at once with a long reply.
class LongReplies final : public StreamProtocol {
 public:
  static constexpr size_t kBytes = 20'000;
  ByteView consume(StreamSession& session, ByteView, uint64_t, size_t&) override {
    session.begin_call();
    if (OutBuffer* out = session.end_call(kBytes)) {
      out->append(std::string(kBytes, 'x'));
    }
    return {};
  }
};

// All that are ready in one turn are read in it, and there may be thousands.
TEST_F(SocketMemoryOfStreams, WhatIsGatheredInATurnDoesNotWaitForItsEndWhenItIsMuch) {
  MemoryAccount memory(1 << 20, kBuffer);
  constexpr size_t kMost = (1 << 20) / StreamOptions::kGrowthPart;
  int growths = 0;
  options_.memory = &memory;
  options_.on_growth = [&] { ++growths; };
  LongReplies protocol;
  auto listener = std::make_unique<StreamListener>(loop_, timers_, protocol, metrics_, options_);
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i < 20; ++i) {
    peers.push_back(std::make_unique<Peer>());
    listener->adopt(peers.back()->take_other());
    peers.back()->send("x");
  }
  turn();
  EXPECT_EQ(growths, 20 / static_cast<int>(kMost / LongReplies::kBytes + 1));
  for (const auto& peer : peers) {
    EXPECT_EQ(peer->receive().size(), LongReplies::kBytes);
  }
  listener.reset();
}

}  // namespace
}  // namespace zerogate::testing
