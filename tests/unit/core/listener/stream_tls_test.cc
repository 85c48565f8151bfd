// Sessions over TLS: how long a handshake may take, and certificates that are judged again.
#include <gmock/gmock.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "core/io/tcp_stream.h"
#include "core/io/tls_layer.h"
#include "tests/unit/core/listener/stream_fixture.h"
#include "tests/unit/core/security/authority.h"

namespace zerogate::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

class StreamTlsTest : public StreamTest {
 protected:
  static constexpr uint32_t kHandshakeMs = 5'000;

  struct Observer final : TlsObserver {
    void on_handshake(TlsResult result, uint64_t) override { results.push_back(result); }
    void on_end() override {}
    std::vector<TlsResult> results;
  };
  /// A client that does its handshake.
  struct Client final : TcpStream::Owner {
    void on_connected() override { connected = true; }
    void on_bytes(ByteView bytes) override { got += bytes; }
    void on_writable() override {}
    void on_closed(int) override { ended = true; }

    std::unique_ptr<TcpStream> stream;
    std::string got;
    TcpStream::Totals totals;
    bool connected = false;
    bool ended = false;
  };

  StreamTlsTest() { make_secure_listener(); }
  void make_secure_listener(uint32_t max_handshakes = 256) {
    make_listener();
    listener_->secure({.context = make_context(TlsSide::listener, authority_.material({})),
                       .loop = tls_,
                       .observer = observer_,
                       .max_handshakes = max_handshakes,
                       .timeout_ms = kHandshakeMs});
  }
  ~StreamTlsTest() override {
    for (const auto& client : clients_) {
      client->stream->close();
      client->stream.reset();
    }
    listener_.reset();
  }

  void connect_client() {
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    listener_->adopt(UniqueFd(ends[0]));
    Client& client = *clients_.emplace_back(std::make_unique<Client>());
    client.stream =
        std::make_unique<TcpStream>(loop_.uv(), client, read_buffer_.data(), &client.totals);
    client.stream->secure({context_of_clients_, tls_, other_observer_});
    ASSERT_TRUE(client.stream->adopt(UniqueFd(ends[1])));
    ASSERT_EQ(client.stream->start_reading(), 0);
    turn_until([&client] { return client.connected; });
  }

  /// By the first client.
  void say(const std::string& bytes) {
    clients_[0]->stream->out().append(bytes);
    ASSERT_EQ(clients_[0]->stream->flush(), 0);
  }
  template <class Done>
  void turn_until(Done done) {
    for (int turns = 0; turns < 1'000 && !done(); ++turns) {
      turn();
    }
    ASSERT_TRUE(done());
  }

  const Authority authority_;
  TlsLoop tls_{loop_.uv()};
  Observer observer_;
  Observer other_observer_;
  const std::shared_ptr<const TlsContext> context_of_clients_ =
      make_context(TlsSide::backend, authority_.material({}));
  std::string read_buffer_ = std::string(FrameReader::kSharedBytes, '\0');
  std::vector<std::unique_ptr<Client>> clients_;
};

TEST_F(StreamTlsTest, AHandshakeThatIsNotDoneInTimeEndsTheConnection) {
  const auto silent = connect();
  wait_ms(kHandshakeMs - 1);
  EXPECT_TRUE(open(*silent));
  EXPECT_EQ(tls_.unfinished(), 1u);
  wait_ms(1);
  EXPECT_FALSE(open(*silent));
  EXPECT_THAT(observer_.results, ElementsAre(TlsResult::timeout));
  EXPECT_EQ(tls_.unfinished(), 0u);
}

TEST_F(StreamTlsTest, OverTheLimitTheHandshakeGoesThatIsWaitedForLongest) {
  make_secure_listener(2);
  connect_client();
  const auto first = connect();
  const auto second = connect();
  EXPECT_TRUE(open(*first));
  EXPECT_EQ(rejected(Rejected::handshakes), 0u) << "one that is done counts no more";
  const auto third = connect();
  EXPECT_FALSE(open(*first));
  EXPECT_TRUE(open(*second));
  EXPECT_TRUE(open(*third));
  EXPECT_FALSE(clients_[0]->ended);
  EXPECT_EQ(rejected(Rejected::handshakes), 1u);
  EXPECT_EQ(tls_.unfinished(), 2u);
}

