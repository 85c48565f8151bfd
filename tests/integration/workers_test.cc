// Several workers on the same ports, each on its own thread: who gets which connection, and that
// they do everything that one does.
#include <gmock/gmock.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "core/listener/listen_socket.h"
#include "core/log/log.h"
#include "core/wire/t3.h"
#include "core/wire/w5.h"
#include "gateway/runtime/client_census.h"
#include "gateway/runtime/worker.h"
#include "tests/integration/raw_client.h"
#include "tests/integration/redis_server.h"
#include "tests/integration/zmq_client.h"
#include "tests/unit/core/base/beside.h"

namespace zerogate::testing {
namespace {

using ::testing::HasSubstr;
using Clock = std::chrono::steady_clock;

constexpr auto kWorkersDeadline = std::chrono::seconds(30);
constexpr ByteView kHello = "\xabhello world";
constexpr ByteView kWorkersOrder =
    "\x82\xa7user_id\xa1"
    "1\xa5items\x92\xa5"
    "apple\xa6python";
constexpr ByteView kWorkersId = "0123456789abcdef";

::testing::AssertionResult wait_until(const std::function<bool()>& condition) {
  const auto end = Clock::now() + kWorkersDeadline;
  while (!condition()) {
    if (Clock::now() > end) {
      return ::testing::AssertionFailure() << "not within the deadline";
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return ::testing::AssertionSuccess();
}

/// Workers that share a TCP and a ZeroMQ port and the function labels, as the gateway makes them.
class Workers {
 public:
  Workers(uint32_t count, const WorkerOptions& options)
      : tcp_(ListenSocket::open_group({"127.0.0.1", 0, ""}, count).value()),
        zmq_(ListenSocket::open_group({"127.0.0.1", 0, ""}, count).value()) {
    for (uint32_t i = 0; i < count; ++i) {
      workers_.push_back(std::make_unique<Worker>(options, labels_));
      EXPECT_TRUE(workers_.back()->listen(Protocol::tcp, tcp_[i]));
      EXPECT_TRUE(workers_.back()->listen(Protocol::zmq, zmq_[i]));
    }
    for (const auto& worker : workers_) {
      worker->start([this] { ++exited_; });
    }
    EXPECT_TRUE(wait_until(
        [&] { return std::ranges::all_of(workers_, [](auto& w) { return w->settled(); }); }));
  }
  ~Workers() {
    for (const auto& worker : workers_) {
      worker->stop();
    }
  }

  const Address& tcp() const { return tcp_.front().bound(); }
  const Address& zmq() const { return zmq_.front().bound(); }
  const std::vector<std::unique_ptr<Worker>>& all() const { return workers_; }
  uint32_t exited() const { return exited_; }

  std::vector<uint64_t> connections(Protocol protocol) const {
    std::vector<uint64_t> counts;
    for (const auto& worker : workers_) {
      counts.push_back(worker->metrics().of(protocol).connections.value());
    }
    return counts;
  }
  uint64_t begun() const {
    uint64_t sum = 0;
    for (const auto& worker : workers_) {
      sum += worker->metrics().begun(Protocol::tcp) + worker->metrics().begun(Protocol::zmq);
    }
    return sum;
  }
  uint64_t ended(Outcome outcome) const {
    uint64_t sum = 0;
    for (const auto& worker : workers_) {
      for (FunctionLabel label = 0; label <= FunctionLabels::other(); ++label) {
        for (const Wire wire : {Wire::t3, Wire::w5}) {
          sum += worker->metrics().ended(label, wire, outcome);
        }
      }
    }
    return sum;
  }

 private:
  FunctionLabels labels_{{"hello_world", "save_order", "get_order"}};
  std::vector<ListenSocket> tcp_, zmq_;
  std::atomic<uint32_t> exited_ = 0;
  std::vector<std::unique_ptr<Worker>> workers_;
};

TcpReply call(RawClient& client, ByteView function, ByteView argument = "\xc0") {
  std::string bytes;
  wire::t3::write_request(bytes, 1, function, argument);
  client.send_all(bytes);
  std::vector<TcpReply> replies;
  EXPECT_TRUE(wait_until([&] {
    client.receive();
    replies = client.take_replies();
    return !replies.empty() || client.ended();
  }));
  replies.resize(1);
  return replies[0];
}

std::string call(ZmqClient& client, ByteView function, ByteView argument = "\xc0") {
  std::string body;
  wire::w5::write_request(body, kWorkersId, function, argument);
  client.send(body);
  std::optional<std::string> message;
  EXPECT_TRUE(wait_until([&] { return (message = client.receive()).has_value(); }));
  return message.value_or(std::string(kWorkersId)).substr(kWorkersId.size());
}

class WorkersTest : public ::testing::Test {
 protected:
  static constexpr uint32_t kWorkers = 4;

  WorkersTest() {
    signal(SIGPIPE, SIG_IGN);
    log::set_level(log::Level::off);
    options_.routing.handlers = {"hello_world"};
    options_.redis.timeout_ms = 60'000;
    options_.drain_timeout_ms = 60'000;
  }
  ~WorkersTest() override { workers_.reset(); }

  void start() { workers_ = std::make_unique<Workers>(kWorkers, options_); }
  void start_with_redis() {
    redis_.emplace();
    options_.redis.url = redis_->url();
    options_.routing.handlers = {"hello_world", "save_order", "get_order"};
    start();
    ASSERT_TRUE(wait_until([&] {
      return std::ranges::all_of(workers_->all(),
                                 [](auto& w) { return w->metrics().redis.up.value() == 1; });
    }));
  }

  /// One that has been answered: the worker has told of its connection by then. Of a ZeroMQ
  /// connection libzmq tells by an event of its own, which a second answer is certainly behind.
  RawClient& connect_tcp() {
    tcp_clients_.push_back(std::make_unique<RawClient>(workers_->tcp()));
    EXPECT_EQ(call(*tcp_clients_.back(), "hello_world").body, kHello);
    return *tcp_clients_.back();
  }
  ZmqClient& connect_zmq() {
    zmq_clients_.push_back(std::make_unique<ZmqClient>(context_.get(), workers_->zmq()));
    EXPECT_EQ(call(*zmq_clients_.back(), "hello_world"), kHello);
    EXPECT_EQ(call(*zmq_clients_.back(), "hello_world"), kHello);
    return *zmq_clients_.back();
  }

  /// By how much the connections of the fullest and the emptiest worker differ.
  uint64_t spread(Protocol protocol) const {
    const std::vector<uint64_t> counts = workers_->connections(protocol);
    const auto [least, most] = std::ranges::minmax(counts);
    return most - least;
  }

  WorkerOptions options_;
  std::optional<RedisServer> redis_;
  std::unique_ptr<Workers> workers_;
  ZmqContext context_{zmq_ctx_new()};
  std::vector<std::unique_ptr<RawClient>> tcp_clients_;
  std::vector<std::unique_ptr<ZmqClient>> zmq_clients_;
};

TEST_F(WorkersTest, FewConnectionsAreSpreadEvenly) {
  start();
  for (uint32_t i = 0; i < 2 * kWorkers; ++i) {
    connect_tcp();
    connect_zmq();
  }
  EXPECT_LE(spread(Protocol::tcp), 2u);
  EXPECT_LE(spread(Protocol::zmq), 2u);
}

TEST_F(WorkersTest, NewcomersFillTheGapsOfThoseThatWent) {
  start();
  for (uint32_t i = 0; i < 4 * kWorkers; ++i) {
    connect_tcp();
  }
  const auto sum = [&] {
    uint64_t connections = 0;
    for (const uint64_t each : workers_->connections(Protocol::tcp)) {
      connections += each;
    }
    return connections;
  };
  tcp_clients_.erase(tcp_clients_.begin(), tcp_clients_.begin() + 2 * kWorkers);
  ASSERT_TRUE(wait_until([&] { return sum() == 2 * kWorkers; }));
  for (const auto& client : tcp_clients_) {
    call(*client, "hello_world");  // all have told by now
  }
  for (uint32_t i = 0; i < 2 * kWorkers; ++i) {
    connect_tcp();
  }
  EXPECT_LE(spread(Protocol::tcp), 4u) << "of 16 connections, two at a time may go by chance";
}

// What the kernel gives one worker too many of, that one passes on.
TEST_F(WorkersTest, ABurstOfConnectionsIsSpreadEvenly) {
  start();
  constexpr uint32_t kBurst = 12 * kWorkers;
  for (uint32_t i = 0; i < kBurst; ++i) {
    tcp_clients_.push_back(std::make_unique<RawClient>(workers_->tcp()));
  }
  for (const auto& client : tcp_clients_) {
    EXPECT_EQ(call(*client, "hello_world").body, kHello);
  }
  EXPECT_LE(spread(Protocol::tcp), 5u) << "by chance it would be 6 and more";
}

TEST_F(WorkersTest, EachDoesEverythingAndTheSumsAgree) {
  start_with_redis();
  for (uint32_t i = 0; i < kWorkers; ++i) {
    RawClient& tcp = connect_tcp();
    const TcpReply saved = call(tcp, "save_order", kWorkersOrder);
    EXPECT_FALSE(saved.error);
    const size_t at = saved.body.find("\xd9\x24");
    EXPECT_THAT(call(tcp, "get_order", saved.body.substr(at, 38)).body, HasSubstr("created_by"));
    ZmqClient& zmq = connect_zmq();
    EXPECT_THAT(call(zmq, "save_order", kWorkersOrder), HasSubstr("order_id"));
    EXPECT_THAT(call(zmq, "nope"), HasSubstr("__zerror__function_not_found"));
  }
  EXPECT_EQ(redis_->run({"DBSIZE"}), std::to_string(2 * kWorkers));
  EXPECT_EQ(workers_->begun(), 7 * kWorkers);
  EXPECT_EQ(workers_->ended(Outcome::ok), 6 * kWorkers);
  EXPECT_EQ(workers_->ended(Outcome::not_found), kWorkers);
  uint64_t commands = 0;
  for (const auto& worker : workers_->all()) {
    commands += worker->metrics().redis.ok.value();
  }
  EXPECT_EQ(commands, 3 * kWorkers);
}

TEST_F(WorkersTest, ADrainOfAllAnswersWhatIsUnderWay) {
  start_with_redis();
  for (uint32_t i = 0; i < kWorkers; ++i) {
    connect_tcp();
    connect_zmq();
  }
  redis_->stop();
  std::string tcp_bytes, zmq_bytes;
  wire::t3::write_request(tcp_bytes, 1, "save_order", kWorkersOrder);
  wire::w5::write_request(zmq_bytes, kWorkersId, "save_order", kWorkersOrder);
  const uint64_t before = workers_->begun();
  for (const auto& client : tcp_clients_) {
    client->send_all(tcp_bytes);
  }
  for (const auto& client : zmq_clients_) {
    client->send(zmq_bytes);
  }
  ASSERT_TRUE(wait_until([&] { return workers_->begun() == before + 2 * kWorkers; }));
  for (const auto& worker : workers_->all()) {
    worker->drain();
  }
  redis_->resume();
  ASSERT_TRUE(wait_until([&] { return workers_->exited() == kWorkers; }));
  for (const auto& worker : workers_->all()) {
    EXPECT_EQ(worker->cut_off(), 0u);
  }
  EXPECT_EQ(workers_->ended(Outcome::ok), workers_->begun());
  for (const auto& client : tcp_clients_) {
    ASSERT_TRUE(wait_until([&] {
      client->receive();
      return client->ended();
    }));
    EXPECT_THAT(client->received(), HasSubstr("order_id"));
  }
}

TEST_F(WorkersTest, BridgeAndReloadUnderLoad) {
  Workers backend(1, options_);
  BackendOptions to;
  to.name = "to";
  to.urls = {{Protocol::tcp, backend.tcp()}};
  to.connections = 2;
  options_.routing.handlers = {};
  options_.routing.backends = {to};
  options_.routing.routes = {{{"*"}, "to", 0}};
  start();
  for (uint32_t i = 0; i < kWorkers; ++i) {
    connect_zmq();
  }
  EXPECT_EQ(backend.connections(Protocol::tcp)[0], 2 * kWorkers);

  RouteTableOptions local;
  local.handlers = {"hello_world"};
  for (int round = 0; round < 20; ++round) {
    for (const auto& worker : workers_->all()) {
      worker->reload(round % 2 == 0 ? local : options_.routing);
    }
    for (const auto& client : zmq_clients_) {
      EXPECT_EQ(call(*client, "hello_world"), kHello);
    }
  }
  EXPECT_EQ(workers_->ended(Outcome::ok), workers_->begun());
}

TEST_F(WorkersTest, TwoThreadsGiveOneItsOrders) {
  FunctionLabels labels{{}};
  Worker worker(options_, labels);
  const auto reload = [&] { worker.reload(options_.routing); };
  const auto order = [&] { worker.order({EndpointOrder::Action::drain, "b", "", ""}); };
  beside(reload, reload);
  beside(order, order);
  worker.start([] {});
  EXPECT_TRUE(wait_until([&] { return !worker.reloading(); }));
  worker.stop();
}

TEST_F(WorkersTest, OneThatIsStuckDoesNotHideTheClientsOfTheOthers) {
  FunctionLabels labels{{}};
  const ListenSocket socket =
      std::move(ListenSocket::open_group({"127.0.0.1", 0, ""}, 1).value().front());
  std::vector<std::unique_ptr<Worker>> workers;
  workers.push_back(std::make_unique<Worker>(options_, labels));  // its loop never runs
  workers.push_back(std::make_unique<Worker>(options_, labels));
  Worker& well = *workers.back();
  ASSERT_TRUE(well.listen(Protocol::tcp, socket));
  well.start([] {});
  RawClient client(socket.bound());
  EXPECT_TRUE(wait_until([&] { return well.metrics().of(Protocol::tcp).accepted.value() == 1; }));
  const ClientList list = ask_for_clients(workers, std::chrono::seconds(4));
  EXPECT_EQ(list.silent_workers, 1u);
  EXPECT_EQ(list.clients.size(), 1u);
  well.stop();
}

}  // namespace
}  // namespace zerogate::testing
