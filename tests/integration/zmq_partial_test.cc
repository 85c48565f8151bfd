// ZeroMQ peers that do not read, and those that stand still in the middle of a message, byte by
// byte.
#include <fmt/format.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <optional>
#include <string>

#include "core/listener/peer_socket.h"
#include "core/wire/w5.h"
#include "tests/integration/raw_client.h"
#include "tests/integration/transport_fixture.h"

namespace zerogate::testing {
namespace {

constexpr uint64_t kStandsStillMs = 300;

/// What a DEALER says first.
std::string dealer_handshake() {
  std::string greeting = "\xff" + std::string(8, '\0') + "\x7f\x03" + std::string(1, '\0') + "NULL";
  greeting.resize(64);
  const std::string no_bytes(3, '\0');
  return greeting + "\x04\x29\x05READY\x0bSocket-Type" + no_bytes + "\x06" + "DEALER\x08Identity" +
         no_bytes + std::string(1, '\0');
}

std::string zmtp_frame(ByteView body, bool more = false) {
  std::string bytes = more ? "\x03" : "\x02";
  for (int shift = 56; shift >= 0; shift -= 8) {
    bytes += static_cast<char>(body.size() >> shift);
  }
  return bytes.append(body);
}

std::string call_id(uint64_t number) { return fmt::format("{:016}", number); }

std::string call_of(ByteView function, uint64_t id, ByteView argument) {
  std::string body;
  wire::w5::write_request(body, call_id(id), function, argument);
  return zmtp_frame(body);
}

class ZmqPartialTest : public TransportTest {
 protected:
  void listen(int receive_buffer = 0) {
    ZmqOptions options;
    options.stall_timeout_ms = kStandsStillMs;
    options.keep_alive_ms = 1;
    listen_zmq(options);
    client_.emplace(socket_->bound(), receive_buffer);
    ASSERT_TRUE(shake_hands(*client_));
  }
  ::testing::AssertionResult answered(RawClient& client, ByteView reply) {
    return run_until([&] {
      client.receive();
      return client.received().find(reply) != std::string::npos;
    });
  }
  ::testing::AssertionResult answered(ByteView reply) { return answered(*client_, reply); }
  /// libzmq takes no message before it has said READY.
  ::testing::AssertionResult shake_hands(RawClient& client) {
    client.send_all(dealer_handshake());
    return answered(client, "READY");
  }
  /// The gateway's end of the connection.
  int accepted() const {
    sockaddr_in client{}, peer{};
    socklen_t size = sizeof client;
    getsockname(client_->fd(), reinterpret_cast<sockaddr*>(&client), &size);
    for (int fd = 3; fd < 1'024; ++fd) {
      size = sizeof peer;
      if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0 &&
          peer.sin_family == AF_INET && peer.sin_port == client.sin_port) {
        return fd;
      }
    }
    return -1;
  }
  uint64_t keep_alives() const { return metrics_.of(Protocol::zmq).keep_alives.value(); }
  /// Longer than a peer may stand still.
  void wait() { ASSERT_TRUE(run_for_ms(4 * kStandsStillMs)); }
  uint64_t stalled() const { return rejected(Protocol::zmq, Rejected::stalled); }

