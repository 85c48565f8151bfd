// Functions in a unit test: called as by a client, in virtual time, with a Redis and backends that
// the test plays.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/io/event_loop.h"
#include "core/io/uv_ptr.h"
#include "core/metrics/worker_metrics.h"
#include "core/redis/socket_redis_network.h"
#include "core/rpc/call_table.h"
#include "core/sdk/functions.h"
#include "core/testing/manual_clock.h"
#include "core/testing/test_redis.h"

namespace zerogate {

/// How a call has failed: one of the exceptions that Zero's Python clients raise for it, with their
/// text.
class CallException : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
class MethodNotFoundException final : public CallException {
 public:
  using CallException::CallException;
};
class ValidationException final : public CallException {
 public:
  using CallException::CallException;
};
class RemoteException final : public CallException {
 public:
  using CallException::CallException;
};

struct TestOptions {
  /// redis://host:port/db of a real Redis, whose data the functions change. Empty: the TestRedis.
  std::string redis;
};

class TestGateway;

/// A call that was begun. Its gateway outlives it.
template <class Result = void>
class TestCall {
 public:
  bool done() const;
  /// Lets as much time pass as the answer takes. Throws the CallException of a call that has
  /// failed, and std::logic_error when nothing will end it. Views in the result live as long as the
  /// gateway.
  Result result();
  /// The client's connection is cut.
  void hang_up();

 private:
  friend class TestGateway;
  TestCall(TestGateway& gateway, uint32_t id) : gateway_(&gateway), id_(id) {}
  TestGateway* gateway_;
  uint32_t id_;
};

/// Serves functions as a gateway's worker does: arguments and results are MessagePack, exceptions
/// become errors, calls have their time. Its time stands still but for pass_ms() and while an
/// answer is waited for; Redis, backends and the pool's threads take none of it. One thread.
class TestGateway final : private Backends, private RedisSender, private ReplySink {
 public:
  /// A real Redis and a thread that work for longer than this, by a real clock, are given up.
  static constexpr uint64_t kPatienceMs = 10'000;

  /// Throws std::runtime_error when a real Redis is not reached.
  explicit TestGateway(Functions functions, const TestOptions& options = {});
  ~TestGateway();
  TestGateway(const TestGateway&) = delete;
  TestGateway& operator=(const TestGateway&) = delete;

  TestRedis redis;

  /// What context.call() of this name reaches.
  TestGateway& add_backend(const std::string& name, const Functions& functions);

  /// Calls with None or one argument, which may be of another type than the function takes: what a
  /// client sends is not checked before. The function runs to its first wait within.
  template <class Result = void, class... Argument>
  TestCall<Result> begin(std::string_view function, const Argument&... argument) {
    static_assert(sizeof...(Argument) <= 1, "a function of Zero has at most one argument");
    std::string bytes;
    (encode(argument, bytes), ...);
    return {*this, begin_with_bytes(function, bytes.empty() ? ByteView("\xc0") : ByteView(bytes))};
  }
  /// The same, and waits for its result.
  template <class Result = void, class... Argument>
  Result call(std::string_view function, const Argument&... argument) {
    return begin<Result>(function, argument...).result();
  }
  /// Timers that are due meanwhile fire in their order, and what they set off is done.
  void pass_ms(uint64_t ms);

 private:
  template <class Result>
  friend class TestCall;
  /// A client's call and its answer.
  struct Answer {
    std::string function;
    std::string body = {};
    bool done = false;
    bool gone = false;
  };
  /// Answers calls by their name: the functions of the gateway, or those of a backend.
  class Server final : public Service {
   public:
    Server(Functions functions, FunctionRuntime& runtime);
    void serve(const Request& request, Call call) override;

   private:
    const Functions functions_;
    std::map<std::string, std::unique_ptr<Service>, std::less<>> services_;
  };

  void connect(const std::string& url);
  uint32_t begin_with_bytes(ByteView function, ByteView argument);
  ByteView wait_for(uint32_t id);
  [[noreturn]] static void throw_error(ByteView body);
  /// Does everything that takes no time.
  void settle();
  uint64_t answered_by_redis() const;
  /// Of a real Redis and of threads. False when there are none under way.
  bool wait_for_others();
  void turn_once();
  void advance_to(uint64_t ms);

  Service* find_service(std::string_view name) override;
  void send_to_redis(ByteView command, RedisRequest& request) override;
  Delivery deliver(const ReturnPath& path, ByteView body, BodyKind kind) override;
  bool gone(CallerKey key) const override { return answers_[key.slot].gone; }
  std::string peer(CallerKey) const override { return "test"; }

  const Functions functions_;
  ManualClock clock_;
  TimerQueue timers_{clock_};
  EventLoop loop_;
  /// Without a handle of its own the loop would have no turns.
  UvPtr<uv_async_t> keep_;
  FunctionLabels labels_{{}};
  WorkerMetrics metrics_{labels_};
  AccessLogSettings no_log_;
  CallTable calls_;
  std::deque<Answer> answers_;  ///< by id
  FunctionRuntime runtime_;
  Server server_;
  std::map<std::string, Server, std::less<>> backends_;
  SocketRedisNetwork network_{loop_.uv()};
  std::unique_ptr<RedisClient> client_;  ///< null: the TestRedis
  uint64_t sent_ = 0;                    ///< commands to client_
};

template <class Result>
bool TestCall<Result>::done() const {
  return gateway_->answers_[id_].done;
}

template <class Result>
Result TestCall<Result>::result() {
  const ByteView body = gateway_->wait_for(id_);
  if constexpr (!std::is_void_v<Result>) {
    zerogate::Result<Result> value = decode<Result>(body);
    if (!value) {
      throw std::logic_error("the result is of another type: " + value.error());
    }
    return std::move(value).value();
  }
}

template <class Result>
void TestCall<Result>::hang_up() {
  gateway_->answers_[id_].gone = true;
}

}  // namespace zerogate