// There are as many as the loop can do: one more would only make all late.
TEST_F(StreamTlsTest, WhoWaitsForTheLoopMakesNoRoomForANewcomer) {
  make_secure_listener(1);
  TcpStream::Totals totals;
  Client& client = *clients_.emplace_back(std::make_unique<Client>());
  client.stream = std::make_unique<TcpStream>(loop_.uv(), client, read_buffer_.data(), &totals);
  client.stream->secure({context_of_clients_, tls_, other_observer_});
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  ASSERT_TRUE(client.stream->adopt(UniqueFd(ends[1])));
  ASSERT_EQ(client.stream->start_reading(), 0);
  turn();
  listener_->adopt(UniqueFd(ends[0]));
  tls_.count_steps(TlsLoop::kStepsPerTurn);
  turn();
  const auto newcomer = connect();
  EXPECT_FALSE(open(*newcomer));
  EXPECT_EQ(rejected(Rejected::handshakes), 1u);
  turn_until([&client] { return client.connected; });
  EXPECT_THAT(observer_.results, Contains(TlsResult::ok));
}

TEST_F(StreamTlsTest, AfterItsHandshakeAConnectionMayBeSilentForLong) {
  connect_client();
  wait_ms(100 * kHandshakeMs);
  turn();
  EXPECT_FALSE(clients_[0]->ended);
  EXPECT_THAT(observer_.results, ElementsAre(TlsResult::ok));
}

TEST_F(StreamTlsTest, CertificatesAreJudgedAgainSomeAtATimeUntilAllWere) {
  constexpr size_t kMany = 2 * StreamListener::kCheckedAtOnce + 3;
  for (size_t i = 0; i < kMany; ++i) {
    connect_client();
  }
  const Authority other("another CA");
  listener_->set_tls(make_context(TlsSide::listener, other.material({})), true);
  for (uint64_t judged = 0; judged != kMany;) {
    const uint64_t before = judged;
    wait_ms(StreamListener::kCheckMs);
    judged = rejected(Rejected::certificate);
    ASSERT_EQ(judged, std::min(before + StreamListener::kCheckedAtOnce, kMany));
  }
  turn();
  EXPECT_TRUE(listener_->empty());
}

TEST_F(StreamTlsTest, OnesThatAreStillGoodStay) {
  connect_client();
  listener_->set_tls(make_context(TlsSide::listener, authority_.material({})), true);
  wait_ms(10 * StreamListener::kCheckMs);
  turn();
  EXPECT_EQ(rejected(Rejected::certificate), 0u);
  EXPECT_FALSE(clients_[0]->ended);
  EXPECT_GT(timers_.next_ms(), clock_.now_ms() + StreamListener::kCheckMs) << "all were judged";
}

TEST_F(StreamTlsTest, WhatIsSaidAtTheEndIsCountedAsSent) {
  connect_client();
  clients_[0]->stream->end_writing();
  turn_until([this] { return clients_[0]->ended; });
  EXPECT_TRUE(listener_->empty());
  EXPECT_EQ(metrics_.sent_bytes.value(), clients_[0]->totals.received);
}

TEST_F(StreamTlsTest, WhatIsNoTlsBehindTheHandshakeIsMalformedAndCostsThatConnection) {
  connect_client();
  connect_client();
  turn_until([this] { return observer_.results.size() == 2; });
  ASSERT_GT(::send(clients_[0]->stream->fd(), "GET / HTTP/1.1\r\n\r\n", 18, 0), 0);
  turn_until([this] { return clients_[0]->ended; });
  EXPECT_EQ(metrics_.malformed[index_of(Malformed::bad_tls)].value(), 1u);
  clients_[1]->stream->end_writing();
  turn_until([this] { return clients_[1]->ended; });
  EXPECT_EQ(metrics_.malformed[index_of(Malformed::bad_tls)].value(), 1u);
}

