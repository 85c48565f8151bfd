#include "core/rpc/dispatcher.h"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

#include "core/base/append_format.h"
#include "core/base/clock.h"
#include "core/log/log.h"
#include "core/rpc/connect_service.h"

namespace zerogate {
namespace {

RequestInfo arrival_of(const IncomingRequest& incoming) {
  return {incoming.received_ns, incoming.request.function, incoming.request.argument.size()};
}

}  // namespace

void Dispatcher::dispatch(const IncomingRequest& incoming) {
  const Route route = router_->find(incoming.request.function);
  incoming.request.label = route.label;
  incoming.request.unknown = route.label == FunctionLabels::other();
  if (guarded_ && !may_pass(incoming)) {
    return;
  }
  if (route.service == nullptr) {
    return refuse_unknown(incoming);
  }
  if (calls_.full()) {
    return refuse(incoming, Outcome::overloaded, wire::ErrorKey::server_exception,
                  "the gateway is overloaded: too many calls in flight");
  }
  route.service->serve(incoming.request,
                       calls_.begin(incoming.path, route.label, arrival_of(incoming)));
}

bool Dispatcher::may_pass(const IncomingRequest& incoming) {
  if (draining_) {
    refuse(incoming, Outcome::unavailable, wire::ErrorKey::server_exception,
           "the gateway is shutting down");
    return false;
  }
  if (incoming.request.function == ConnectService::kName) {
    return true;  // clients begin with it, and take an error for a server that is away
  }
  const auto excess = limiter_.take(
      {incoming.request.function, incoming.request.label, incoming.path, incoming.received_ns});
  if (!excess) {
    return true;
  }
  fmt::memory_buffer message;
  append_format(message, "over the rate limit \"{}\": caller {}; try again in {} ms",
                excess->rule->name, incoming.path.sink->caller(incoming.path.caller).name,
                excess->wait_ns / kNsPerMs + 1);
  refuse(incoming, Outcome::limited, wire::ErrorKey::server_exception,
         ByteView(message.data(), message.size()));
  return false;
}

void Dispatcher::refuse_unknown(const IncomingRequest& incoming) {
  tell_unknown(incoming);
  refuse(incoming, Outcome::not_found, wire::ErrorKey::function_not_found,
         wire::function_not_found(incoming.request.function));
}

void Dispatcher::tell_unknown(const IncomingRequest& incoming) {
  constexpr uint64_t kIntervalNs = 10 * kNsPerSecond;
  if (log::level() > log::Level::debug) {
    return;
  }
  if (incoming.received_ns - lines_since_ns_ >= kIntervalNs) {
    lines_since_ns_ = incoming.received_ns;
    lines_ = 0;
  }
  if (lines_ == kUnknownLines) {
    ++left_out_;
    return;
  }
  ++lines_;
  const ByteView function = incoming.request.function.substr(0, FunctionLabels::kMaxNameBytes);
  const std::string_view protocol = name_of(protocol_of(incoming.path.wire));
  const std::string peer = incoming.path.sink->peer(incoming.path.caller);
  const uint64_t left_out = std::exchange(left_out_, 0);
  const log::Field fields[] = {
      {"function", function}, {"protocol", protocol}, {"peer", peer}, {"suppressed", left_out}};
  const log::FieldSpan all(fields);
  log::write(log::Level::debug, "unknown function", left_out > 0 ? all : all.first(all.size() - 1));
}

bool Dispatcher::takes_any_bytes(ByteView function) const {
  const Route route = router_->find(function);
  return route.service != nullptr && route.service->takes_any_bytes();
}

void Dispatcher::refuse(const IncomingRequest& incoming, Outcome outcome, wire::ErrorKey key,
                        ByteView message) {
  const FunctionLabel label = router_->find(incoming.request.function).label;
  calls_.refuse(incoming.path, label, arrival_of(incoming), outcome, key, message);
}

}  // namespace zerogate
