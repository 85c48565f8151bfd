// The ZeroMQ port over real sockets: requests in, replies out, and the limits it keeps.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <list>
#include <set>
#include <vector>

#include "core/wire/w5.h"
#include "core/wire/zerror.h"
#include "tests/integration/raw_client.h"
#include "tests/integration/transport_fixture.h"
#include "tests/integration/zmq_client.h"

namespace zerogate::testing {
namespace {

using ::testing::HasSubstr;

constexpr size_t kIdBytes = wire::w5::kIdBytes;

std::string id_of(uint64_t number) { return fmt::format("{:016}", number); }

std::string request(ByteView function, uint64_t id, ByteView argument = "\xc0") {
  std::string body;
  wire::w5::write_request(body, id_of(id), function, argument);
  return body;
}

class ZmqListenerTest : public TransportTest {
 protected:
  ZmqClient& connect(const ZmqClient::Options& options = {}) {
    return clients_.emplace_back(context_.get(), socket_->bound(), options);
  }
  /// One that does not take what the test does not read.
  ZmqClient& connect_slow_reader() { return connect({1, 16 << 10}); }
  /// One whose connection has been accepted.
  ZmqClient& connect_and_accept() {
    const uint64_t before = zmq().accepted.value();
    ZmqClient& client = connect();
    EXPECT_TRUE(run_until([&] { return zmq().accepted.value() > before; }));
    return client;
  }
  /// The next message, waited for.
  std::string receive(ZmqClient& client) {
    std::optional<std::string> message;
    EXPECT_TRUE(run_until([&] { return (message = client.receive()).has_value(); }));
    return message.value_or("");
  }
  std::string call(ZmqClient& client, ByteView function, uint64_t id, ByteView argument = "\xc0") {
    EXPECT_TRUE(client.send(request(function, id, argument)));
    return receive(client);
  }
  void expect_served(ZmqClient& client, uint64_t id = 4711) {
    EXPECT_EQ(call(client, "echo", id, "\x2a"), id_of(id) + "\x2a");
  }
  ::testing::AssertionResult run_until_ended(RawClient& client) {
    return run_until([&] {
      client.receive();
      return client.ended();
    });
  }
  /// Reads until there is nothing more to come. The number of messages.
  size_t drain(ZmqClient& client, size_t expected) {
    size_t count = 0;
    EXPECT_TRUE(run_until([&] {
      while (client.receive()) ++count;
      return count >= expected;
    }));
    settle();
    while (client.receive()) {
      ++count;
    }
    return count;
  }

  const ListenerMetrics& zmq() const { return metrics_.of(Protocol::zmq); }
  uint64_t rejected(Rejected reason) const {
    return TransportTest::rejected(Protocol::zmq, reason);
  }
  uint64_t malformed(Malformed reason) const {
    return TransportTest::malformed(Protocol::zmq, reason);
  }
  uint64_t connections() const { return TransportTest::connections(Protocol::zmq); }

