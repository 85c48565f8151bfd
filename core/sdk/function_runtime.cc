#include "core/sdk/function_runtime.h"

#include <cxxabi.h>
#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <exception>
#include <new>
#include <typeinfo>
#include <utility>

#include "core/log/log.h"
#include "core/sdk/call_failure.h"

namespace zerogate {
namespace {

/// "std::runtime_error", of the exception that is being handled.
std::string type_of_exception() {
  const std::type_info* const type = abi::__cxa_current_exception_type();
  if (type == nullptr) {
    return "unknown";
  }
  int status = 0;
  char* const name = abi::__cxa_demangle(type->name(), nullptr, nullptr, &status);
  std::string text = status == 0 ? name : type->name();
  std::free(name);
  return text;
}

/// As Python's repr() writes a str of this text.
std::string python_repr(std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const char around = has_single && text.find('"') == std::string_view::npos ? '"' : '\'';
  std::string out(1, around);
  for (const char c : text) {
    if (c == around || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  out += around;
  return out;
}

}  // namespace

void FailureLog::note(std::string_view function, std::string_view type, std::string_view text) {
  {
    const std::lock_guard lock(mutex_);
    if (seen_.size() >= kMaxKinds || !seen_.insert(fmt::format("{} {}", function, type)).second) {
      return;
    }
  }
  log::error("function failed", {{"function", function}, {"exception", type}, {"text", text}});
}

namespace sdk {

void Invocation::free_kept() {
  while (kept_apart_ != nullptr) {
    Kept* const gone = std::exchange(kept_apart_, kept_apart_->next);
    FramePool::give_back(gone, gone->bytes);
  }
}

char* Invocation::make_room_apart(size_t size) {
  size += sizeof(Kept);
  kept_apart_ = new (FramePool::take(size)) Kept{kept_apart_, size};
  return reinterpret_cast<char*>(kept_apart_ + 1);
}

void Invocation::resume(std::coroutine_handle<> waiting) {
  if (call_.caller_gone()) {
    return calls_.fail(*this, Outcome::abandoned, "the caller has gone");
  }
  waiting.resume();
  end_if_done();
}

FunctionCalls::FunctionCalls(FunctionRuntime& runtime, std::string name, uint32_t timeout_ms)
    : runtime_(runtime),
      name_(std::move(name)),
      timeout_ms_(timeout_ms),
      late_(fmt::format("`{}` has not ended within {} ms", name_, timeout_ms)),
      timer_(*runtime.environment().timers, [this] { on_timer(); }) {
  runtime_.functions_.push_back(this);
}

FunctionCalls::~FunctionCalls() {
  assert(list_.empty() && "FunctionRuntime::fail_all() comes first");
  std::erase(runtime_.functions_, this);
}

void FunctionCalls::limit(Invocation& invocation) {
  invocation.due_ms_ = runtime_.environment().timers->now_ms() + timeout_ms_;
  if (!timer_.active()) {
    timer_.start_at(invocation.due_ms_);
  }
}

void FunctionCalls::fail_with_exception(Invocation& invocation) {
  runtime_.fail_with_exception(std::move(invocation.call_), name_);
  end(invocation);
}

void FunctionCalls::fail(Invocation& invocation, Outcome outcome, std::string_view text) {
  std::move(invocation.call_).fail(outcome, text);
  end(invocation);
}

void FunctionCalls::fail_all(Outcome outcome, std::string_view text) {
  while (!list_.empty()) {
    fail(*list_.front(), outcome, text);
  }
}

// The timer is not moved with each call: it fires and looks.
void FunctionCalls::on_timer() {
  const uint64_t now_ms = runtime_.environment().timers->now_ms();
  while (!list_.empty() && list_.front()->due_ms_ <= now_ms) {
    fail(*list_.front(), Outcome::timeout, late_);
  }
  if (!list_.empty()) {
    timer_.start_at(list_.front()->due_ms_);
  }
}

}  // namespace sdk

FunctionRuntime::FunctionRuntime(FunctionEnvironment environment)
    : environment_(environment), blocking_(environment_.loop->uv(), *environment_.blocking) {
  environment_.loop->add(*this);
}

FunctionRuntime::~FunctionRuntime() {
  assert(functions_.empty() && "services go before it");
  environment_.loop->remove(*this);
}

size_t FunctionRuntime::under_way() const {
  size_t sum = 0;
  for (const sdk::FunctionCalls* calls : functions_) {
    sum += calls->under_way();
  }
  return sum;
}

void FunctionRuntime::fail_all() {
  for (sdk::FunctionCalls* const calls : functions_) {
    calls->fail_all(Outcome::unavailable, "the gateway is shutting down");
  }
}

sdk::InnerCalls& FunctionRuntime::inner_calls() {
  if (inner_calls_ == nullptr) {
    inner_calls_ = std::make_unique<sdk::InnerCalls>(*environment_.loop, *environment_.labels);
  }
  return *inner_calls_;
}

void FunctionRuntime::fail_with_exception(Call call, std::string_view function) {
  try {
    throw;
  } catch (const CallFailure& failure) {
    std::move(call).fail(failure.outcome(), failure.what());
  } catch (const std::exception& failure) {
    environment_.failures->note(function, type_of_exception(), failure.what());
    std::move(call).fail(Outcome::error,
                         fmt::format("RuntimeError({})", python_repr(failure.what())));
  } catch (...) {
    environment_.failures->note(function, type_of_exception(), "");
    std::move(call).fail(Outcome::error, "RuntimeError('unknown exception')");
  }
}

}  // namespace zerogate
