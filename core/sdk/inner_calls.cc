#include "core/sdk/inner_calls.h"

#include <fmt/format.h>

#include <utility>

#include "core/client/error_text.h"
#include "core/sdk/call_failure.h"
#include "core/wire/zerror.h"

namespace zerogate::sdk {

void CallOperation::abandon() {
  if (InnerCalls* const calls = std::exchange(calls_, nullptr)) {
    calls->waiting_.release(key_.slot);
  }
}

void CallOperation::fail(Outcome outcome, std::string text) {
  outcome_ = outcome;
  failure_ = std::move(text);
  complete();
}

ByteView CallOperation::body() const {
  if (!failure_.empty()) {
    throw CallFailure(outcome_, failure_);
  }
  if (wire::is_error_body(body_)) {
    throw CallFailure(Outcome::error, fmt::format("{}: {}", name_, error_text(body_)));
  }
  return body_;
}

InnerCalls::InnerCalls(EventLoop& loop, const FunctionLabels& labels)
    : loop_(loop), labels_(labels), metrics_(labels), calls_(kMaxUnderWay, metrics_, no_log_) {}

InnerCalls::~InnerCalls() = default;

void InnerCalls::begin(Backends* backends, ByteView backend, ByteView function, ByteView argument,
                       CallOperation& operation, uint8_t hops) {
  Service* const service = backends == nullptr ? nullptr : backends->find_service(backend);
  if (service == nullptr) {
    return operation.fail(Outcome::error, fmt::format("no backend is named `{}`", backend));
  }
  if (calls_.full()) {
    return operation.fail(Outcome::overloaded,
                          "too many calls of functions to backends are under way");
  }
  operation.name_ = fmt::format("{}.{}", backend, function);
  operation.calls_ = this;
  operation.key_ = waiting_.take();
  *waiting_.find(operation.key_) = &operation;
  const ReturnPath path = {
      .sink = this, .caller = operation.key_, .wire = Wire::t3, .id = RequestId("0000")};
  const RequestInfo info(loop_.now_ns(), function, argument.size());
  const FunctionLabel label = labels_.find(function);
  service->serve({.function = function, .argument = argument, .hops = hops, .label = label},
                 calls_.begin(path, label, info));
}

// A service may answer while it is called, so the coroutine goes on later.
Delivery InnerCalls::deliver(const ReturnPath& path, ByteView body, BodyKind) {
  CallOperation** const found = waiting_.find(path.caller);
  if (found == nullptr) {
    return Delivery::gone;
  }
  CallOperation& operation = **found;
  waiting_.release(path.caller.slot);
  operation.calls_ = nullptr;
  operation.body_ = body;
  answered_.emplace_back(&operation);
  loop_.again();
  return Delivery::queued;
}

void InnerCalls::end_of_turn() {
  while (!answered_.empty()) {
    std::vector<OperationPtr<CallOperation>> answered;
    answered.swap(answered_);
    for (const OperationPtr<CallOperation>& operation : answered) {
      operation->complete();
    }
  }
  calls_.on_turn_end(loop_.now_ns());
}

}  // namespace zerogate::sdk
