// A team's own functions: plain C++ functions and coroutines over plain structs, by name.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/rpc/service.h"
#include "core/sdk/context.h"
#include "core/sdk/contract.h"
#include "core/sdk/decode.h"
#include "core/sdk/encode.h"
#include "core/sdk/function_runtime.h"
#include "core/sdk/task.h"
#include "core/sdk/views.h"
#include "core/wire/zerror.h"

namespace zerogate {
namespace sdk {

/// False when a Context stands before another parameter.
template <class... Parameters>
constexpr bool context_is_last() {
  bool seen = false;
  bool last = true;
  ((last = last && !seen, seen = seen || std::is_same_v<Parameters, Context&>), ...);
  return last;
}

/// The parameters and the result of a callable, Context& apart.
template <class Signature>
struct SignatureOf;
template <class R, class... Parameters>
struct SignatureOf<R(Parameters...)> {
  template <class P>
  static constexpr bool kIsContext = std::is_same_v<P, Context&>;
  template <class P>
  static constexpr bool kIsLikeContext =
      std::is_same_v<std::remove_cvref_t<std::remove_pointer_t<P>>, Context> && !kIsContext<P>;
  template <class P>
  static constexpr bool kIsChangeable =
      std::is_lvalue_reference_v<P> && !std::is_const_v<std::remove_reference_t<P>>;

  using Result = R;
  using Arguments = decltype(std::tuple_cat(
      std::declval<std::conditional_t<kIsContext<Parameters> || kIsLikeContext<Parameters>,
                                      std::tuple<>, std::tuple<std::decay_t<Parameters>>>>()...));
  static constexpr bool kTakesContext = (kIsContext<Parameters> || ...);
  static_assert(std::tuple_size_v<Arguments> <= 1,
                "a function of Zero has at most one argument: put several into a struct");
  static_assert(!(kIsLikeContext<Parameters> || ...), "a Context is taken as `Context&`");
  static_assert(context_is_last<Parameters...>(), "the Context& comes behind the argument");
  static_assert(((kIsContext<Parameters> || !kIsChangeable<Parameters>)&&...),
                "an argument is taken by value or as `const T&`: no caller sees it changed");
  static_assert(!std::is_reference_v<R>, "a function returns a value and no reference");
};
template <class R, class... P>
struct SignatureOf<R (*)(P...)> : SignatureOf<R(P...)> {};
template <class R, class... P>
struct SignatureOf<R (*)(P...) noexcept> : SignatureOf<R(P...)> {};
template <class R, class C, class... P>
struct SignatureOf<R (C::*)(P...) const> : SignatureOf<R(P...)> {};
template <class R, class C, class... P>
struct SignatureOf<R (C::*)(P...) const noexcept> : SignatureOf<R(P...)> {};
template <class R, class C, class... P>
struct SignatureOf<R (C::*)(P...)> : SignatureOf<R(P...)> {
  static_assert(!std::is_same_v<C, C>,
                "all threads call one object, which must not change itself: no `mutable`, and an "
                "operator() that is const");
};
template <class R, class C, class... P>
struct SignatureOf<R (C::*)(P...) noexcept> : SignatureOf<R (C::*)(P...)> {};

template <class F>
struct Callable {
  static_assert(!std::is_same_v<F, F>,
                "a function is a pointer to one, or an object with one operator() that is no "
                "template, as of a lambda without `auto`: wrap another one into such a lambda");
  using Arguments = std::tuple<>;
  using Result = void;
  static constexpr bool kTakesContext = false;
};
template <class F>
requires requires { &F::operator(); }
struct Callable<F> : SignatureOf<decltype(&F::operator())> {};
template <class F>
requires std::is_pointer_v<F>
struct Callable<F> : SignatureOf<F> {
};

template <class R>
struct TaskResult {
  static constexpr bool kIsTask = false;
  using Type = R;
};
template <class R>
struct TaskResult<Task<R>> {
  static constexpr bool kIsTask = true;
  using Type = R;
};

/// Everything about a function that its type tells.
template <class F>
struct FunctionTraits {
  using Signature = Callable<F>;
  using Arguments = typename Signature::Arguments;
  static constexpr bool kHasArgument = std::tuple_size_v<Arguments> == 1;
  /// std::monostate: none
  using Argument =
      std::tuple_element_t<0,
                           std::conditional_t<kHasArgument, Arguments, std::tuple<std::monostate>>>;
  static constexpr bool kTakesContext = Signature::kTakesContext;
  static constexpr bool kIsTask = TaskResult<typename Signature::Result>::kIsTask;
  using Result = typename TaskResult<typename Signature::Result>::Type;
  static_assert(kIsTask || !kTakesContext, "a function with a Context has to return a Task");
};

/// What is known of T's messages without a look at them: that of a struct has other keys than an
/// error's body.
template <class T>
constexpr BodyKind body_kind_of() {
  bool known = (Codec<T>::kMask & (kMapLike | kAny)) == 0;
  if constexpr (HasFields<T>) {
    known = std::apply(
        [](const auto&... field) { return (!field.name.starts_with(wire::kErrorPrefix) && ...); },
        Fields<T>::kAll);
  }
  return known ? BodyKind::result : BodyKind::any;
}

/// False for a message that is no `argument`; `from` says what is wrong.
template <class Argument>
bool read_value(Decoder& from, Argument& argument) {
  return Codec<Argument>::read(from, argument, nullptr) && from.finish();
}

/// A function that answers at once.
template <class F>
class PlainService final : public Service {
 public:
  PlainService(FunctionRuntime& runtime, const F& function, std::string name)
      : runtime_(runtime), function_(function), name_(std::move(name)) {}

