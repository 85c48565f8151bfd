// What a ZeroMQ peer may do to the others: lengths, floods, silence, numbers of connections, and
// the end of the gateway.
#include <arpa/inet.h>

#include "tests/unit/core/listener/zmtp_fixture.h"
#include "tests/unit/core/wire/wire_testing.h"

namespace zerogate::testing {
namespace {

/// A client over TCP: newcomers are held back in the kernel only there.
class TcpPeer {
 public:
  explicit TcpPeer(uint16_t port)
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }
  std::string receive() {
    char bytes[4096];
    const ssize_t size = recv(fd_.get(), bytes, sizeof bytes, 0);
    return {bytes, size > 0 ? static_cast<size_t>(size) : 0};
  }
  void leave() { fd_.reset(); }

 private:
  UniqueFd fd_;
};

class ZmtpLimitsTest : public ZmtpTest {
 protected:
  /// The head of the longest frame that may be read, and one byte more.
  size_t longest_body() const {
    return zmq_.max_message + wire::w5::kIdBytes + wire::w5::kNameBytes +
           ZmtpListener::kOversizeGrace;
  }
  /// The peer does not read: more than the kernel takes waits for it.
  void fill(Peer& peer) {
    const std::string large = text(std::string(60'000, 'x'));
    std::string calls;
    for (int i = 0; i < 5; ++i) {
      calls += w5('f', "keep", text("x"));
    }
    peer.send(calls);
    turn();
    while (!services_.keep.calls.empty()) {
      answer_next(large);
    }
    turn();
    ASSERT_GT(zmtp().largest_hoard(), 0u);
  }
  static size_t count_of(const std::string& part, std::string_view all) {
    size_t count = 0;
    for (size_t at = all.find(part); at != all.npos; at = all.find(part, at + part.size())) {
      ++count;
    }
    return count;
  }

  const std::string keep_alive_ = frame(std::string(wire::w5::kIdBytes, '\0'));
};

// Lengths.

TEST_F(ZmtpLimitsTest, AnArgumentOverTheLimitIsToldSo) {
  const auto peer = connect_dealer();
  const std::string fits = "\xc5" + std::string("\x0f\xfd") + std::string(4'093, 'x');
  ASSERT_EQ(fits.size(), zmq_.max_message);
  send_all(*peer, w5('a', "echo", fits));
  EXPECT_EQ(receive_all(*peer), w5_reply('a', fits));
  send_all(*peer, w5('b', "echo", fits + "x"));
  EXPECT_EQ(peer->receive(), w5_reply('b', error("the message is larger than 4096 bytes")));
  send_all(*peer, w5('c', "echo", std::string(ZmtpListener::kOversizeGrace, 'x')));
  EXPECT_EQ(peer->receive(), w5_reply('c', error("the message is larger than 4096 bytes")));
  send_all(*peer, more("echo") + frame(fits + "x"));
  EXPECT_NE(peer->receive().find("the message is larger than 4096 bytes"), std::string::npos);
  EXPECT_EQ(malformed(Malformed::too_large), 3u);
  EXPECT_TRUE(open(*peer));
}

TEST_F(ZmtpLimitsTest, OneThatIsLongerThanTheGraceEndsTheConnectionByItsHead) {
  uint64_t counted = 0;
  for (const std::string& front : {std::string(), more("echo"), more("a") + more("b")}) {
    const auto good = connect_dealer();
    good->send(front + head(longest_body()));
    EXPECT_TRUE(open(*good));
    for (const uint64_t size : {uint64_t{longest_body()} + 1, uint64_t{1} << 63, UINT64_MAX}) {
      const auto peer = connect_dealer();
      peer->send(front + head(size));
      EXPECT_FALSE(open(*peer));
      EXPECT_EQ(malformed(Malformed::too_large), ++counted);
    }
  }
}

TEST_F(ZmtpLimitsTest, AMessageThatIsNotFinishedEndsTheConnectionInTime) {
  const auto body = connect_dealer();
  body->send(w5('a', "echo", text("hello")).substr(0, 50));
  const auto second = connect_dealer();
  second->send(more("echo"));
  turn();
  wait_ms(zmq_.stall_timeout_ms - 1'000);
  EXPECT_TRUE(open(*body));
  EXPECT_TRUE(open(*second));
  wait_ms(1'000 + 2 * StreamListener::kStallCheckMs);
  EXPECT_FALSE(open(*body));
  EXPECT_FALSE(open(*second));
  EXPECT_EQ(rejected(Rejected::stalled), 2u);
}

// Floods.

// Each peer has its part of a turn, and a few of those that want more have another in the next. So
// it is while memory is tight, too, when what waits to be read by a peer is bounded more strictly.
class ZmtpFloodTest : public ZmtpLimitsTest, public ::testing::WithParamInterface<bool> {
 protected:
  ZmtpFloodTest() {
    zmq_.memory = &memory_;
    if (GetParam()) {
      memory_.replace(MemoryUse::requests, held_, memory_.limit() / 2 + 1);
    }
  }
  MemoryAccount memory_;
  size_t held_ = 0;
};
INSTANTIATE_TEST_SUITE_P(, ZmtpFloodTest, ::testing::Bool(), [](const auto& tight) {
  return std::string(tight.param ? "WhileMemoryIsTight" : "WithMemoryToSpare");
});

TEST_P(ZmtpFloodTest, OfEmptyMessagesIsTakenInPartsAndAnsweredWhole) {
  constexpr size_t kFloods = 5;
  constexpr size_t kMessages = 16 * ZmtpListener::kFramesPerTurn;
  std::vector<std::pair<std::unique_ptr<Peer>, std::string>> floods;
  for (size_t i = 0; i < kFloods; ++i) {
    floods.emplace_back(connect_dealer(), wire::testing::times(kMessages, frame("")));
  }
  const auto honest = connect_dealer();
  for (auto& [peer, messages] : floods) {
    messages.erase(0, peer->send_some(messages));
  }
  honest->send(w5('h', "echo", text("x")));
  uint64_t begun = 0;
  for (const uint64_t parts : {kFloods, size_t{ReadTurns::kStreamsPerTurn}}) {
    turn();
    EXPECT_EQ(honest->receive(), begun == 0 ? w5_reply('h', text("x")) : "");
    const uint64_t taken = worker_metrics_.begun(Protocol::zmq) - std::exchange(begun, 0);
    EXPECT_GE(taken, uint64_t{ZmtpListener::kFramesPerTurn / 4});
    EXPECT_LE(taken, parts * ZmtpListener::kFramesPerTurn + 1);
    begun = worker_metrics_.begun(Protocol::zmq);
  }
  constexpr uint64_t kAll = kFloods * kMessages + 1;
  for (int turns = 1'000; turns > 0 && worker_metrics_.begun(Protocol::zmq) < kAll; --turns) {
    for (auto& [peer, messages] : floods) {
      messages.erase(0, peer->send_some(messages));
      peer->receive();
    }
    turn();
  }
  EXPECT_EQ(worker_metrics_.begun(Protocol::zmq), kAll);
  for (const auto& [peer, messages] : floods) {
    EXPECT_TRUE(open(*peer));
  }
}

TEST_P(ZmtpFloodTest, AtTheEndEachRequestIsRefused) {
  constexpr size_t kCalls = 600;
  const auto peer = connect_dealer();
  zmtp().leave();
  peer->send(wire::testing::times(kCalls, w5('a', "echo", text("x"))));
  dispatcher_.drain();
  zmtp().finish();
  EXPECT_EQ(ended(Wire::w5, Outcome::unavailable, "echo"), kCalls);
  EXPECT_EQ(count_of(w5_reply('a', error("the gateway is shutting down")), receive_all(*peer)),
            kCalls);
}

TEST_F(ZmtpLimitsTest, WhoDoesNotReadItsPongsIsReadNoMore) {
  const auto peer = connect_dealer();
  const std::string context(16, 'c');
  const std::string pings = wire::testing::times(1'000, ping(context));
  std::string rest;  // of what the kernel has not taken
  size_t sent = 0, standing = 0;
  while (standing < 10 && sent < 1'000'000) {
    if (rest.empty()) {
      rest = pings;
      sent += 1'000;
    }
    const size_t taken = peer->send_some(rest);
    standing = taken == 0 ? standing + 1 : 0;
    rest.erase(0, taken);
    turn();
    ASSERT_LE(zmtp().largest_hoard(), 4 * (zmq_.write_buffer + FrameReader::kSharedBytes));
  }
  ASSERT_LT(sent, 1'000'000u) << "it is read without end";
  // It reads now, and misses nothing.
  std::string got = receive_all(*peer);
  while (!rest.empty()) {
    rest.erase(0, peer->send_some(rest));
    got += receive_all(*peer);
  }
  EXPECT_TRUE(got == wire::testing::times(sent, pong(context)));
}

// Keep-alives.

TEST_F(ZmtpLimitsTest, QuietPeersOfW5AreKeptAlive) {
  zmq_.keep_alive_for_ms = 10'000;
  const auto peer = connect_dealer();
  peer->send(w5('a', "echo", text("x")));
  EXPECT_EQ(after_turn(*peer), w5_reply('a', text("x")));
  const auto others = {connect_dealer(), connect_dealer(), connect_dealer()};
  const std::string hex = "c06ba27f01bd4c07b661ec030d18a3e6";
  (*others.begin())->send(more("echo") + frame(text("x")));
  (*(others.begin() + 1))->send(frame(hex + "echo" + std::string(76, ' ') + text("x")));
  for (const auto& other : others) {
    after_turn(*other);
  }
  wait_ms(zmq_.keep_alive_ms - 1);
  EXPECT_EQ(after_turn(*peer), "");
  wait_ms(1 + zmq_.keep_alive_ms / 4);
  EXPECT_EQ(after_turn(*peer), keep_alive_);
  wait_ms(5'000);
  const size_t in_5s = count_of(keep_alive_, after_turn(*peer));
  EXPECT_GE(in_5s, 4u);
  EXPECT_LE(in_5s, 5u);
  wait_ms(4'000);
  after_turn(*peer);
  const uint64_t all = metrics_.keep_alives.value();
  wait_ms(60'000);
  EXPECT_EQ(after_turn(*peer), "") << "its time is over";
  EXPECT_EQ(metrics_.keep_alives.value(), all);
  EXPECT_EQ(timers_.next_ms(), UINT64_MAX) << "an idle gateway does not wake up";
  peer->send(w5('b', "echo", text("x")));
  EXPECT_EQ(after_turn(*peer), w5_reply('b', text("x")));
  wait_ms(2 * zmq_.keep_alive_ms);
  EXPECT_NE(after_turn(*peer), "") << "it begins anew";
  for (const auto& other : others) {
    EXPECT_EQ(after_turn(*other), "") << "no client of W5";
  }
}

TEST_F(ZmtpLimitsTest, RepliesAreAsGoodAsKeepAlives) {
  const auto peer = connect_dealer();
  for (int i = 0; i < 20; ++i) {
    peer->send(w5('a', "echo", text("x")));
    EXPECT_EQ(after_turn(*peer), w5_reply('a', text("x")));
    wait_ms(zmq_.keep_alive_ms / 2);
  }
  EXPECT_EQ(metrics_.keep_alives.value(), 0u);
}

TEST_F(ZmtpLimitsTest, WithoutAnIntervalNobodyIsKeptAlive) {
  zmq_.keep_alive_ms = 0;
  const auto peer = connect_dealer();
  peer->send(w5('a', "echo", text("x")));
  turn();
  wait_ms(60'000);
  EXPECT_EQ(receive_all(*peer), w5_reply('a', text("x")));
}

TEST_F(ZmtpLimitsTest, WhoseKernelIsFullIsNotKeptAlive) {
  const auto peer = connect_dealer();
  fill(*peer);
  wait_ms(10 * zmq_.keep_alive_ms);
  EXPECT_EQ(metrics_.keep_alives.value(), 0u);
  receive_all(*peer);
  wait_ms(2 * zmq_.keep_alive_ms);
  EXPECT_EQ(count_of(keep_alive_, receive_all(*peer)), metrics_.keep_alives.value());
  EXPECT_GE(metrics_.keep_alives.value(), 1u);
}

// Numbers.

TEST_F(ZmtpLimitsTest, TheConnectionBehindTheLimitWaitsAndIsServedWhenOneLeaves) {
  std::vector<std::string> lines;
  log::configure(log::Level::info, log::Format::logfmt,
                 [&lines](std::string_view line) { lines.emplace_back(line); });
  zmq_.max_connections = 1;
  const ListenSocket socket = ListenSocket::open({"127.0.0.1", 0, ""}, false).value();
  ASSERT_TRUE(zmtp().listen(socket));
  const auto come = [this, &socket] {
    auto peer = std::make_unique<TcpPeer>(socket.bound().port);
    turn();
    turn();
    return peer;
  };
  const auto first = come();
  EXPECT_NE(first->receive(), "");
  const auto second = come();
  const auto third = come();
  wait_ms(ZmtpListener::kHandshakeTimeoutMs / 2);
  turn();
  EXPECT_EQ(second->receive(), "");
  EXPECT_EQ(metrics_.accepted.value(), 1u);
  EXPECT_EQ(rejected(Rejected::limit), 1u);
  first->leave();
  for (int turns = 0; turns < 4; ++turns) {
    turn();
    wait_ms(1);
  }
  EXPECT_NE(second->receive(), "");
  EXPECT_EQ(third->receive(), "");
  EXPECT_EQ(metrics_.connections.value(), 1u);
  EXPECT_EQ(metrics_.accepted.value(), 2u);
  second->leave();
  third->leave();
  for (int turns = 0; turns < 8; ++turns) {
    turn();
    wait_ms(1);
  }
  EXPECT_EQ(metrics_.connections.value(), 0u);
  log::configure(log::Level::off, log::Format::logfmt);
  ASSERT_GE(lines.size(), 2u);
  EXPECT_NE(lines[0].find("event=\"connection limit reached\" protocol=zmq limit=1"),
            std::string::npos)
      << lines[0];
  EXPECT_NE(lines.back().find("event=\"below the connection limit again\" protocol=zmq limit=1"),
            std::string::npos)
      << lines.back();
}

// The end.

TEST_F(ZmtpLimitsTest, WhatWaitsAtTheEndIsRefusedAndNothingIsReadBefore) {
  const auto peer = connect_dealer();
  const auto shaking = connect();
  const auto idle = connect_dealer();
  zmtp().leave();
  peer->send(w5('a', "echo", text("x")) + more("echo") + frame(text("y")) +
             w5('b', "echo", text("half")).substr(0, 40));
  shaking->send(greeting());
  turn();
  wait_ms(1'000);
  EXPECT_EQ(peer->receive(), "") << "it is not read";
  dispatcher_.drain();
  zmtp().finish();
  EXPECT_TRUE(zmtp().flushed());
  const std::string refused = error("the gateway is shutting down");
  std::string old;
  wire::append_for_old_client(old, refused);
  EXPECT_EQ(peer->receive(), w5_reply('a', refused) + frame(old));
  EXPECT_EQ(shaking->receive(), welcome());
  zmtp_.reset();
  for (Peer* each : {peer.get(), shaking.get(), idle.get()}) {
    EXPECT_EQ(after_turn(*each), "");
    EXPECT_TRUE(each->ended());
  }
  EXPECT_EQ(ended(Wire::w5, Outcome::unavailable, "echo"), 1u);
  EXPECT_EQ(ended(Wire::w1, Outcome::unavailable, "echo"), 1u);
}

TEST_F(ZmtpLimitsTest, WhatWasReadAndWaitedIsRefusedAtTheEndToo) {
  const auto peer = connect_dealer();
  std::string calls;
  for (uint32_t i = 0; i < ZmtpListener::kMaxCallsInFlight + 10; ++i) {
    calls += w5('a', "keep", text("x"));
  }
  send_all(*peer, calls);
  ASSERT_EQ(services_.keep.calls.size(), ZmtpListener::kMaxCallsInFlight);
  zmtp().leave();
  for (int i = 0; i < 3; ++i) {
    answer_next(text("y"));
    turn();
  }
  EXPECT_EQ(services_.keep.calls.size(), ZmtpListener::kMaxCallsInFlight - 3);
  dispatcher_.drain();
  zmtp().finish();
  EXPECT_EQ(ended(Wire::w5, Outcome::unavailable), 10u);
}

// It has a long message of a peer that does not read: no more is read from that one at the end.
TEST_F(ZmtpLimitsTest, AtTheEndNothingIsReadFromAPeerThatDoesNotRead) {
  zmq_.write_buffer = 1 << 10;
  const auto peer = connect_dealer();
  const std::string large = w5('l', "echo", std::string(100'000, 'x'));
  for (int i = 0; i < 5; ++i) {
    peer->send(w5('f', "keep", text("x")));
  }
  peer->send(large.substr(0, 50'000));
  turn();
  ASSERT_EQ(services_.keep.calls.size(), 5u);
  while (!services_.keep.calls.empty()) {
    answer_next(text(std::string(100'000, 'y')));
  }
  turn();
  peer->send(large.substr(50'000) + "behind");
  turn();
  turn();
  EXPECT_EQ(malformed(Malformed::too_large), 0u) << "it waits";
  zmtp().leave();
  dispatcher_.drain();
  zmtp().finish();
  EXPECT_EQ(malformed(Malformed::too_large), 0u);
  EXPECT_FALSE(zmtp().flushed());
  EXPECT_EQ(count_of(std::string(100'000, 'y'), receive_all(*peer)), 5u);
}

}  // namespace
}  // namespace zerogate::testing
