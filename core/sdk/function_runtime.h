// Runs asynchronous functions: the calls under way in one worker, and what they may use.
#pragma once

#include <array>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/intrusive_list.h"
#include "core/base/out_buffer.h"
#include "core/base/uuid.h"
#include "core/io/event_loop.h"
#include "core/io/timer.h"
#include "core/rpc/backends.h"
#include "core/rpc/call.h"
#include "core/sdk/blocking_pool.h"
#include "core/sdk/inner_calls.h"
#include "core/sdk/operation.h"
#include "core/sdk/redis_access.h"

namespace zerogate {

/// Logs the exceptions of functions, each kind once: a function that always fails would fill the
/// log. A kind is a function and a C++ type. One for the process; any thread.
class FailureLog {
 public:
  /// Kinds that are remembered; further ones are not logged.
  static constexpr size_t kMaxKinds = 1'000;
  void note(std::string_view function, std::string_view type, std::string_view text);

 private:
  std::mutex mutex_;
  std::set<std::string> seen_;  ///< guarded
};

/// What a worker lends to its functions. All of it but `redis` and `backends`, which may end when
/// fail_all() has been called, outlives the runtime.
struct FunctionEnvironment {
  EventLoop* loop = nullptr;
  TimerQueue* timers = nullptr;  ///< the loop's; a test's own
  const FunctionLabels* labels = nullptr;
  RedisSender* redis = nullptr;  ///< null: no function uses Redis
  Backends* backends = nullptr;  ///< null: there are none
  BlockingPool* blocking = nullptr;
  FailureLog* failures = nullptr;
};

class FunctionRuntime;

namespace sdk {

class FunctionCalls;

/// One call of an asynchronous function: its coroutine and the right to answer. It ends when the
/// coroutine has ended, when its time is over, or, as it would go on, when its caller has gone:
/// see Call::caller_gone().
/// Ending early destroys the coroutine where it waits. Owned by its FunctionCalls.
class Invocation : public PooledObject, public Resumer {
 public:
  Invocation(FunctionCalls& calls, Call call) : calls_(calls), call_(std::move(call)) {}
  Invocation(const Invocation&) = delete;
  Invocation& operator=(const Invocation&) = delete;
  virtual ~Invocation() {
    if (kept_apart_ != nullptr) {
      free_kept();
    }
  }

  void resume(std::coroutine_handle<> waiting) final;
  /// A copy that lives as long as the call.
  ByteView keep(ByteView bytes) {
    char* const copy = make_room(bytes.size());
    return {copy, bytes.copy(copy, bytes.size())};
  }
  /// The same for `size` bytes that are still to be written.
  char* make_room(size_t size) {
    if (size > kept_.size() - kept_bytes_) {
      return make_room_apart(size);
    }
    char* const room = kept_.data() + kept_bytes_;
    kept_bytes_ += static_cast<uint32_t>(size);
    return room;
  }

 protected:
  friend class FunctionCalls;
  /// Answers and ends, which destroys this, once the coroutine has ended.
  virtual void end_if_done() = 0;

  FunctionCalls& calls_;
  Call call_;

 private:
  /// What found no room in kept_ stands behind this.
  struct Kept {
    Kept* next;
    size_t bytes;  ///< of the block
  };
  [[gnu::cold]] char* make_room_apart(size_t size);
  [[gnu::cold]] void free_kept();

  Kept* kept_apart_ = nullptr;
  uint32_t kept_bytes_ = 0;
  std::array<char, 152> kept_;  ///< most calls need no more
  uint64_t due_ms_ = 0;         ///< 0: never
  Invocation* before_ = nullptr;
  Invocation* after_ = nullptr;
};

/// The calls under way of one function. All have the same time, so the first is the first to end.
class FunctionCalls {
 public:
  /// `timeout_ms` 0: no end.
  FunctionCalls(FunctionRuntime& runtime, std::string name, uint32_t timeout_ms);
  ~FunctionCalls();
  FunctionCalls(const FunctionCalls&) = delete;
  FunctionCalls& operator=(const FunctionCalls&) = delete;

  FunctionRuntime& runtime() { return runtime_; }
  const std::string& name() const { return name_; }
  size_t under_way() const { return list_.size(); }

  /// Takes it over.
  void enter(std::unique_ptr<Invocation> invocation) {
    Invocation& begun = *invocation.release();
    list_.push_back(begun);
    if (timeout_ms_ != 0) {
      limit(begun);
    }
  }
  /// Answers with the exception that is being handled, and ends it.
  void fail_with_exception(Invocation& invocation);
  void fail(Invocation& invocation, Outcome outcome, std::string_view text);
  /// It was answered.
  void end(Invocation& invocation) {
    list_.remove(invocation);
    delete &invocation;
  }
  void fail_all(Outcome outcome, std::string_view text);

 private:
  friend class Invocation;
  using List = IntrusiveList<Invocation, &Invocation::before_, &Invocation::after_>;

  void limit(Invocation& invocation);
  void on_timer();

  FunctionRuntime& runtime_;
  const std::string name_;
  const uint32_t timeout_ms_;
  const std::string late_;  ///< what the caller is told
  List list_;
  Timer timer_;
};

}  // namespace sdk

/// Of one worker. It comes before the bridge and Redis at the end of a turn: what coroutines send
/// leaves in the same turn. Loop thread only.
class FunctionRuntime final : private EndOfTurn {
 public:
  explicit FunctionRuntime(FunctionEnvironment environment);
  ~FunctionRuntime();
  FunctionRuntime(const FunctionRuntime&) = delete;
  FunctionRuntime& operator=(const FunctionRuntime&) = delete;

  const FunctionEnvironment& environment() const { return environment_; }
  /// Made when it is first needed: it has a table and counters of its own.
  sdk::InnerCalls& inner_calls();
  BlockingLane& blocking() { return blocking_; }

  UuidSource& uuids() { return uuids_; }

  /// Asynchronous calls under way.
  size_t under_way() const;
  /// Ends every coroutine and answers its call with an error: the worker ends.
  void fail_all();

  /// A buffer for one message; empty. Its memory is used again. No await comes between this and the
  /// message's end.
  OutBuffer& scratch() { return scratch_.clear(), scratch_; }
  /// The same, not empty.
  OutBuffer& unclean_scratch() { return scratch_; }
  /// Answers with the exception that is being handled, and logs its first of a kind.
  void fail_with_exception(Call call, std::string_view function);

 private:
  friend class sdk::FunctionCalls;
  void end_of_turn() override {
    if (inner_calls_ != nullptr) {
      inner_calls_->end_of_turn();
    }
  }

  FunctionEnvironment environment_;
  std::unique_ptr<sdk::InnerCalls> inner_calls_;
  BlockingLane blocking_;
  std::vector<sdk::FunctionCalls*> functions_;
  OutBuffer scratch_;
  UuidSource uuids_;
};

}  // namespace zerogate