// One call after the other: of what comes behind a long one nothing is decrypted until that has its
// answer.
TEST_F(StreamTlsTest, AConnectionLeavesWhenWhatIsStillEncryptedIsAnswered) {
  constexpr size_t kLong = FrameReader::kSharedBytes + 4'000;
  connect_client();
  say("1a\n");
  turn_until([this] { return waiting() == 1; });
  EXPECT_TRUE(answer(next(), "A"));
  say("#" + std::to_string(kLong) + "\n" + std::string(kLong, 'x') + "1b\n");
  turn_until([this] { return waiting() == 1; });
  listener_->drain();
  EXPECT_TRUE(answer(next(), "X"));
  turn_until([this] { return waiting() == 1; });
  EXPECT_TRUE(answer(next(), "B"));
  turn_until([this] { return clients_[0]->ended; });
  EXPECT_EQ(clients_[0]->got, "AXB");
}

TEST_F(StreamTlsTest, AtTheEndWhatHasArrivedIsTaken) {
  connect_client();
  turn_until([this] { return !observer_.results.empty(); });
  say("a\n");
  say("b\n");
  listener_->finish();
  EXPECT_THAT(texts(), ElementsAre("a", "b"));
  EXPECT_TRUE(answer(next(), "A"));
  EXPECT_TRUE(answer(next(), "B"));
  turn_until([this] { return clients_[0]->got == "AB"; });
}

// These bytes were taken for calls once, without a handshake.
TEST_F(StreamTlsTest, AtTheEndNothingIsTakenFromAPeerWithoutAHandshake) {
  const auto stranger = connect();
  stranger->send("call\n");
  connect_client();  // its last step has not been read
  ASSERT_THAT(observer_.results, Not(Contains(TlsResult::ok)));
  listener_->finish();
  EXPECT_THAT(texts(), ElementsAre());
  EXPECT_THAT(observer_.results, Not(Contains(TlsResult::ok)));
}

class LongFramesOverTlsTest : public StreamTlsTest {
 protected:
  static constexpr size_t kFrame = 200 << 10;
  static constexpr size_t kBegun = FrameReader::kSharedBytes + 8'000;

  LongFramesOverTlsTest() {
    options_.max_message = 1 << 20;
    options_.memory = &memory_;
    make_secure_listener();
  }
  ~LongFramesOverTlsTest() override { listener_.reset(); }

  void send(const Client& client, const std::string& bytes) {
    client.stream->out().append(bytes);
    ASSERT_EQ(client.stream->flush(), 0);
    for (int turns = 0; turns < 100; ++turns) {
      turn();
      memory_.serve(clock_.now_ms());
    }
  }
  const Client& begin_frame() {
    connect_client();
    const Client& client = *clients_.back();
    send(client, "#" + std::to_string(kFrame) + "\n" + std::string(kBegun, 'x'));
    return client;
  }

  MemoryAccount memory_{1 << 20};  // room for two such frames below the soft mark
};

TEST_F(LongFramesOverTlsTest, ClaimTheirMemoryAndWaitForIt) {
  const std::string rest(kFrame - kBegun, 'x');
  const Client& first = begin_frame();
  const Client& second = begin_frame();
  EXPECT_FALSE(memory_.waiting());
  const Client& third = begin_frame();
  EXPECT_TRUE(memory_.waiting());
  EXPECT_GE(memory_.held(MemoryUse::requests), 2 * kFrame + FrameReader::kSharedBytes);
  send(third, rest);
  EXPECT_EQ(waiting(), 0u);
  send(first, rest);
  EXPECT_FALSE(memory_.waiting());
  EXPECT_EQ(waiting(), 2u) << "the third had sent all of it";
  send(second, rest);
  EXPECT_EQ(waiting(), 3u);
  EXPECT_EQ(memory_.held(MemoryUse::requests), 0u);
}

TEST_F(LongFramesOverTlsTest, OneThatWaitsForMemoryGoesWithItsPeer) {
  memory_.set(MemoryUse::forwarded, memory_.limit());
  const Client& client = begin_frame();
  ASSERT_TRUE(memory_.waiting());
  client.stream->close();
  wait_ms(2 * StreamListener::kStallCheckMs);
  turn();
  EXPECT_TRUE(listener_->empty());
  EXPECT_FALSE(memory_.waiting());
  EXPECT_EQ(memory_.held(MemoryUse::requests), 0u);
}

}  // namespace
}  // namespace zerogate::testing
