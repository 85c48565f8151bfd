// What the tests of RedisClient share: a loop, a client on it, and requests that remember.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <uv.h>

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/io/event_loop.h"
#include "core/log/log.h"
#include "core/redis/redis_client.h"
#include "core/redis/socket_redis_network.h"
#include "tests/integration/redis_server.h"
#include "tests/unit/core/redis/send_command.h"

namespace zerogate::testing {

using ReplyStatus = RedisReply::Status;

/// One command's continuation. `then` runs inside on_reply.
struct Probe final : RedisRequest {
  bool idempotent() const override { return may_be_repeated; }
  void on_reply(const RedisReply& reply) override {
    ++count;
    status = reply.status;
    has_value = reply.has_value;
    value = reply.value;
    integer = reply.integer;
    text = reply.text;
    if (then) {
      then();
    }
  }

  bool may_be_repeated = false;
  int count = 0;
  ReplyStatus status = ReplyStatus::ok;
  bool has_value = false;
  std::string value;
  int64_t integer = 0;
  std::string text;
  std::function<void()> then;
};

class RedisClientTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kDeadlineMs = 90'000;  // generous: a busy machine

  RedisClientTest() {
    signal(SIGPIPE, SIG_IGN);
    log::set_level(log::Level::off);
    ticker_ = make_uv<uv_timer_t>(loop_.uv(), uv_timer_init, nullptr);
    // uv_run(ONCE) comes back at least this often, to look at the condition that is waited for.
    uv_timer_start(
        ticker_.get(), [](uv_timer_t*) {}, 5, 5);
  }
  ~RedisClientTest() override {
    // A test that failed halfway has left commands under way, and its variables are gone.
    for (std::vector<Probe>& probes : kept_) {
      for (Probe& probe : probes) {
        probe.then = nullptr;
      }
    }
    client_.reset();
    ticker_.reset();
  }

  RedisClient& connect(RedisOptions options) {
    client_.reset();
    const RedisContext context = {
        .loop = &loop_, .timers = &loop_.timers(), .network = &network_, .seed = 1};
    client_ = std::make_unique<RedisClient>(context, metrics_, std::move(options));
    return *client_;
  }
  RedisClient& connect(const RedisUrl& url) {
    RedisOptions options;
    options.url = url;
    // Far away, where the deadline is not what is tested: machines that run tests are slow.
    options.timeout_ms = kDeadlineMs;
    return connect(options);
  }

  ::testing::AssertionResult run_until(const std::function<bool()>& condition) {
    const uint64_t end = uv_hrtime() + kDeadlineMs * 1'000'000;
    while (!condition()) {
      if (uv_hrtime() > end) {
        return ::testing::AssertionFailure()
               << "not within the deadline; redis is " << (client_ ? client_->state() : "gone");
      }
      uv_run(loop_.uv(), UV_RUN_ONCE);
    }
    return ::testing::AssertionSuccess();
  }
  ::testing::AssertionResult run_until_up() {
    return run_until([this] { return client_->up(); });
  }
  /// Runs the loop until the reason why Redis is down holds `part`.
  ::testing::AssertionResult run_until_down(const std::string& part) {
    return run_until([&] {
      return client_->settled() && !client_->up() &&
             client_->state().find(part) != std::string::npos;
    });
  }

  /// Continuations that outlive the client.
  std::vector<Probe>& make_probes(size_t count) { return kept_.emplace_back(count); }
  Probe& make_probe() { return make_probes(1).front(); }

  /// Sends one command and waits for its answer.
  Probe call(std::initializer_list<ByteView> arguments) {
    Probe& probe = make_probe();
    send_command(*client_, arguments, probe);
    EXPECT_TRUE(run_until([&] { return probe.count > 0; }));
    return probe;
  }

  uint64_t counted() const {
    return metrics_.ok.value() + metrics_.error.value() + metrics_.timeout.value() +
           metrics_.unavailable.value() + metrics_.overloaded.value();
  }
  uint64_t observed() const {
    uint64_t sum = 0;
    for (size_t i = 0; i < Histogram::kBuckets; ++i) {
      sum += metrics_.duration.bucket(i);
    }
    return sum;
  }

  EventLoop loop_;
  SocketRedisNetwork network_{loop_.uv()};
  UvPtr<uv_timer_t> ticker_;
  RedisMetrics metrics_;
  std::list<std::vector<Probe>> kept_;
  std::unique_ptr<RedisClient> client_;
};

/// A server on the test's own loop that answers what it reads with what the test says, for replies
/// that no real Redis can be brought to send at will. Loopback, free port.
class FakeRedis {
 public:
  /// Gets the bytes of one read, gives the bytes to answer. "close" ends the connection.
  using Script = std::function<std::string(std::string_view)>;

  FakeRedis(uv_loop_t* loop, Script script);
  ~FakeRedis();
  FakeRedis(const FakeRedis&) = delete;
  FakeRedis& operator=(const FakeRedis&) = delete;

  RedisUrl url() const;
  /// To all clients, unasked.
  void send(std::string_view bytes);
  int accepted() const { return accepted_; }
  /// Closes all connections.
  void close_all();

 private:
  struct Peer;
  static void on_accept(uv_stream_t* listener, int status);

  Script script_;
  uv_tcp_t* listener_;
  std::vector<Peer*> peers_;
  int accepted_ = 0;
};

}  // namespace zerogate::testing
