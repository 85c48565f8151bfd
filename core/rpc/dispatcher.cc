#include "core/rpc/dispatcher.h"

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