  void serve(const Request& request, Call call) override try {
    using Traits = FunctionTraits<F>;
    [[maybe_unused]] typename Traits::Argument argument{};
    if constexpr (Traits::kHasArgument) {
      Decoder from(request.argument);
      if (!read_value(from, argument)) {
        return std::move(call).fail(Outcome::invalid, from.take_error());
      }
    }
    const auto run = [&]() -> typename Traits::Result {
      if constexpr (Traits::kHasArgument) {
        return function_(std::move(argument));
      } else {
        return function_();
      }
    };
    if constexpr (std::is_void_v<typename Traits::Result>) {
      run();
      std::move(call).reply("\xc0", BodyKind::result);
    } else {
      OutBuffer& result = runtime_.scratch();
      encode(run(), result);
      std::move(call).reply(result.view(), body_kind_of<typename Traits::Result>());
    }
  } catch (...) {
    runtime_.fail_with_exception(std::move(call), name_);
  }

 private:
  FunctionRuntime& runtime_;
  const F& function_;
  const std::string name_;
};

/// One call of a coroutine.
template <class F>
class TaskInvocation final : public Invocation {
 public:
  using Traits = FunctionTraits<F>;

  TaskInvocation(FunctionCalls& calls, Call call, const F& function)
      : Invocation(calls, std::move(call)), function_(function), context_(calls.runtime(), *this) {}

  /// Runs the coroutine to its first wait; this may have ended then. `argument` need not outlive
  /// it.
  void start(ByteView argument) try {
    if constexpr (Traits::kHasArgument) {
      if constexpr (HoldsViews<typename Traits::Argument>::value) {
        argument = keep(argument);
      }
      Decoder from(argument);
      if (!read_value(from, argument_)) {
        return calls_.fail(*this, Outcome::invalid, from.take_error());
      }
    }
    begin_task();
    if (task_->done()) {
      end();
    }
  } catch (...) {  // no memory
    calls_.fail_with_exception(*this);
  }

 private:
  void begin_task() {
    if constexpr (Traits::kHasArgument && Traits::kTakesContext) {
      task_.emplace(function_(std::move(argument_), context_));
    } else if constexpr (Traits::kHasArgument) {
      task_.emplace(function_(std::move(argument_)));
    } else if constexpr (Traits::kTakesContext) {
      task_.emplace(function_(context_));
    } else {
      task_.emplace(function_());
    }
    task_->start();
  }
  void end_if_done() override {
    if (task_->done()) {
      end();
    }
  }
  void end() {
    try {
      if constexpr (std::is_void_v<typename Traits::Result>) {
        task_->result();
        std::move(call_).reply("\xc0", BodyKind::result);
      } else {
        OutBuffer& out = calls_.runtime().scratch();
        encode(task_->result(), out);
        std::move(call_).reply(out.view(), body_kind_of<typename Traits::Result>());
      }
    } catch (...) {
      return calls_.fail_with_exception(*this);
    }
    calls_.end(*this);
  }

