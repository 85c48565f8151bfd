#include "core/bridge/backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/io/tls_client.h"
#include "core/log/log.h"
#include "core/wire/hops.h"
#include "core/wire/translate.h"
#include "core/wire/zerror.h"

namespace zerogate {

namespace {

/// Below it a lost packet or two would end a connection: TCP sends again after 200 ms at first.
constexpr uint32_t kMinPeerTimeoutMs = 1'000;
constexpr size_t kKeptRequestBytes = 4 << 10;  ///< of a free call's request

Outcome outcome_of(ByteView body) {
  const auto error = wire::error_key(body);
  if (!error) {
    return Outcome::ok;
  }
  switch (*error) {
    case wire::ErrorKey::function_not_found:
      return Outcome::not_found;
    case wire::ErrorKey::validation_error:
      return Outcome::invalid;
    default:
      return Outcome::error;
  }
}

bool any_speaks(Protocol protocol, const BackendOptions& options) {
  return std::ranges::any_of(options.urls,
                             [protocol](const ServerUrl& url) { return url.protocol == protocol; });
}

bool is_adaptive(const BackendOptions& options) {
  return options.in_flight == 0 && any_speaks(Protocol::tcp, options);
}

/// The endpoint that a second attempt is not made at if there is another.
const Endpoint* left_by(const ForwardedCall& call) {
  return call.retried || call.sent_again ? call.endpoint : nullptr;
}

std::string_view what_it_carries(Protocol protocol) {
  return protocol == Protocol::tcp
             ? "speaks raw TCP: an argument has to be one MessagePack value"
             : "speaks ZeroMQ: a function's name has 1 to 80 ASCII characters";
}

BackendConnectionOptions connection_options(const BridgeContext& context,
                                            const BackendOptions& backend,
                                            const std::shared_ptr<TlsClient>& tls,
                                            RequestShare& requests) {
  BackendConnectionOptions options = context.connection;
  options.backend = backend.name;
  options.curve_server_key = backend.curve_server_key.key;
  options.curve_secret_key = backend.curve_secret_key.key;
  options.connect_timeout_ms = backend.connect_timeout_ms;
  options.peer_timeout_ms = std::max(backend.timeout_ms, kMinPeerTimeoutMs);
  options.tls = tls;
  options.requests = &requests;
  return options;
}

}  // namespace

Backend::Backend(const BridgeContext& context, const BackendOptions& options,
                 std::shared_ptr<BackendMetrics> metrics)
    : context_(context),
      options_(options),
      tls_(options.speaks_tls()
               ? std::make_shared<TlsClient>(*context.tls_loop, *context.tls_observer,
                                             options.tls_material)
               : nullptr),
      metrics_(std::move(metrics)),
      requests_(*context.requests),
      resolver_({context.loop, *context.timers, *context.lookups, context.states}, options,
                [this] { endpoints_.update(resolver_.found()); }),
      endpoints_(context.loop, *context.timers, *context.maker, *this, options,
                 {connection_options(context, options, tls_, requests_), context.states,
                  context.seed, context.by_hand},
                 metrics_),
      deadlines_(*context.timers, [this](ForwardedCall& call) { on_deadline(call); }),
      service_times_(is_adaptive(options) ? std::make_unique<ServiceTimes>() : nullptr) {
  const bool both = any_speaks(Protocol::tcp, options) && any_speaks(Protocol::zmq, options);
  for (size_t left = both ? 3 : 1; left != 0; --left) {
    queues_.push_back(std::make_unique<CallQueue>(context.timers->clock(), options.queue));
  }
  set_options(options);
  endpoints_.update(resolver_.found());
}

Backend::~Backend() { fail_all(); }

bool Backend::takes_any_bytes() const { return any_speaks(Protocol::zmq, options_); }

bool Backend::needs_new(const BackendOptions& options) const {
  BackendOptions live = options;
  live.timeout_ms = options_.timeout_ms;
  live.queue = options_.queue;
  live.eject_after = options_.eject_after;
  live.idempotent = options_.idempotent;
  live.timeout_key = options_.timeout_key;
  // Who is trusted is known of connections that there are; the own certificate is that of new ones.
  if (live.tls_material != nullptr && options_.tls_material != nullptr &&
      live.tls_material->authorities == options_.tls_material->authorities) {
    live.tls_material = options_.tls_material;
  }
  return live != options_;
}

void Backend::set_options(const BackendOptions& options) {
  options_ = options;
  metrics_->queue_limit.set(options.queue);
  for (const auto& queue : queues_) {
    queue->set_limit(options.queue);
  }
  endpoints_.set_options(options);
  if (tls_ != nullptr) {
    tls_->set_material(options.tls_material);
  }
}

void Backend::fail_all() {
  const std::string text =
      fmt::format("backend '{}' unavailable: the gateway is shutting down", options_.name);
  for (ForwardedCall& call : calls_) {
    if (call.call) {
      let_go(call);
      fail(call, Outcome::unavailable, text);
    }
  }
}

// The loop may run on: an answer, the end of a connection and the deadline find no call any more.
// Of its server this says nothing, unlike a time-out.
void Backend::let_go(ForwardedCall& call) {
  if (call.queue != nullptr) {
    leave_queue(call);
  } else if (call.connection != nullptr) {
    call.connection->give_up(call, context_.timers->now_ms());
  }
}

void Backend::forward(const Request& request, Call&& call, uint32_t timeout_ms) {
  if (request.hops >= wire::kMaxHops) {
    return refuse_round(request, std::move(call));
  }
  retries_.on_call();
  // The queue is bounded by calls, and a call may be as large as limits.message.
  if (!requests_.has_room_for(request.argument.size())) {
    return refuse_for_memory(std::move(call));
  }
  route(begin(request, std::move(call), timeout_ms));
}

// What is rare has a function of its own, so that the road of most calls stays short.
void Backend::refuse_for_memory(Call call) {
  std::move(call).fail(
      Outcome::overloaded,
      fmt::format("backend '{}' overloaded: {} bytes of its requests are under way, {} of all "
                  "backends",
                  options_.name, requests_.held(), context_.requests->held));
}

void Backend::refuse_round(const Request& request, Call call) {
  const uint64_t now_ms = context_.timers->now_ms();
  if (now_ms >= round_told_ms_ + kRoundLogMs) {
    round_told_ms_ = now_ms;
    log::warn(
        "calls go round between gateways: a route leads back to where they came from",
        {{"backend", options_.name}, {"function", request.function}, {"gateways", wire::kMaxHops}});
  }
  std::move(call).fail(
      Outcome::unavailable,
      fmt::format("backend '{}' unavailable: the call has come through {} gateways; does a route "
                  "lead back to one of them?",
                  options_.name, wire::kMaxHops));
}

ForwardedCall& Backend::begin(const Request& request, Call&& call, uint32_t timeout_ms) {
  if (free_ == nullptr) {
    free_ = &calls_.emplace_back();
  }
  ForwardedCall& forwarded = *free_;
  free_ = std::exchange(forwarded.queue_next, nullptr);
  forwarded.call = std::move(call);
  forwarded.request.assign(request.function);
  forwarded.function_bytes = request.function.size();
  if (request.function != wire::kGetRpcContract ||
      !wire::write_full_contract_argument(forwarded.request, request.argument)) {
    forwarded.request.append(request.argument);
  }
  requests_.add(forwarded.request.size());
  forwarded.unknown = request.unknown;
  forwarded.any_bytes = request.any_bytes;
  forwarded.hops = request.hops + 1;
  forwarded.timeout_ms = timeout_ms;
  forwarded.deadline_ms = context_.timers->now_ms() + timeout_ms;
  forwarded.retried = false;
  forwarded.sent_again = false;
  forwarded.service_time =
      service_times_ != nullptr ? service_times_->find(request.label) : nullptr;
  deadlines_.add(forwarded);
  ++under_way_;
  return forwarded;
}

void Backend::release(ForwardedCall& call) {
  assert(call.queue == nullptr && call.connection == nullptr);
  deadlines_.remove(call);
  requests_.remove(call.request.size());
  if (call.request.capacity() > kKeptRequestBytes) {
    std::string().swap(call.request);
  }
  call.queue_next = std::exchange(free_, &call);
  --under_way_;
}

void Backend::fail(ForwardedCall& call, Outcome outcome, const std::string& message) {
  std::move(call.call).fail(outcome, message);
  release(call);
}

// While calls wait, a new one waits too: whose turn it is, the queue says. One that is sent again
// has had its turn.
void Backend::route(ForwardedCall& call) {
  if ((waiting_ == 0 || call.sent_again) && send(call)) {
    return;
  }
  if (!endpoints_.any_available()) {
    return fail_unavailable(call);
  }
  enqueue(call);
}

void Backend::fail_unavailable(ForwardedCall& call, std::optional<Protocol> only) {
  const std::string reason = endpoints_.empty() ? resolver_.error() : endpoints_.reason(only);
  fail(call, Outcome::unavailable,
       fmt::format("backend '{}' unavailable: {}", options_.name, reason));
}

inline void Backend::send_to(Endpoint& endpoint, ForwardedCall& call) {
  if (call.queue != nullptr) {
    call.queue->take(call);
    has_left_queue(call);
  }
  if (endpoint.send(call)) {
    metrics_->pipelined.add();
  }
}

// False when no endpoint has room for it. A second attempt goes elsewhere when there is an
// elsewhere.
bool Backend::send(ForwardedCall& call) {
  Endpoint* endpoint = endpoints_.pick(call, left_by(call));
  if (endpoint == nullptr) {
    return false;
  }
  if (!call.fits(endpoint->options().protocol)) {
    return send_over_other_protocol(call, endpoint->options().protocol);
  }
  send_to(*endpoint, call);
  return true;
}

// A call that only one protocol's servers can be sent waits for room at these, but not for the
// servers themselves: those that wait behind it may have one.
bool Backend::send_over_other_protocol(ForwardedCall& call, Protocol protocol) {
  const Protocol other = protocol == Protocol::tcp ? Protocol::zmq : Protocol::tcp;
  const bool refused = !endpoints_.speaks(other) || !call.fits(other);
  if (!refused) {
    if (Endpoint* endpoint = endpoints_.pick(call, left_by(call), other)) {
      send_to(*endpoint, call);
      return true;
    }
    if (endpoints_.any_available(other)) {
      return false;
    }
  }
  if (call.queue != nullptr) {
    leave_queue(call);
  }
  if (refused) {
    fail(call, Outcome::invalid,
         fmt::format("backend '{}' {}", options_.name, what_it_carries(protocol)));
  } else {
    fail_unavailable(call, other);
  }
  return true;
}

void Backend::on_reply(Endpoint& endpoint, ForwardedCall& call, ByteView body) {
  const Outcome outcome = outcome_of(body);
  endpoint.metrics().requests[index_of(outcome)].add();
  metrics_->duration.observe(context_.timers->clock().now_ns() - call.sent_ns);
  if (call.unknown && outcome == Outcome::ok) {
    if (const auto label = context_.learn(call.function())) {
      call.call.relabel(*label);
    }
  }
  std::move(call.call).reply(body, outcome);
  release(call);
}

}  // namespace zerogate
