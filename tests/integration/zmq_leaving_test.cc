// How the ZeroMQ port takes leave: what idle clients, those with a request that waits, and
// newcomers see of it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <list>

#include "core/base/unique_fd.h"
#include "core/wire/w5.h"
#include "tests/integration/transport_fixture.h"
#include "tests/integration/zmq_client.h"

namespace zerogate::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ZmqLeavingTest : public TransportTest {
 protected:
  ZmqLeavingTest() {
    ZmqOptions options;
    options.linger_ms = static_cast<int>(kDeadlineMs);
    listen_zmq(options);
  }
  ZmqClient& connect(const ZmqClient::Options& options = {}) {
    return clients_.emplace_back(context_.get(), socket_->bound(), options);
  }
  ZmqClient& connect_and_call(const ZmqClient::Options& options = {}) {
    ZmqClient& client = connect(options);
    expect_served(client);
    return client;
  }
  static std::string id_of(uint64_t number) { return fmt::format("{:016}", number); }
  void send(ZmqClient& client, uint64_t id) {
    std::string body;
    wire::w5::write_request(body, id_of(id), "echo", "\xc0");
    EXPECT_TRUE(run_until([&] { return client.send(body); }));
  }
  std::string receive(ZmqClient& client) {
    std::optional<std::string> message;
    EXPECT_TRUE(run_until([&] { return (message = client.receive()).has_value(); }));
    return message.value_or("");
  }
  void expect_served(ZmqClient& client) {
    send(client, 4711);
    EXPECT_EQ(receive(client), id_of(4711) + "\xc0");
  }
  void expect_refused(ZmqClient& client, uint64_t id) {
    EXPECT_THAT(receive(client), AllOf(StartsWith(id_of(id)), HasSubstr("shutting down")));
  }
  /// As the worker does: what comes from now on is refused, and nothing is read until that is done.
  void leave() {
    dispatcher_.drain();
    zmq_->leave();
  }
  uint64_t refused() const { return ended(Outcome::unavailable); }
  /// libzmq's threads bring the requests, when they come to it.
  ::testing::AssertionResult refuse_until(uint64_t requests) {
    return run_until([&] {
      const uint64_t before = refused();
      zmq_->refuse_waiting();
      EXPECT_LE(refused() - before, uint64_t{ZmqListener::kLastMessages});
      return refused() == requests;
    });
  }

  ZmqContext context_{zmq_ctx_new()};
  std::list<ZmqClient> clients_;
};

TEST_F(ZmqLeavingTest, ARequestThatComesLateWaitsUntilItIsRefused) {
  ZmqClient& client = connect_and_call();
  leave();
  send(client, 1);
  settle();
  EXPECT_EQ(client.receive(), std::nullopt);
  EXPECT_EQ(begun(), 1u) << "it is not read";
  ASSERT_TRUE(refuse_until(1));
  expect_refused(client, 1);
}

TEST_F(ZmqLeavingTest, EveryRequestOfEveryClientThatWaitsIsRefusedOnceAndInOrder) {
  constexpr uint64_t kEach = 100;
  for (int i = 0; i < 3; ++i) {
    connect_and_call();
  }
  leave();
  for (ZmqClient& client : clients_) {
    for (uint64_t id = 0; id < kEach; ++id) {
      send(client, id);
    }
  }
  ASSERT_TRUE(refuse_until(3 * kEach));
  zmq_.reset();
  for (ZmqClient& client : clients_) {
    for (uint64_t id = 0; id < kEach; ++id) {
      expect_refused(client, id);
    }
    EXPECT_EQ(client.receive(), std::nullopt);
  }
}

// A peer that floods the port does not hold the end.
TEST_F(ZmqLeavingTest, FinishRefusesABoundedNumber) {
  constexpr uint64_t kClients = 20;  // each has up to kRequestQueue requests ready to be read
  constexpr uint64_t kEach = 600;
  static_assert(kClients * ZmqListener::kRequestQueue > ZmqListener::kLastMessages);
  for (uint64_t i = 0; i < kClients; ++i) {
    connect_and_call();
  }
  leave();
  for (ZmqClient& client : clients_) {
    for (uint64_t id = 0; id < kEach; ++id) {
      send(client, id);
    }
  }
  EXPECT_TRUE(refuse_until(kClients * kEach));
}

TEST_F(ZmqLeavingTest, AnIdleClientIsToldNothingAndFindsTheNextGateway) {
  ZmqClient& client = connect_and_call({.only_connected = true});
  zmq_->leave();
  zmq_->finish();
  const std::string address = socket_->bound().display();
  zmq_.reset();
  socket_.reset();
  ASSERT_TRUE(run_until([&] { return !client.connected(); })) << "its connection has ended";
  EXPECT_EQ(client.receive(), std::nullopt);
  listen_zmq({}, address);
  expect_served(client);
}

// The worker's loop may go on, while other ports' clients read what they were sent: a request that
// came in meanwhile would have no answer.
TEST_F(ZmqLeavingTest, ConnectionsEndAtOnceAndNotWhenTheWorkerDoes) {
  ZmqClient& client = connect_and_call({.only_connected = true});
  leave();
  zmq_->finish();
  EXPECT_TRUE(zmq_->empty());
  EXPECT_TRUE(run_until([&] { return !client.connected(); }));
}

// On loopback a connection that is not held back is there when connect() returns.
TEST_F(ZmqLeavingTest, ANewcomerIsHeldBackForTheNextGateway) {
  connect_and_call();
  leave();
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(socket_->bound().port);
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const UniqueFd newcomer(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
  EXPECT_EQ(::connect(newcomer.get(), reinterpret_cast<sockaddr*>(&where), sizeof where), -1);
  EXPECT_EQ(errno, EINPROGRESS);
  pollfd connected{newcomer.get(), POLLOUT, 0};
  EXPECT_EQ(poll(&connected, 1, 0), 0);
  ASSERT_TRUE(refuse_until(0));
  EXPECT_EQ(metrics_.of(Protocol::zmq).accepted.value(), 1u);
}

}  // namespace
}  // namespace zerogate::testing
