// What an asynchronous function returns: a C++20 coroutine on the worker's loop.
#pragma once

#include <cassert>
#include <coroutine>
#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>

#include "core/sdk/frame_pool.h"

namespace zerogate {

template <class T = void>
class Task;

namespace sdk {

/// The part of a promise that does not depend on the result.
struct TaskPromise : PooledObject {
  /// At its end a task goes on with the one that awaits it. Optimised code does so without growing
  /// the stack; without optimisation the stack grows by the tasks that end in one another, not by
  /// those that one task awaits in turn.
  struct Final {
    bool await_ready() noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) noexcept {
      const std::coroutine_handle<> next = ended.promise().continuation;
      return next ? next : std::noop_coroutine();
    }
    void await_resume() noexcept {}
  };

  std::suspend_always initial_suspend() noexcept { return {}; }
  Final final_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { failure = std::current_exception(); }

  std::coroutine_handle<> continuation;
  std::exception_ptr failure;
  bool started = false;
  bool awaited = false;
};

[[noreturn, gnu::cold, gnu::noinline]] inline void throw_no_value() {
  throw std::logic_error("the coroutine has ended without co_return");
}

/// Of two that await a task the first would never go on, or the second find its value taken.
[[noreturn, gnu::cold, gnu::noinline]] inline void throw_no_task(bool moved) {
  throw std::logic_error(moved ? "the task that is awaited was moved away"
                               : "a task is awaited once: keep its result instead");
}

template <class T>
struct ValuePromise : TaskPromise {
  Task<T> get_return_object();
  template <class U = T>  // for co_return {...}
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
  /// Valid as long as the coroutine. No compiler makes sure that every path has a co_return; a
  /// frame is used again, and would hold the value of another call.
  T&& take() {
    if (failure) {
      std::rethrow_exception(std::exchange(failure, nullptr));
    }
    if (!value) {
      throw_no_value();
    }
    return std::move(*value);
  }
  std::optional<T> value;
};

template <>
struct ValuePromise<void> : TaskPromise {
  Task<void> get_return_object();
  void return_void() {}
  void take() {
    if (failure) {
      std::rethrow_exception(std::exchange(failure, nullptr));
    }
  }
};

}  // namespace sdk

/// Owns a coroutine, which begins when it is first awaited or started. Destroying a task destroys
/// the coroutine where it waits, with its locals and the tasks it awaits. An exception comes out of
/// the await. Loop thread only.
template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = sdk::ValuePromise<T>;

  explicit Task(std::coroutine_handle<promise_type> coroutine) : coroutine_(coroutine) {}
  Task(Task&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(coroutine_, other.coroutine_);
    return *this;
  }
  ~Task() {
    if (coroutine_) {
      coroutine_.destroy();
    }
  }

  /// Runs it to its first wait, unless it has begun. Tasks that are started before the first of
  /// them is awaited run at the same time.
  void start() {
    if (!std::exchange(coroutine_.promise().started, true)) {
      coroutine_.resume();
    }
  }
  bool done() const { return coroutine_.done(); }
  /// What it has returned, valid as long as the task, or thrown. Once done(); once.
  decltype(auto) result() { return assert(done()), coroutine_.promise().take(); }

  auto operator co_await() {
    struct Awaiter {
      /// Starts it here, by a call that returns, and not by await_suspend(): a loop of awaits whose
      /// tasks end at once would take stack with each where the compiler makes no tail calls.
      bool await_ready() const noexcept {
        if (!std::exchange(awaited.promise().started, true)) {
          awaited.resume();
        }
        return awaited.done();
      }
      void await_suspend(std::coroutine_handle<> waiting) const noexcept {
        awaited.promise().continuation = waiting;
      }
      T await_resume() { return awaited.promise().take(); }
      std::coroutine_handle<promise_type> awaited;
    };
    if (!coroutine_ || std::exchange(coroutine_.promise().awaited, true)) {
      sdk::throw_no_task(!coroutine_);
    }
    return Awaiter{coroutine_};
  }

 private:
  std::coroutine_handle<promise_type> coroutine_;
};

template <class T>
Task<T> sdk::ValuePromise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<ValuePromise>::from_promise(*this));
}
inline Task<void> sdk::ValuePromise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<ValuePromise>::from_promise(*this));
}

}  // namespace zerogate
