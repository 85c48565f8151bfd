#include "core/rpc/dispatcher.h"

#include <string>
#include <string_view>
#include <utility>

#include "core/base/clock.h"
#include "core/log/log.h"

namespace zerogate {
namespace {

RequestInfo arrival_of(const IncomingRequest& incoming) {
  return {incoming.received_ns, incoming.request.function, incoming.request.argument.size()};
}

}  // namespace

void Dispatcher::dispatch(const IncomingRequest& incoming) {
  using wire::ErrorKey;
  const Route route = router_->find(incoming.request.function);
  incoming.label = route.label;
  if (draining_) {
    return refuse(incoming, Outcome::unavailable, ErrorKey::server_exception,
                  "the gateway is shutting down");
  }
  if (route.service == nullptr) {
    tell_unknown(incoming);
    return refuse(incoming, Outcome::not_found, ErrorKey::function_not_found,
                  wire::function_not_found(incoming.request.function));
  }
  if (calls_.full()) {
    return refuse(incoming, Outcome::overloaded, ErrorKey::server_exception,
                  "the gateway is overloaded: too many calls in flight");
  }
  const Request request = {incoming.request.function, incoming.request.argument,
                           route.label == FunctionLabels::other(), incoming.request.any_bytes,
                           incoming.request.hops};
  route.service->serve(request, calls_.begin(incoming.path, route.label, arrival_of(incoming)));
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
