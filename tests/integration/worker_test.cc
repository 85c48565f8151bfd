// A whole worker on its own thread, with real clients and a real Redis: how it ends.
#include "gateway/runtime/worker.h"

#include <gmock/gmock.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <thread>
#include <vector>

#include "core/listener/stream_session.h"
#include "core/log/log.h"
#include "core/wire/big_endian.h"
#include "core/wire/t3.h"
#include "core/wire/w5.h"
#include "tests/integration/own_port.h"
#include "tests/integration/raw_client.h"
#include "tests/integration/redis_server.h"
#include "tests/integration/zmq_client.h"

namespace zerogate::testing {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using Clock = std::chrono::steady_clock;

constexpr auto kDeadline = std::chrono::seconds(90);  // generous: a busy machine
constexpr ByteView kOrder =
    "\x82\xa7user_id\xa1"
    "1\xa5items\x92\xa5"
    "apple\xa6python";
constexpr ByteView kId = "0123456789abcdef";

class WorkerTest : public ::testing::Test {
 protected:
  WorkerTest() {
    signal(SIGPIPE, SIG_IGN);
    log::set_level(log::Level::off);
    options_.routing.handlers = {"hello_world", "save_order"};
    options_.redis.timeout_ms = 60'000;  // nothing here ends by a deadline of Redis
    options_.drain_timeout_ms = 60'000;
  }
  ~WorkerTest() override {
    if (worker_ == nullptr) {
      return;
    }
    worker_->stop();
    worker_.reset();
  }

  /// Starts it, and waits until Redis is there.
  void start() {
    redis_.emplace();
    options_.redis.url = redis_->url();
    make();
    worker_->start([this] { exited_ = true; });
    ASSERT_TRUE(wait_until([&] { return metrics().redis.up.value() == 1; }));
    // The metric is set inside the turn that ends the first attempt.
    ASSERT_TRUE(wait_until([&] { return worker_->settled(); }));
  }
  void make() {
    worker_ = std::make_unique<Worker>(options_, labels_);
    ASSERT_TRUE(worker_->listen(Protocol::tcp, tcp_));
    ASSERT_TRUE(worker_->listen(Protocol::zmq, zmq_));
  }

