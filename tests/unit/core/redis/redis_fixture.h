// A RedisClient on a virtual clock, with a fake network and requests that remember their answers.
#pragma once

#include <gmock/gmock.h>

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "core/io/event_loop.h"
#include "core/log/log.h"
#include "core/redis/redis_client.h"
#include "core/testing/manual_clock.h"
#include "tests/unit/core/redis/fake_redis_network.h"
#include "tests/unit/core/redis/send_command.h"

namespace zerogate::testing {

using ReplyStatus = RedisReply::Status;

/// `then` runs inside on_reply.
struct RecordedRequest final : RedisRequest {
  bool idempotent() const override { return may_be_repeated; }
  void on_reply(const RedisReply& reply) override {
    ++answers;
    status = reply.status;
    value = reply.value;
    integer = reply.integer;
    text = reply.text;
    if (then) {
      then();
    }
  }

  bool answered() const { return answers > 0; }

  bool may_be_repeated = true;
  int answers = 0;
  ReplyStatus status = ReplyStatus::ok;
  std::string value;
  int64_t integer = 0;
  std::string text;
  std::function<void()> then;
};

class RedisTest : public ::testing::Test {
 protected:
  static constexpr uint32_t kTimeoutMs = 1'000;
  static constexpr const char* kHome = "10.0.0.1:6379";

  RedisTest() {
    options_.url.host = "10.0.0.1";
    options_.timeout_ms = kTimeoutMs;
    options_.backoff_min_ms = 50;
    options_.backoff_max_ms = 1'000;
    log::configure(log::Level::info, log::Format::logfmt,
                   [this](std::string_view line) { lines_.emplace_back(line); });
  }
  ~RedisTest() override {
    client_.reset();
    log::configure(log::Level::off, log::Format::logfmt);
    for (const RecordedRequest& request : requests_) {
      EXPECT_EQ(request.answers, 1) << "each command is answered once";
    }
    EXPECT_EQ(network_.open_connections(), 0u);
  }

  void start() {
    client_ = std::make_unique<RedisClient>(
        RedisContext{.loop = &loop_, .timers = &timers_, .network = &network_, .seed = 1}, metrics_,
        options_);
  }
  /// The same, and it is up. The log begins after it.
  void serve() {
    start();
    pass_ms(3);
    ASSERT_TRUE(client_->up()) << client_->state();
    lines_.clear();
  }
  /// Turns of the loop: poll, timers, writes.
  void turn() {
    network_.step();
    timers_.run_due();
    client_->end_of_turn();
  }
  void pass_ms(uint64_t ms) {
    client_->end_of_turn();
    for (uint64_t i = 0; i < ms; ++i) {
      clock_.advance_ms(1);
      turn();
    }
  }
  /// The loop does not run for so long, and then it does.
  void stand_still_ms(uint64_t ms) {
    client_->end_of_turn();
    clock_.advance_ms(ms);
    turn();
  }
  /// Milliseconds until it holds; fails after `at_most_ms`.
  uint64_t ms_until(const std::function<bool()>& condition, uint64_t at_most_ms = 60'000) {
    uint64_t passed = 0;
    for (; !condition(); ++passed) {
      if (passed == at_most_ms) {
        ADD_FAILURE() << "not within " << at_most_ms << " ms; redis is " << client_->state();
        break;
      }
      pass_ms(1);
    }
    return passed;
  }

  RecordedRequest& send(std::initializer_list<ByteView> arguments, bool may_be_repeated = true) {
    RecordedRequest& request = requests_.emplace_back();
    request.may_be_repeated = may_be_repeated;
    send_command(*client_, arguments, request);
    return request;
  }
  /// Sends and waits for the answer.
  RecordedRequest& call(std::initializer_list<ByteView> arguments) {
    RecordedRequest& request = send(arguments);
    ms_until([&] { return request.answered(); });
    return request;
  }
  FakeRedisServer& home() { return network_.server(kHome); }

  ManualClock clock_;
  TimerQueue timers_{clock_};
  EventLoop loop_;  // never run: owed log lines want one
  FakeRedisNetwork network_{clock_};
  RedisMetrics metrics_;
  RedisOptions options_;
  std::list<RecordedRequest> requests_;
  std::vector<std::string> lines_;
  std::unique_ptr<RedisClient> client_;
};

}  // namespace zerogate::testing