  ZmqContext context_{zmq_ctx_new()};
  std::list<ZmqClient> clients_;
};

TEST_F(ZmqListenerTest, AnswersOnEachKindOfAddress) {
  const std::string path = fmt::format("/tmp/zerogate-test-{}.ipc", getpid());
  for (const std::string& address :
       {std::string("127.0.0.1:0"), std::string("[::1]:0"), "ipc:" + path}) {
    SCOPED_TRACE(address);
    listen_zmq({}, address);
    ZmqClient& client = connect();
    EXPECT_EQ(call(client, "connect", 1), id_of(1) +
                                              "\xa9"
                                              "connected");
    EXPECT_EQ(call(client, "echo", 2, "\xc3"), id_of(2) + "\xc3");
    EXPECT_EQ(call(client, "echo", 3), id_of(3) + "\xc0") << "no argument is nil";
    EXPECT_THAT(call(client, "nothing", 4), HasSubstr("Function `nothing` not found!"));
    clients_.clear();
    zmq_.reset();
  }
  socket_.reset();
  EXPECT_NE(access(path.c_str(), F_OK), 0) << "the socket's file has gone, too";
}

TEST_F(ZmqListenerTest, AnswersFiveThousandMessagesOfOneClient) {
  constexpr uint64_t kMessages = 5'000;
  listen_zmq();
  ZmqClient& client = connect();
  for (uint64_t id = 0; id < kMessages; ++id) {
    ASSERT_TRUE(client.send(request("echo", id)));
  }
  for (uint64_t id = 0; id < kMessages; ++id) {
    ASSERT_EQ(receive(client), id_of(id) + "\xc0");
  }
  EXPECT_EQ(ended(Outcome::ok), kMessages);
}

// More wait than one turn's budget: the descriptor will not tell of them again.
TEST_F(ZmqListenerTest, GoesOnWhenTheBudgetEndsFirst) {
  constexpr size_t kClients = 10;
  constexpr uint64_t kEach = 3 * ZmqListener::kMessagesPerTurn / kClients;
  listen_zmq();
  for (size_t i = 0; i < kClients; ++i) {
    connect();
  }
  for (ZmqClient& client : clients_) {
    for (uint64_t id = 0; id < kEach; ++id) {
      ASSERT_TRUE(client.send(request("hold", id)));
    }
  }
  ASSERT_TRUE(run_until([&] { return hold_.calls.size() == kClients * kEach; }));
  // Nothing comes in any more while the answers go out.
  while (!hold_.calls.empty()) {
    hold_.take().reply("\xc0");
  }
  for (ZmqClient& client : clients_) {
    for (uint64_t id = 0; id < kEach; ++id) {
      ASSERT_EQ(receive(client), id_of(id) + "\xc0");
    }
  }
}

// A send may eat the descriptor's news of a message that came meanwhile.
TEST_F(ZmqListenerTest, SendsAndReceivesWhileBothGoOn) {
  constexpr uint64_t kRounds = 200;
  listen_zmq();
  ZmqClient& held = connect();
  ZmqClient& other = connect();
  for (uint64_t id = 0; id < kRounds; ++id) {
    ASSERT_TRUE(held.send(request("hold", id)));
    ASSERT_TRUE(run_until([&] { return !hold_.calls.empty(); }));
    ASSERT_TRUE(other.send(request("echo", id)));
    hold_.take().reply("\xc3");
    ASSERT_EQ(receive(held), id_of(id) + "\xc3");
    ASSERT_EQ(receive(other), id_of(id) + "\xc0");
  }
}

TEST_F(ZmqListenerTest, CountsConnectionsUpAndDown) {
  listen_zmq();
  for (int i = 0; i < 3; ++i) {
    expect_served(connect());
  }
  EXPECT_EQ(connections(), 3u);
  EXPECT_EQ(zmq().accepted.value(), 3u);
  clients_.pop_front();
  ASSERT_TRUE(run_until([&] { return connections() == 2; }));
  clients_.clear();
  ASSERT_TRUE(run_until([&] { return connections() == 0; }));
  EXPECT_EQ(zmq().accepted.value(), 3u);
}

TEST_F(ZmqListenerTest, CountsAPeerThatSpeaksSomethingElse) {
  listen_zmq();
  // ZMTP 3.0's greeting with a mechanism that nobody has.
  std::string greeting =
      "\xff" + std::string(8, '\0') + "\x7f\x03" + std::string(1, '\0') + "BOGUS";
  greeting.resize(64);
  RawClient client(socket_->bound());
  client.send_all(greeting);
  ASSERT_TRUE(run_until_ended(client));
  ASSERT_TRUE(run_until([&] { return malformed(Malformed::bad_handshake) == 1; }));
  // One that leaves before it has said anything, as a health check does, is not ill.
  RawClient silent(socket_->bound());
  ASSERT_TRUE(run_until([&] { return zmq().accepted.value() == 2; }));
  silent.close();
  ASSERT_TRUE(run_until([&] { return connections() == 0; }));
  EXPECT_EQ(malformed(Malformed::bad_handshake), 1u);
  expect_served(connect());
}

// libzmq 4.3.4 takes anything that does not begin like ZMTP 2 for ZMTP 1.0, which is refused. It
// tells the monitor of the connection's end only.
TEST_F(ZmqListenerTest, RefusesWhatIsTakenForZmtp1) {
  listen_zmq();
  ZmqClient& other = connect();
  expect_served(other);
  RawClient client(socket_->bound());
  client.send_all("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(run_until_ended(client));
  ASSERT_TRUE(run_until([&] { return connections() == 1 && zmq().accepted.value() == 2; }));
  EXPECT_EQ(malformed(Malformed::bad_handshake), 1u);
  expect_served(other);
}

TEST_F(ZmqListenerTest, KeepsASilentPeerAliveForALimitedTime) {
  ZmqOptions options;
  options.keep_alive_ms = 1;
  options.keep_alive_for_ms = 200;
  listen_zmq(options);
  ZmqClient& client = connect();
  for (uint64_t round = 1; round <= 2; ++round) {  // each call begins a new silence
    expect_served(client, round);
    ASSERT_TRUE(run_for_ms(100));
    const uint64_t half = zmq().keep_alives.value();
    ASSERT_TRUE(run_for_ms(100));
    const uint64_t all = zmq().keep_alives.value();
    EXPECT_TRUE(client.keep_alives < half && half < all) << half << ' ' << all;
    ASSERT_TRUE(run_for_ms(20));
    EXPECT_EQ(zmq().keep_alives.value(), all);
    EXPECT_TRUE(run_until([&] {
      EXPECT_FALSE(client.receive());
      return client.keep_alives == all;
    }));
  }
}

TEST_F(ZmqListenerTest, AnAnswerToAClientThatHasGoneIsAbandoned) {
  listen_zmq();
  ZmqClient& client = connect();
  for (uint64_t id = 0; id < 3; ++id) {
    ASSERT_TRUE(client.send(request("hold", id)));
  }
  ASSERT_TRUE(run_until([&] { return hold_.calls.size() == 3; }));
  client.close();
  ASSERT_TRUE(run_until([&] { return connections() == 0; }));
  ZmqClient& fresh = connect();
  expect_served(fresh);
  while (!hold_.calls.empty()) {
    hold_.take().reply("\xc0");
  }
  EXPECT_EQ(ended(Outcome::abandoned), 3u);
  EXPECT_EQ(rejected(Rejected::slow_reader), 0u) << "it has gone, it is not slow";
  expect_served(fresh);
  EXPECT_FALSE(fresh.receive()) << "another's answer";
}

// libzmq's own limit of messages would lose those beyond it.
TEST_F(ZmqListenerTest, ManyRepliesWaitForAPeerThatReadsLateAndNoneIsLost) {
  constexpr uint64_t kCalls = 3'000;
  listen_zmq();
  fill_.body = value_of_size(3'000);
  ZmqClient& late = connect_slow_reader();
  for (uint64_t sent = 0; sent < kCalls; ++sent) {
    late.send(request("fill", sent));
    run_until([] { return true; });
  }
  ASSERT_TRUE(run_until([&] { return ended() == kCalls; }));
  EXPECT_EQ(ended(Outcome::ok), kCalls);
  EXPECT_EQ(drain(late, kCalls), kCalls);
  expect_served(late);
}

TEST_F(ZmqListenerTest, APeerThatAsksOnAndReadsNothingIsEnded) {
  ZmqOptions options;
  options.max_message = 16 << 10;
  options.write_buffer = 16 << 10;
  listen_zmq(options);
  fill_.body = value_of_size(3'000);
  ZmqClient& slow = connect_slow_reader();
  uint64_t sent = 0;
  ASSERT_TRUE(run_until([&] {
    for (int i = 0; i < 100; ++i) {
      slow.send(request("fill", sent)), ++sent;
    }
    return rejected(Rejected::slow_reader) > 0;
  }));
  EXPECT_GT(ended(Outcome::overloaded), 0u) << "first it was told";
  EXPECT_EQ(rejected(Rejected::slow_reader), 1u);
  expect_served(connect());
}

TEST_F(ZmqListenerTest, APeerThatDoesNotReadLargeRepliesGetsErrorsUntilItDoes) {
  ZmqOptions options;
  options.max_message = 64 << 10;
  options.write_buffer = 64 << 10;
  listen_zmq(options);
  fill_.body = value_of_size(60 << 10);
  ZmqClient& slow = connect_slow_reader();
  uint64_t sent = 0;
  ASSERT_TRUE(run_until([&] {
    slow.send(request("fill", sent)), ++sent;
    return ended(Outcome::overloaded) > 0;
  }));
  ASSERT_TRUE(run_until([&] { return ended() == sent; }));
  EXPECT_EQ(ended(Outcome::ok) + ended(Outcome::overloaded), sent);
  EXPECT_EQ(call(connect(), "fill", 1).size(), kIdBytes + fill_.body.size()) << "another peer";

  size_t errors = 0;
  for (uint64_t i = 0; i < sent; ++i) {
    const std::string reply = receive(slow);
    if (reply.size() == kIdBytes + fill_.body.size()) {
      continue;
    }
    ASSERT_THAT(reply, HasSubstr("earlier replies have not been read yet"));
    ++errors;
  }
  EXPECT_EQ(errors, ended(Outcome::overloaded));
  EXPECT_EQ(call(slow, "fill", 1).size(), kIdBytes + fill_.body.size())
      << "what was sent no longer counts";
}

TEST_F(ZmqListenerTest, LargeRepliesOfAllPeersHaveABoundTogether) {
  ZmqOptions options;
  options.max_message = 64 << 10;
  options.write_buffer = 1 << 30;  // a single peer's bound is out of the way
  options.send_memory = 1 << 20;
  listen_zmq(options);
  fill_.body = value_of_size(60 << 10);
  ZmqClient& slow = connect_slow_reader();
  uint64_t sent = 0;
  ASSERT_TRUE(run_until([&] {
    slow.send(request("fill", sent)), ++sent;
    return rejected(Rejected::send_memory) > 0;
  }));
  ASSERT_TRUE(run_until([&] { return ended() == sent; }));
  EXPECT_EQ(ended(Outcome::overloaded), rejected(Rejected::send_memory));
  ZmqClient& other = connect();
  expect_served(other);  // small replies are not held back
  EXPECT_EQ(drain(slow, sent), sent) << "who gets no reply is told why";
  EXPECT_EQ(call(other, "fill", 1).size(), kIdBytes + fill_.body.size());
}

TEST_F(ZmqListenerTest, AMessageALittleOverTheLimitIsAnsweredWithAnError) {
  ZmqOptions options;
  options.max_message = 10'000;
  listen_zmq(options);
  ZmqClient& client = connect();
  EXPECT_EQ(call(client, "echo", 1, value_of_size(10'000)).size(), kIdBytes + 10'000);
  for (const size_t size : {size_t{10'001}, 10'000 + ZmqListener::kOversizeGrace}) {
    const std::string reply = call(client, "echo", 2, value_of_size(size));
    std::string error = id_of(2);
    wire::write_error(error, wire::ErrorKey::server_exception,
                      "the message is larger than 10000 bytes");
    EXPECT_EQ(reply, error);
  }
  EXPECT_EQ(malformed(Malformed::too_large), 2u);
  EXPECT_EQ(ended(Outcome::invalid), 2u);
  EXPECT_EQ(zmq().accepted.value(), 1u) << "the connection stays";
}

TEST_F(ZmqListenerTest, ALongerOneEndsItsConnectionOnly) {
  ZmqOptions options;
  options.max_message = 10'000;
  listen_zmq(options);
  ZmqClient& other = connect();
  expect_served(other);
  ZmqClient& client = connect();
  expect_served(client);
  client.send(request("echo", 1, value_of_size(10'001 + ZmqListener::kOversizeGrace)));
  // libzmq ends the connection and the client's libzmq makes another one.
  ASSERT_TRUE(run_until([&] { return zmq().accepted.value() == 3; }));
  expect_served(other);
  expect_served(client);
}

TEST_F(ZmqListenerTest, WhatCannotBeReadIsAnsweredAsTheRealServerDoes) {
  listen_zmq();
  ZmqClient& client = connect();
  std::string cannot_process = id_of(1);
  wire::write_error(cannot_process, wire::ErrorKey::server_exception, wire::kCannotProcess);
  EXPECT_EQ(call(client, "echo", 1, "\xc1"), cannot_process);
  EXPECT_EQ(malformed(Malformed::bad_msgpack), 1u);
  EXPECT_EQ(call(client, "\xff\xfe", 1), cannot_process);
  EXPECT_EQ(malformed(Malformed::bad_name), 1u);
  EXPECT_THAT(call(client, "echo", 1, std::string(100'000, '\x91') + "\xc0"),
              testing::HasSubstr("nested deeper than 1024 levels"));
  EXPECT_EQ(malformed(Malformed::too_deep), 1u);

  ASSERT_TRUE(client.send("one", ZMQ_SNDMORE));
  ASSERT_TRUE(client.send("two", ZMQ_SNDMORE));
  ASSERT_TRUE(client.send("three"));
  ASSERT_TRUE(client.send("one", ZMQ_SNDMORE));
  ASSERT_TRUE(client.send("two", ZMQ_SNDMORE));
  ASSERT_TRUE(client.send("three", ZMQ_SNDMORE));
  ASSERT_TRUE(client.send("four"));
  const uint64_t before = begun();
  expect_served(client);  // and no reply to the others
  EXPECT_EQ(malformed(Malformed::bad_frames), 2u);
  EXPECT_EQ(begun(), before + 1) << "a part of a message was taken for one";
  ASSERT_TRUE(client.send("short"));
  EXPECT_EQ(receive(client).substr(0, 5), "short") << "the id is what there is";
  ASSERT_TRUE(client.send(""));
  EXPECT_NE(receive(client), "");
  expect_served(client);
}

// A server behind the gateway may speak something else than MessagePack to its own clients.
TEST_F(ZmqListenerTest, AFunctionThatTakesAnyBytesGetsThem) {
  struct AnyBytes final : Service {
    void serve(const Request& request, Call call) override {
      EXPECT_EQ(request.argument, "\xc1");
      EXPECT_TRUE(request.any_bytes);
      std::move(call).reply("\x07");
    }
    bool takes_any_bytes() const override { return true; }
  } any;
  router_.add("any", any);
  listen_zmq();
  EXPECT_EQ(call(connect(), "any", 1, "\xc1"), id_of(1) + "\x07");
  EXPECT_EQ(malformed(Malformed::bad_msgpack), 0u);
}

TEST_F(ZmqListenerTest, HoldsNewcomersBackAtTheConnectionLimit) {
  ZmqOptions options;
  options.max_connections = 2;
  listen_zmq(options);
  ZmqClient& one = connect();
  ZmqClient& two = connect();
  expect_served(one);
  expect_served(two);
  ASSERT_TRUE(run_until([&] { return rejected(Rejected::limit) == 1; }));
  ZmqClient& three = connect();
  ASSERT_TRUE(three.send(request("echo", 3)));
  for (uint64_t id = 0; id < 100; ++id) {
    expect_served(id % 2 == 0 ? one : two, id);
  }
  EXPECT_EQ(zmq().accepted.value(), 2u);
  EXPECT_FALSE(three.receive());
  one.close();
  // The kernel's next SYN gets through, about a second after its first.
  EXPECT_EQ(receive(three), id_of(3) + "\xc0");
  expect_served(two);
  EXPECT_EQ(connections(), 2u);
}

TEST_F(ZmqListenerTest, StopsAcceptingAndServesOn) {
  listen_zmq();
  ZmqClient& client = connect();
  expect_served(client);
  zmq_->stop_accepting();
  ZmqClient& late = connect();
  ASSERT_TRUE(late.send(request("echo", 1)));
  for (uint64_t id = 0; id < 100; ++id) {
    expect_served(client, id);
  }
  EXPECT_EQ(zmq().accepted.value(), 1u);
  // Not even when somebody leaves.
  client.close();
  ASSERT_TRUE(run_until([&] { return connections() == 0; }));
  settle();
  EXPECT_EQ(zmq().accepted.value(), 1u);
}

TEST_F(ZmqListenerTest, RepliesUnderWayAreSentAtTheEnd) {
  constexpr uint64_t kCalls = 200;
  ZmqOptions options;
  options.linger_ms = static_cast<int>(kDeadlineMs);
  listen_zmq(options);
  ZmqClient& client = connect();
  for (uint64_t id = 0; id < kCalls; ++id) {
    ASSERT_TRUE(client.send(request("hold", id)));
  }
  ASSERT_TRUE(run_until([&] { return hold_.calls.size() == kCalls; }));
  const std::string body = value_of_size(10'000);
  while (!hold_.calls.empty()) {
    hold_.take().reply(body);
  }
  zmq_->finish();
  zmq_.reset();
  for (uint64_t id = 0; id < kCalls; ++id) {
    ASSERT_EQ(receive(client), id_of(id) + body);
  }
}

TEST_F(ZmqListenerTest, ForgetsPeersThatHaveComeAndGone) {
  ZmqOptions options;
  options.max_connections = 5;
  listen_zmq(options);
  ZmqClient& stays = connect();
  ASSERT_TRUE(stays.send(request("hold", 1)));
  ASSERT_TRUE(run_until([&] { return hold_.calls.size() == 1; }));
  for (int i = 0; i < 50; ++i) {
    ZmqClient& guest = connect();
    expect_served(guest);
    clients_.pop_back();
    ASSERT_TRUE(run_until([&] { return connections() == 1; }));
  }
  hold_.take().reply("\x01");
  EXPECT_EQ(receive(stays), id_of(1) + "\x01") << "who waits is not forgotten";
}

}  // namespace
}  // namespace zerogate::testing