  static ::testing::AssertionResult wait_until(const std::function<bool()>& condition) {
    const auto end = Clock::now() + kDeadline;
    while (!condition()) {
      if (Clock::now() > end) {
        return ::testing::AssertionFailure() << "not within the deadline";
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return ::testing::AssertionSuccess();
  }
  ::testing::AssertionResult wait_until_exit() {
    return wait_until([this] { return exited_.load(); });
  }

  static std::string request(ByteView function, uint32_t id, ByteView argument = "\xc0") {
    std::string bytes;
    wire::t3::write_request(bytes, id, function, argument);
    return bytes;
  }
  static std::string zmq_request(ByteView function, ByteView argument = "\xc0") {
    std::string body;
    wire::w5::write_request(body, kId, function, argument);
    return body;
  }
  static TcpReply receive(RawClient& client) {
    std::vector<TcpReply> replies;
    EXPECT_TRUE(wait_until([&] {
      client.receive();
      replies = client.take_replies();
      return !replies.empty() || client.ended();
    }));
    EXPECT_EQ(replies.size(), 1u);
    replies.resize(1);
    return replies[0];
  }
  static std::string receive(ZmqClient& client) {
    std::optional<std::string> message;
    EXPECT_TRUE(wait_until([&] { return (message = client.receive()).has_value(); }));
    return message.value_or("").substr(std::min(kId.size(), message.value_or("").size()));
  }
  static ::testing::AssertionResult wait_until_ended(RawClient& client) {
    return wait_until([&] {
      client.receive();
      return client.ended();
    });
  }

  const WorkerMetrics& metrics() const { return worker_->metrics(); }
  uint64_t begun() const { return metrics().begun(Protocol::tcp) + metrics().begun(Protocol::zmq); }
  uint64_t ended(Outcome outcome) const {
    uint64_t sum = 0;
    for (const char* name : {"hello_world", "save_order", "_other"}) {
      const FunctionLabel label = labels_.find(name);
      for (size_t wire = 0; wire < kWireNames.size(); ++wire) {
        sum += metrics().ended(label, static_cast<Wire>(wire), outcome);
      }
    }
    return sum;
  }
  uint64_t ended() const {
    uint64_t sum = 0;
    for (size_t i = 0; i < kOutcomeNames.size(); ++i) {
      sum += ended(static_cast<Outcome>(i));
    }
    return sum;
  }

  WorkerOptions options_;
  FunctionLabels labels_{{"hello_world", "save_order"}};
  std::optional<RedisServer> redis_;
  ListenSocket tcp_ = ListenSocket::open({"127.0.0.1", 0, ""}, false).value();
  ListenSocket zmq_ = ListenSocket::open({"127.0.0.1", 0, ""}, false).value();
  std::atomic<bool> exited_ = false;
  std::unique_ptr<Worker> worker_;
  ZmqContext context_{zmq_ctx_new()};
};

TEST_F(WorkerTest, ServesBothProtocolsAtOnce) {
  start();
  RawClient tcp(tcp_.bound());
  ZmqClient zmq(context_.get(), zmq_.bound());
  tcp.send_all(request("hello_world", 1));
  EXPECT_EQ(receive(tcp).body, "\xabhello world");
  zmq.send(zmq_request("hello_world"));
  EXPECT_EQ(receive(zmq), "\xabhello world");
  tcp.send_all(request("save_order", 2, kOrder));
  EXPECT_FALSE(receive(tcp).error);
  zmq.send(zmq_request("save_order", kOrder));
  EXPECT_THAT(receive(zmq), HasSubstr("order_id"));
  EXPECT_EQ(redis_->run({"DBSIZE"}), "2");
}

TEST_F(WorkerTest, ADrainAnswersWhatIsUnderWayAndRefusesTheNew) {
  start();
  RawClient tcp(tcp_.bound()), other(tcp_.bound());
  ZmqClient zmq(context_.get(), zmq_.bound()), other_zmq(context_.get(), zmq_.bound());
  // All four are known to the worker.
  other.send_all(request("hello_world", 1));
  EXPECT_FALSE(receive(other).error);
  other_zmq.send(zmq_request("hello_world"));
  EXPECT_EQ(receive(other_zmq), "\xabhello world");
  redis_->stop();
  tcp.send_all(request("save_order", 1, kOrder));
  zmq.send(zmq_request("save_order", kOrder));
  ASSERT_TRUE(wait_until([&] { return begun() == 4; }));

  worker_->drain();
  ASSERT_TRUE(wait_until_ended(other)) << "nothing of it is under way";
  EXPECT_FALSE(other.was_reset());
  tcp.send_all(request("hello_world", 2));
  const TcpReply refused = receive(tcp);
  EXPECT_TRUE(refused.error);
  EXPECT_THAT(refused.body, HasSubstr("the gateway is shutting down"));
  other_zmq.send(zmq_request("hello_world"));
  EXPECT_THAT(receive(other_zmq), HasSubstr("the gateway is shutting down"));
  EXPECT_FALSE(exited_) << "two calls are under way";

  redis_->resume();
  const TcpReply saved = receive(tcp);
  EXPECT_FALSE(saved.error);
  EXPECT_THAT(saved.body, HasSubstr("order_id"));
  EXPECT_THAT(receive(zmq), HasSubstr("order_id"));
  ASSERT_TRUE(wait_until_exit());
  EXPECT_EQ(worker_->cut_off(), 0u);
  EXPECT_EQ(ended(), begun());
  EXPECT_EQ(ended(Outcome::unavailable), 2u);
  ASSERT_TRUE(wait_until_ended(tcp));
  ASSERT_TRUE(wait_until_ended(other));
}

TEST_F(WorkerTest, ADrainWithNothingUnderWayEndsAtOnce) {
  start();
  RawClient idle(tcp_.bound());
  worker_->drain();
  ASSERT_TRUE(wait_until_exit());
  EXPECT_EQ(worker_->cut_off(), 0u);
  worker_->drain();  // and orders that come too late do no harm
  worker_->stop();
}

TEST_F(WorkerTest, ADrainGivesUpInTheEnd) {
  options_.drain_timeout_ms = 50;
  start();
  RawClient tcp(tcp_.bound());
  ZmqClient zmq(context_.get(), zmq_.bound());
  redis_->stop();
  tcp.send_all(request("save_order", 1, kOrder));
  zmq.send(zmq_request("save_order", kOrder));
  ASSERT_TRUE(wait_until([&] { return begun() == 2; }));
  worker_->drain();
  ASSERT_TRUE(wait_until_exit());
  EXPECT_EQ(worker_->cut_off(), 2u);
  EXPECT_TRUE(receive(tcp).error) << "answered all the same";
  EXPECT_THAT(receive(zmq), HasSubstr("__zerror__server_exception"));
  EXPECT_EQ(ended(), begun());
}

TEST_F(WorkerTest, StopAnswersWhatIsUnderWayWithAnError) {
  start();
  RawClient tcp(tcp_.bound());
  ZmqClient zmq(context_.get(), zmq_.bound());
  redis_->stop();
  tcp.send_all(request("save_order", 1, kOrder));
  zmq.send(zmq_request("save_order", kOrder));
  ASSERT_TRUE(wait_until([&] { return begun() == 2; }));
  worker_->stop();
  ASSERT_TRUE(wait_until_exit());
  EXPECT_EQ(worker_->cut_off(), 2u);
  const TcpReply reply = receive(tcp);
  EXPECT_TRUE(reply.error);
  EXPECT_THAT(reply.body, HasSubstr("__zerror__server_exception"));
  EXPECT_THAT(receive(zmq), HasSubstr("__zerror__server_exception"));
  EXPECT_EQ(ended(Outcome::unavailable), 2u);
  ASSERT_TRUE(wait_until_ended(tcp));
}

TEST_F(WorkerTest, StopHasTheAccessLogTellOfWhatItCutsOff) {
  AccessLogSettings all;
  all.set(1, 0);
  options_.call_log = &all;
  std::vector<std::string> lines;  // read after the worker's end
  start();
  RawClient tcp(tcp_.bound());
  ZmqClient zmq(context_.get(), zmq_.bound());
  redis_->stop();
  tcp.send_all(request("save_order", 1, kOrder));
  zmq.send(zmq_request("save_order", kOrder));
  ASSERT_TRUE(wait_until([&] { return begun() == 2; }));
  log::configure(log::Level::info, log::Format::logfmt, [&](std::string_view line) {
    if (line.find("event=call ") != line.npos) {
      lines.emplace_back(line);
    }
  });
  worker_->stop();
  worker_.reset();
  log::configure(log::Level::off, log::Format::logfmt);
  EXPECT_THAT(lines, ::testing::UnorderedElementsAre(
                         AllOf(HasSubstr("protocol=tcp"), HasSubstr("peer=127.0.0.1:")),
                         AllOf(HasSubstr("protocol=zmq"), HasSubstr("peer=127.0.0.1"))));
}

TEST_F(WorkerTest, StopCutsADrainShort) {
  start();
  RawClient tcp(tcp_.bound());
  redis_->stop();
  tcp.send_all(request("save_order", 1, kOrder));
  ASSERT_TRUE(wait_until([&] { return begun() == 1; }));
  worker_->drain();
  worker_->stop();
  ASSERT_TRUE(wait_until_exit());
  EXPECT_EQ(worker_->cut_off(), 1u);
  EXPECT_TRUE(receive(tcp).error);
}

// The answers to what is under way make room below the cap for the frames that wait: these must not
// reach functions that are gone already.
TEST_F(WorkerTest, StopRefusesTheFramesThatWaitBehindTheCapOfCalls) {
  start();
  RawClient tcp(tcp_.bound());
  redis_->stop();
  constexpr uint32_t kCap = StreamSession::kMaxCallsInFlight;
  std::string frames;
  for (uint32_t id = 0; id < 2 * kCap; ++id) {
    frames += request("save_order", id, kOrder);
  }
  tcp.send_all(frames);
  ASSERT_TRUE(wait_until([&] { return begun() == kCap; }));
  worker_->stop();
  ASSERT_TRUE(wait_until_exit());
  EXPECT_EQ(worker_->cut_off(), kCap);
  ASSERT_TRUE(wait_until_ended(tcp));
  const std::vector<TcpReply> replies = tcp.take_replies();
  EXPECT_EQ(replies.size(), 2 * kCap);
  for (size_t i = 0; i < replies.size(); ++i) {
    ASSERT_EQ(replies[i].id, i);
    ASSERT_TRUE(replies[i].error);
    if (i < kCap) {
      continue;
    }
    ASSERT_THAT(replies[i].body, HasSubstr("the gateway is shutting down"));
  }
  EXPECT_EQ(ended(), begun());
}

// Over T1, which has no ids, each call waits for the one before: between two none is under way.
TEST_F(WorkerTest, ADrainAnswersAllThatHasComeBeforeItsEnd) {
  start();
  RawClient tcp(tcp_.bound());
  redis_->stop();
  constexpr size_t kCalls = 30;
  std::string frames;
  for (size_t i = 0; i < kCalls; ++i) {
    const std::string payload = request("save_order", 0, kOrder).substr(wire::t3::kHeaderBytes);
    char length[wire::t3::kLengthBytes];
    wire::store_be<sizeof length>(length, payload.size());
    frames.append(length, sizeof length).append(payload);
  }
  tcp.send_all(frames);
  ASSERT_TRUE(wait_until([&] { return begun() == 1; }));
  worker_->drain();
  ASSERT_TRUE(wait_until([&] { return worker_->closed(); })) << "it waits for calls alone";
  redis_->resume();
  ASSERT_TRUE(wait_until_exit());
  ASSERT_TRUE(wait_until_ended(tcp));
  EXPECT_FALSE(tcp.was_reset());
  EXPECT_EQ(ended(Outcome::ok), 1u);
  EXPECT_EQ(ended(Outcome::unavailable), kCalls - 1);
  size_t refused = 0;
  for (size_t at = 0; (at = tcp.received().find("the gateway is shutting down", at) + 1) != 0;) {
    ++refused;
  }
  EXPECT_EQ(refused, kCalls - 1);
}

TEST_F(WorkerTest, OneThatWasNeverStartedGoesInPeace) {
  options_.redis.url.port = own_port();
  make();
  worker_.reset();
}

// Each turn is measured, and each call's duration is there once the turn has ended.
TEST_F(WorkerTest, MeasuresTurnsAndCallsAndTellsItsLimits) {
  options_.max_in_flight = 77;
  options_.tcp.max_connections = 7;
  start();
  const auto count = [](const Histogram& histogram) {
    HistogramTotals totals;
    totals.add(histogram);
    return std::accumulate(totals.buckets.begin(), totals.buckets.end(), uint64_t{0});
  };
  const uint64_t turns = count(metrics().loop.lag);
  RawClient tcp(tcp_.bound());
  for (uint32_t i = 0; i < 10; ++i) {
    tcp.send_all(request("hello_world", i));
    EXPECT_FALSE(receive(tcp).error);
  }
  const Histogram& duration = metrics().duration(labels_.find("hello_world"), Protocol::tcp);
  EXPECT_TRUE(wait_until([&] { return count(duration) == 10; }));
  EXPECT_GE(count(metrics().loop.lag), turns + 10);
  EXPECT_TRUE(wait_until([&] { return metrics().loop.busy_since_ns.value() == 0; })) << "it waits";
  EXPECT_EQ(metrics().in_flight_limit.value(), 77u);
  EXPECT_EQ(metrics().of(Protocol::tcp).connections_limit.value(), 7u);
  EXPECT_EQ(metrics().of(Protocol::zmq).connections_limit.value(), options_.zmq.max_connections);
}

TEST_F(WorkerTest, TellsOfChurn) {
  std::atomic<int> told = 0;
  options_.on_churn = [&told] { ++told; };
  start();
  for (uint64_t i = 0; i < Worker::kChurn; ++i) {
    EXPECT_EQ(told, 0);
    RawClient(tcp_.bound()).reset();
    ASSERT_TRUE(wait_until([&] {
      const ListenerMetrics& tcp = metrics().of(Protocol::tcp);
      return tcp.accepted.value() == i + 1 && tcp.connections.value() == 0;
    }));
  }
  EXPECT_TRUE(wait_until([&] { return told == 1; }));
  worker_->stop();
  ASSERT_TRUE(wait_until_exit());
}

}  // namespace
}  // namespace zerogate::testing