  std::optional<RawClient> client_;
};

TEST_F(ZmqPartialTest, HalfAMessageAndThenNothingEndsTheConnection) {
  listen();
  client_->send_all(call_of("echo", 1, "\x2a"));
  ASSERT_TRUE(answered(call_id(1) + "\x2a"));
  client_->send_all(call_of("echo", 2, value_of_size(20'000)).substr(0, 10'000));
  ASSERT_TRUE(run_until([&] {
    client_->receive();
    return client_->ended();
  }));
  EXPECT_EQ(stalled(), 1u);
  ASSERT_TRUE(run_until([&] { return connections(Protocol::zmq) == 0; }));
}

TEST_F(ZmqPartialTest, SoDoesTheFirstMessagesHalf) {
  listen();
  client_->send_all(call_of("echo", 1, value_of_size(20'000)).substr(0, 10'000));
  ASSERT_TRUE(run_until([&] { return connections(Protocol::zmq) == 1; }));
  ASSERT_TRUE(run_until([&] { return connections(Protocol::zmq) == 0; }));
  EXPECT_EQ(stalled(), 1u);
}

TEST_F(ZmqPartialTest, OfAllWhoDoNotReadTheOneWithMostGoesAndIsKnownNoMore) {
  constexpr size_t kReply = 16 << 20;  // which no socket's buffers take
  constexpr size_t kSlack = 16 << 10;
  MemoryAccount memory;
  ZmqOptions options;
  options.memory = &memory;
  options.max_message = kReply;
  options.blocks_kept_ms = 20;
  listen_zmq(options);
  fill_.body = value_of_size(kReply);
  client_.emplace(socket_->bound());
  RawClient most(socket_->bound());
  ASSERT_TRUE(shake_hands(*client_));
  ASSERT_TRUE(shake_hands(most));
  client_->send_all(call_of("fill", 1, "\xc0"));
  most.send_all(call_of("hold", 1, "\xc0") + call_of("fill", 2, "\xc0") +
                call_of("fill", 3, "\xc0"));
  ASSERT_TRUE(run_until([this] { return ended(Outcome::ok) == 3; }));
  ASSERT_EQ(hold_.calls.size(), 1u);
  const CallerKey key = hold_.calls.front().caller().key;
  EXPECT_EQ(zmq_->caller(key).name, "127.0.0.1");
  EXPECT_FALSE(zmq_->caller(key).proven);
  EXPECT_EQ(zmq_->peer(key), "127.0.0.1");
  EXPECT_GE(zmq_->largest_hoard(), 2 * kReply);
  EXPECT_TRUE(zmq_->end_largest());
  EXPECT_EQ(rejected(Protocol::zmq, Rejected::send_memory), 1u);
  EXPECT_EQ(zmq_->caller(key).name, "gone");
  EXPECT_EQ(zmq_->peer(key), "gone");
  EXPECT_GE(zmq_->largest_hoard(), kReply);
  EXPECT_LT(zmq_->largest_hoard(), kReply + kSlack) << "the other one has its own";
  hold_.take().reply("\xc0");
  EXPECT_EQ(ended(Outcome::abandoned), 1u);
  EXPECT_TRUE(zmq_->end_largest());
  EXPECT_EQ(zmq_->largest_hoard(), 0u);
  EXPECT_FALSE(zmq_->end_largest());
  EXPECT_EQ(rejected(Protocol::zmq, Rejected::send_memory), 2u);
  EXPECT_TRUE(run_until([&] { return memory.held(MemoryUse::zmq_replies) == 0; }));
  zmq_.reset();
}

TEST_F(ZmqPartialTest, OverTheLimitOfMemoryTheLargestBeginningGoes) {
  MemoryAccount memory;
  ZmqOptions options;
  options.memory = &memory;
  listen_zmq(options);
  client_.emplace(socket_->bound());
  ASSERT_TRUE(shake_hands(*client_));
  EXPECT_FALSE(zmq_->end_largest());
  client_->send_all(call_of("echo", 1, value_of_size(1 << 20)).substr(0, 100'000));
  constexpr size_t kUnread = 99'000;  // without what may be the handshake's
  ASSERT_TRUE(run_until([&] { return zmq_->largest_hoard() >= kUnread; }));
  EXPECT_GE(memory.held(MemoryUse::zmq_requests), kUnread);
  EXPECT_TRUE(zmq_->end_largest());
  EXPECT_EQ(rejected(Protocol::zmq, Rejected::receive_memory), 1u);
  EXPECT_EQ(zmq_->largest_hoard(), 0u);
  EXPECT_EQ(memory.held(MemoryUse::zmq_requests), 0u);
  EXPECT_FALSE(zmq_->end_largest());
  ASSERT_TRUE(run_until([this] {
    client_->receive();
    return client_->ended();
  }));
  zmq_.reset();
}

TEST_F(ZmqPartialTest, AMessageThatComesSlowlyIsAnswered) {
  listen();
  const std::string value = value_of_size(50'000);
  const std::string bytes = call_of("echo", 1, value);
  constexpr size_t kPieces = 40;
  for (size_t i = 0, from = 0; i < kPieces; ++i) {
    const size_t size = i < kPieces - 1 ? bytes.size() / kPieces : bytes.size() - from;
    client_->send_all(ByteView(bytes).substr(from, size));
    from += size;
    ASSERT_TRUE(run_for_ms(kStandsStillMs / 10));
  }
  EXPECT_TRUE(answered(call_id(1) + value));
  wait();
  EXPECT_EQ(stalled(), 0u);
}

TEST_F(ZmqPartialTest, APeersPingsAreNoHalfMessage) {
  listen();
  constexpr size_t kPings = 300;
  const std::string ping = std::string("\x04\x07\x04PING") + std::string(2, '\0');
  const std::string pong = "\x04\x05\x04PONG";
  const auto pongs = [&] {
    size_t found = 0;
    for (size_t at = 0; (at = client_->received().find(pong, at)) != std::string::npos; ++at) {
      ++found;
    }
    return found;
  };
  for (size_t i = 0; i < kPings; ++i) {
    client_->send_all(ping);
  }
  ASSERT_TRUE(run_until([&] {
    client_->receive();
    return pongs() == kPings;
  }));
  wait();
  EXPECT_EQ(stalled(), 0u);
  client_->send_all(call_of("echo", 1, "\x2a"));
  EXPECT_TRUE(answered(call_id(1) + "\x2a"));
}

TEST_F(ZmqPartialTest, APeerThatReadsNothingIsKeptAndItsNextCallIsAnswered) {
  listen();
  client_->send_all(call_of("echo", 1, "\x01"));
  wait();
  EXPECT_GT(keep_alives(), 0u);
  client_->send_all(call_of("echo", 2, "\x02"));
  EXPECT_TRUE(answered(call_id(2) + "\x02"));
  EXPECT_EQ(connections(Protocol::zmq), 1u);
  const uint64_t answers = 2 * call_id(1).size() + 2;
  EXPECT_EQ(metrics_.of(Protocol::zmq).sent_bytes.value(),
            answers + keep_alives() * wire::w5::kIdBytes);
}

// A full window ends the connection: to the kernel its peer has vanished.
TEST_F(ZmqPartialTest, KeepAliveFramesDoNotFillTheWindowOfAPeerThatReadsNothing) {
  listen(16 << 10);
  client_->send_all(call_of("echo", 1, "\x01"));
  ASSERT_TRUE(run_until([this] { return keep_alives() > 0; }));
  uint64_t before = 0;
  while (before != keep_alives()) {
    before = keep_alives();
    wait();
  }
  EXPECT_GT(before, KeepAliveWindow::kUnwatched);
  const int fd = accepted();
  int unsent = -1;
  EXPECT_EQ(ioctl(fd, SIOCOUTQ, &unsent), 0);
  EXPECT_EQ(unsent, 0);
  EXPECT_GT(PeerSocket(fd).window().value(), 0u);
  client_->send_all(call_of("echo", 2, "\x02"));
  EXPECT_TRUE(answered(call_id(2) + "\x02"));
  EXPECT_TRUE(run_until([&] { return keep_alives() > before; })) << "it reads again";
}

TEST_F(ZmqPartialTest, AMessageThatIsNoRequestIsNoHalfOne) {
  listen();
  const std::string part(3'000, 'x');
  client_->send_all(zmtp_frame(part, true) + zmtp_frame(part, true) + zmtp_frame(part));
  ASSERT_TRUE(run_until([&] { return malformed(Protocol::zmq, Malformed::bad_frames) == 1; }));
  wait();
  client_->send_all(call_of("echo", 1, "\x2a"));
  EXPECT_TRUE(answered(call_id(1) + "\x2a"));
  EXPECT_EQ(stalled(), 0u);
}

}  // namespace
}  // namespace zerogate::testing
