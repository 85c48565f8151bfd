// What a coroutine can wait for besides a task: something that ends on the loop later.
#pragma once

#include <cassert>
#include <coroutine>
#include <cstdint>
#include <stdexcept>
#include <utility>

#include "core/sdk/frame_pool.h"

namespace zerogate {

/// Goes on with a coroutine, or ends it: the call that it works for. `waiting` is suspended.
class Resumer {
 public:
  virtual void resume(std::coroutine_handle<> waiting) = 0;

 protected:
  ~Resumer() = default;
};

/// Something under way that a coroutine has begun. It is shared by the coroutine's Pending and by
/// who completes it, since either may end first: a coroutine that is destroyed leaves a command
/// behind, whose reply is dropped. Loop thread only.
class Operation : public PooledObject {
 public:
  /// True for those that are begun with a lambda: see Pending.
  static constexpr bool kNamedOnly = false;

  /// The call of the coroutine; it outlives the Pending.
  explicit Operation(Resumer& resumer) : resumer_(&resumer) {}
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  virtual ~Operation() = default;

  void add_owner() { ++owners_; }
  void drop_owner() {
    if (--owners_ == 0) {
      delete this;
    }
  }

  bool done() const { return done_; }
  void wait(std::coroutine_handle<> waiting) {
    assert(!waiting_ && "one coroutine awaits an operation, once");
    waiting_ = waiting;
  }
  void stop_waiting() { waiting_ = nullptr; }
  /// Throws when it was awaited before: its result has gone to the first await, and of two that
  /// wait at a time one would never go on.
  void await_once() {
    if (std::exchange(awaited_, true)) {
      throw std::logic_error("an operation is awaited once: keep its result instead");
    }
  }
  /// The coroutine has let go of it: the result is not wanted any more.
  virtual void abandon() {}

 protected:
  /// True when a coroutine waits for it: complete() runs the coroutine at once.
  bool waited_for() const { return static_cast<bool>(waiting_); }
  /// It has ended. The coroutine may run within, and the operation be gone after it unless who
  /// calls this owns it, too.
  void complete() {
    done_ = true;
    if (const std::coroutine_handle<> waiting = std::exchange(waiting_, nullptr)) {
      resumer_->resume(waiting);
    }
  }

 private:
  Resumer* resumer_;
  std::coroutine_handle<> waiting_;
  uint32_t owners_ = 0;
  bool done_ = false;
  bool awaited_ = false;
};

/// A share of an operation.
template <class State>
class OperationPtr {
 public:
  explicit OperationPtr(State* state) : state_(state) { state_->add_owner(); }
  OperationPtr(OperationPtr&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  OperationPtr& operator=(OperationPtr&&) = delete;
  ~OperationPtr() {
    if (state_ != nullptr) {
      state_->drop_owner();
    }
  }
  State* operator->() const { return state_; }
  State& operator*() const { return *state_; }
  explicit operator bool() const { return state_ != nullptr; }

 private:
  State* state_;
};

/// Something that has been begun, to be awaited once: several that are begun one after the other
/// run at the same time. One that is dropped goes on, and its result is lost. `State` is an
/// Operation with a take(), which returns the result or throws why there is none. It lives in the
/// coroutine that has begun it.
template <class State>
class [[nodiscard]] Pending {
 public:
  explicit Pending(State* state) : state_(state) {}
  Pending(Pending&&) noexcept = default;
  Pending& operator=(Pending&&) = delete;
  ~Pending() {
    if (state_) {
      state_->abandon();
    }
  }

  /// True once an await would not wait.
  bool done() const { return state_->done(); }
  State& operation() const { return *state_; }

  /// Of one with a name, which could be awaited again.
  auto operator co_await() & {
    state_->await_once();
    return wait();
  }
  auto operator co_await() && noexcept {
    static_assert(!State::kNamedOnly,
                  "name it first, `auto work = context.blocking(...); co_await work;`: GCC 12 "
                  "destroys the captures of a lambda twice that stands inside of a co_await");
    return wait();
  }

 private:
  auto wait() noexcept {
    class Awaiter {
     public:
      explicit Awaiter(State& state) : state_(state) {}
      Awaiter(const Awaiter&) = delete;
      Awaiter& operator=(const Awaiter&) = delete;
      ~Awaiter() { state_.stop_waiting(); }
      bool await_ready() const noexcept { return state_.done(); }
      void await_suspend(std::coroutine_handle<> waiting) noexcept { state_.wait(waiting); }
      auto await_resume() { return state_.take(); }

     private:
      State& state_;
    };
    return Awaiter(*state_);
  }

  OperationPtr<State> state_;
};

}  // namespace zerogate
