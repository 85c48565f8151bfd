// What an asynchronous function may wait for.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "core/io/timer.h"
#include "core/sdk/blocking_pool.h"
#include "core/sdk/call_failure.h"
#include "core/sdk/decode.h"
#include "core/sdk/encode.h"
#include "core/sdk/function_runtime.h"
#include "core/sdk/redis_access.h"

namespace zerogate {
namespace sdk {

class ContractService;

class Sleep final : public Operation {
 public:
  /// 35 years: a negative number becomes one that is larger, and is a sleep without an end.
  static constexpr uint64_t kMaxMs = uint64_t{1} << 40;

  Sleep(Resumer& resumer, TimerQueue& timers, uint64_t ms)
      : Operation(resumer), timer_(timers, [this] { complete(); }) {
    timer_.start(std::min(ms, kMaxMs));
  }
  void take() {}

 private:
  Timer timer_;
};

template <class Result>
class TypedCall final : public CallOperation {
 public:
  using CallOperation::CallOperation;
  /// Throws CallFailure when the backend has failed, or answered with a value of another type.
  Result take() {
    const ByteView bytes = body();
    if constexpr (!std::is_void_v<Result>) {
      zerogate::Result<Result> value = decode<Result>(bytes);
      if (!value) {
        throw CallFailure(Outcome::error,
                          fmt::format("a backend's result is of another type: {}", value.error()));
      }
      return std::move(value).value();
    }
  }
};

/// Work for the pool, and its result.
template <class Work>
class BlockingOperation final : public Operation {
 public:
  using Result = std::invoke_result_t<Work>;
  static constexpr bool kNamedOnly = true;

  BlockingOperation(Resumer& resumer, BlockingLane& lane, Work work) : Operation(resumer) {
    auto job = std::make_unique<Job>(std::move(work), this);
    job_ = job.get();
    if (!lane.submit(std::move(job))) {
      job_ = nullptr;
      complete();
    }
  }
  void abandon() override {
    if (job_ != nullptr) {
      job_->abandoned = true;
      std::exchange(job_, nullptr)->owner = nullptr;
    }
  }
  Result take() {
    if (failure_) {
      std::rethrow_exception(failure_);
    }
    if (!result_) {
      throw CallFailure(Outcome::overloaded, "too much blocking work waits for a thread");
    }
    if constexpr (!std::is_void_v<Result>) {
      return std::move(*result_);
    }
  }

 private:
  using Value = std::conditional_t<std::is_void_v<Result>, std::monostate, Result>;

  struct Job final : BlockingJob {
    Job(Work the_work, BlockingOperation* the_owner)
        : work(std::move(the_work)), owner(the_owner) {}
    void run() override {
      if (abandoned) {
        return;
      }
      try {
        if constexpr (std::is_void_v<Result>) {
          work();
          result.emplace();
        } else {
          result.emplace(work());
        }
      } catch (...) {
        failure = std::current_exception();
      }
    }
    void finish() override {
      if (owner != nullptr) {
        owner->on_finished(*this);
      }
    }
    Work work;
    BlockingOperation* owner;             // loop thread
    std::atomic<bool> abandoned = false;  // the coroutine has gone: work that has not begun is left
    std::optional<Value> result;
    std::exception_ptr failure;
  };

  void on_finished(Job& job) {
    job_ = nullptr;
    result_ = std::move(job.result);
    failure_ = std::move(job.failure);
    complete();
  }

  Job* job_ = nullptr;  ///< owned by the pool; null once it is back
  std::optional<Value> result_;
  std::exception_ptr failure_;
};

}  // namespace sdk

/// One call's. Each operation begins when it is asked for and is awaited with co_await, so several
/// may run at once. A call whose time is over does not come back from its await: the coroutine is
/// destroyed there. So it is, when the await ends, if the caller's connection has been reset or cut
/// by then; a client that has only stopped waiting, or closed its connection properly, cannot be
/// told from one that still reads. Lives as long as the call; loop thread only.
class Context {
 public:
  Context(FunctionRuntime& runtime, sdk::Invocation& call)
      : redis(runtime.environment().redis, call, runtime.unclean_scratch()),
        runtime_(runtime),
        call_(call) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  RedisAccess redis;

  /// A copy that lives as long as the call: for what is still needed behind an await.
  std::string_view keep(std::string_view text) { return call_.keep(text); }

  /// A fresh UUID of version 4, as its 36 characters; it lives as long as the call.
  std::string_view uuid() {
    char* const text = call_.make_room(UuidSource::kTextBytes);
    runtime_.uuids().write_next(text);
    return {text, UuidSource::kTextBytes};
  }

  /// Calls a function of a backend of the configuration, with None or one argument. The await
  /// throws CallFailure with the backend's error, or why it was not reached.
  template <class Result, class... Argument>
  Pending<sdk::TypedCall<Result>> call(std::string_view backend, std::string_view function,
                                       const Argument&... argument) {
    static_assert(sizeof...(Argument) <= 1, "a function of Zero has at most one argument");
    OutBuffer& bytes = runtime_.scratch();
    (encode(argument, bytes), ...);
    Pending<sdk::TypedCall<Result>> pending(new sdk::TypedCall<Result>(call_));
    runtime_.inner_calls().begin(runtime_.environment().backends, backend, function,
                                 bytes.view().empty() ? ByteView("\xc0") : bytes.view(),
                                 pending.operation());
    return pending;
  }

  Pending<sdk::Sleep> sleep(uint64_t ms) {
    return Pending<sdk::Sleep>(new sdk::Sleep(call_, *runtime_.environment().timers, ms));
  }

  /// Runs `work` on a thread of the pool; it may block and must not touch the coroutine's locals by
  /// reference, because it goes on when the coroutine is destroyed. The await gives its result, or
  /// throws what it has thrown, or CallFailure when the pool is full. Name it before the await.
  template <class Work>
  Pending<sdk::BlockingOperation<Work>> blocking(Work work) {
    using State = sdk::BlockingOperation<Work>;
    return Pending<State>(new State(call_, runtime_.blocking(), std::move(work)));
  }

 private:
  friend class sdk::ContractService;

  FunctionRuntime& runtime_;
  sdk::Invocation& call_;
};

}  // namespace zerogate
