// Functions on a virtual clock, with a Redis and backends that a test plays.
#pragma once

#include <gmock/gmock.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/log/log.h"
#include "core/sdk/functions.h"
#include "core/testing/manual_clock.h"
#include "tests/unit/core/redis/read_command.h"
#include "tests/unit/core/rpc/call_fixture.h"

namespace zerogate::testing {

/// A backend that keeps its calls.
struct HeldService final : Service {
  void serve(const Request& request, Call call) override {
    requests.emplace_back(std::string(request.function), std::string(request.argument));
    calls.push_back(std::move(call));
  }
  std::vector<std::pair<std::string, std::string>> requests;
  std::deque<Call> calls;
};

class FunctionsTest : public ::testing::Test, protected Backends, private RedisSender {
 protected:
  static constexpr uint32_t kCapacity = 20'000;

  FunctionsTest() {
    log::configure(log::Level::info, log::Format::logfmt,
                   [this](std::string_view line) { lines_.emplace_back(line); });
  }
  ~FunctionsTest() override {
    runtime_->fail_all();
    for (const auto& [arguments, request] : commands_) {
      request->on_reply(redis_away("the test ends"));
    }
    orders_.calls.clear();
    runtime_->inner_calls().end_of_turn();
    services_.clear();
    EXPECT_EQ(calls_.in_flight(), 0u);
    runtime_.reset();
    log::configure(log::Level::off, log::Format::logfmt);
  }

  /// After functions_ is complete.
  void start() {
    for (const FunctionInfo& info : functions_.all()) {
      services_[info.name] = info.make(*runtime_);
    }
  }
  template <class Argument>
  void call(const std::string& name, const Argument& argument, ByteView id = "0001") {
    std::string bytes;
    encode(argument, bytes);
    call_with_bytes(name, bytes, id);
  }
  void call_with_bytes(const std::string& name, ByteView bytes, ByteView id = "0001") {
    const ReturnPath path = {&sink_, {7, 3}, Wire::t3, RequestId(id)};
    services_[name]->serve({.function = name, .argument = bytes},
                           calls_.begin(path, labels_.find(name), clock_.now_ns()));
  }
  void pass_ms(uint64_t ms) {
    for (; ms > 0; --ms) {
      clock_.advance_ms(1);
      timers_.run_due();
    }
  }
  static RedisReply redis_ok() {
    RedisReply reply = redis_value("OK");
    reply.is_status = true;
    return reply;
  }
  static RedisReply redis_value(ByteView value) {
    RedisReply reply;
    reply.has_value = true;
    reply.value = value;
    return reply;
  }
  static RedisReply redis_integer(int64_t integer) {
    RedisReply reply;
    reply.integer = integer;
    return reply;
  }
  static RedisReply redis_away(std::string_view text) {
    RedisReply reply;
    reply.status = RedisReply::Status::unavailable;
    reply.text = text;
    return reply;
  }
  void answer_redis(const RedisReply& reply) {
    RedisRequest& request = *commands_.front().second;
    commands_.pop_front();
    request.on_reply(reply);
  }

  size_t answers() const { return sink_.answers.size(); }
  /// The last one, as a value.
  template <class T>
  T answer() const {
    return decode<T>(sink_.answers.back().body).value();
  }
  const std::string& answer_bytes() const { return sink_.answers.back().body; }
  static std::string error(ByteView message,
                           wire::ErrorKey key = wire::ErrorKey::server_exception) {
    std::string body;
    wire::write_error(body, key, message);
    return body;
  }
  uint64_t ended(Outcome outcome) const {
    return metrics_.ended(labels_.other(), Wire::t3, outcome);
  }

  std::vector<std::string> lines_;
  ManualClock clock_;
  TimerQueue timers_{clock_};
  EventLoop loop_;
  /// Without a handle of its own the loop would not wait for the pool's threads.
  UvPtr<uv_async_t> keep_ = make_uv<uv_async_t>(
      loop_.uv(), [](uv_loop_t* loop, uv_async_t* handle) { uv_async_init(loop, handle, nullptr); },
      nullptr);
  FunctionLabels labels_{{}};
  WorkerMetrics metrics_{labels_};
  RecordingSink sink_;
  AccessLogSettings call_log_;
  CallTable calls_{kCapacity, metrics_, call_log_};
  std::deque<std::pair<std::vector<std::string>, RedisRequest*>> commands_;
  HeldService orders_;
  Functions functions_{BlockingOptions{.threads = 1, .queue = 1}};
  std::unique_ptr<FunctionRuntime> runtime_ =
      std::make_unique<FunctionRuntime>(FunctionEnvironment{.loop = &loop_,
                                                            .timers = &timers_,
                                                            .labels = &labels_,
                                                            .redis = this,
                                                            .backends = this,
                                                            .blocking = &functions_.blocking(),
                                                            .failures = &functions_.failures()});
  std::map<std::string, std::unique_ptr<Service>> services_;

 private:
  void send_to_redis(ByteView command, RedisRequest& request) override {
    size_t at = 0;
    commands_.emplace_back(read_command(command, at), &request);
    EXPECT_EQ(at, command.size());
  }
  Service* find_service(std::string_view name) override {
    return name == "orders" ? &orders_ : nullptr;
  }
};

}  // namespace zerogate::testing