  const F& function_;
  typename Traits::Argument argument_{};  ///< outlives the task, which may refer to it
  Context context_;
  std::optional<Task<typename Traits::Result>> task_;
};

/// A function that may wait.
template <class F>
class TaskService final : public Service {
 public:
  TaskService(FunctionRuntime& runtime, const F& function, std::string name, uint32_t timeout_ms)
      : function_(function), calls_(runtime, std::move(name), timeout_ms) {}

  void serve(const Request& request, Call call) override {
    std::unique_ptr<TaskInvocation<F>> invocation;
    try {
      invocation = std::make_unique<TaskInvocation<F>>(calls_, std::move(call), function_);
    } catch (...) {  // no memory
      return calls_.runtime().fail_with_exception(std::move(call), calls_.name());
    }
    TaskInvocation<F>& begun = *invocation;
    calls_.enter(std::move(invocation));
    begun.start(request.argument);
  }

 private:
  const F& function_;
  FunctionCalls calls_;
};

}  // namespace sdk

struct FunctionOptions {
  /// From the arrival of a call; then the caller gets an error and the coroutine is destroyed at
  /// its await. 0: no end. Of coroutines only: nothing interrupts a plain function.
  uint32_t timeout_ms = 30'000;
  /// The function uses context.redis: the gateway connects to Redis. Of functions with a Context.
  bool redis = true;
};

/// What is known of a function besides its code.
struct FunctionInfo {
  std::string name;
  std::string doc;
  FunctionContract contract = {};  ///< a function over bytes may say what it takes
  bool needs_redis = false;
  /// Makes the service of one worker, whose runtime outlives it, as the Functions do.
  std::function<std::unique_ptr<Service>(FunctionRuntime&)> make;
};

/// The functions of a gateway, complete before it starts. Each is
///   Result f(), Result f(Argument), Task<Result> f(Argument), Task<Result> f(Argument, Context&)
/// or the like without argument; Result may be void. A plain function runs on the event loop and
/// must not block. One object for all workers: a callable with state must not change it. Made and
/// destroyed by the main thread; then any thread reads it.
class Functions {
 public:
  explicit Functions(BlockingOptions blocking = {})
      : blocking_(std::make_shared<BlockingPool>(blocking)) {}

  /// `name` is what clients call, 1 to 80 bytes for ZeroMQ's, each once: another one ends the
  /// process with a line on stderr and exit status 2. `doc` goes into the clients that are
  /// generated.
  template <class F>
  Functions& add(std::string name, std::string doc, F function, FunctionOptions options = {}) {
    using Traits = sdk::FunctionTraits<F>;
    const auto kept = std::make_shared<const F>(std::move(function));
    FunctionInfo info;
    info.name = std::move(name);
    info.doc = std::move(doc);
    info.contract =
        sdk::contract_of<std::conditional_t<Traits::kHasArgument, typename Traits::Argument, void>,
                         typename Traits::Result>();
    info.needs_redis = Traits::kTakesContext && options.redis;
    info.make = [kept, name = info.name,
                 options](FunctionRuntime& runtime) -> std::unique_ptr<Service> {
      if constexpr (Traits::kIsTask) {
        return std::make_unique<sdk::TaskService<F>>(runtime, *kept, name, options.timeout_ms);
      } else {
        (void)options;  // clang wants every capture used
        return std::make_unique<sdk::PlainService<F>>(runtime, *kept, name);
      }
    };
    return add(std::move(info));
  }

  /// A function over bytes: its service reads and writes MessagePack by itself.
  Functions& add(FunctionInfo info);

  const std::vector<FunctionInfo>& all() const { return all_; }
  /// Null when there is none of this name.
  const FunctionInfo* find(std::string_view name) const;
  BlockingPool& blocking() const { return *blocking_; }
  FailureLog& failures() const { return *failures_; }

 private:
  std::vector<FunctionInfo> all_;
  std::shared_ptr<BlockingPool> blocking_;
  std::shared_ptr<FailureLog> failures_ = std::make_shared<FailureLog>();
};

}  // namespace zerogate
