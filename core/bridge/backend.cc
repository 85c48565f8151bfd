#include "core/bridge/backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/base/glob.h"
#include "core/log/log.h"
#include "core/wire/translate.h"
#include "core/wire/zerror.h"

namespace zerogate {

namespace {

/// Below it a lost packet or two would end a connection: TCP sends again after 200 ms at first.
constexpr uint32_t kMinPeerTimeoutMs = 1'000;
constexpr size_t kKeptCapacity = 4 << 10;  ///< of a free forwarded's request

void empty(std::string& text) {
  text.clear();
  if (text.capacity() > kKeptCapacity) {
    std::string().swap(text);
  }
}

Outcome outcome_of(ByteView body) {
  if (!wire::is_error_body(body)) {
    return Outcome::ok;
  }
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

/// How many of these a connection to this protocol's real server can use; see BackendOptions.
uint32_t or_default(uint32_t configured, Protocol protocol, uint32_t tcp, uint32_t zmq) {
  if (configured != 0) {
    return configured;
  }
  return protocol == Protocol::tcp ? tcp : zmq;
}

}  // namespace

Backend::Backend(const BridgeContext& context, const BackendOptions& options,
                 std::shared_ptr<BackendMetrics> metrics)
    : context_(context),
      options_(options),
      metrics_(std::move(metrics)),
      names_(context.loop->uv(), options, context.states, [this] { update_endpoints(); }),
      deadline_timer_(make_uv<uv_timer_t>(context.loop->uv(), uv_timer_init, this)),
      sweep_timer_(make_uv<uv_timer_t>(context.loop->uv(), uv_timer_init, this)),
      random_(uv_hrtime()) {
  update_endpoints();
}

Backend::~Backend() {
  fail_all();
  for (const auto& endpoint : endpoints_) {
    metrics_->remove(endpoint->shared_metrics());
  }
  for (const auto& endpoint : retired_) {
    metrics_->remove(endpoint->shared_metrics());
  }
}

void Backend::fail_all() {
  const std::string text =
      fmt::format("backend '{}' unavailable: the gateway is shutting down", options_.name);
  for (ForwardedCall& forwarded : forwarded_calls_) {
    if (forwarded.call) {
      std::move(forwarded.call).fail(Outcome::unavailable, text);
    }
  }
}

WatchedState Backend::watched(const std::string& endpoint) const {
  return {"endpoint up",
          "endpoint down",
          WatchedState::When::up_for_any,  // as zerogate_backend_up
          {{"backend", options_.name}, {"endpoint", endpoint}}};
}

void Backend::update_endpoints() {
  const std::vector<EndpointResolver::Found> found = names_.found();
  const auto is = [](const EndpointResolver::Found& wanted) {
    return [&](const auto& endpoint) {
      return endpoint->options().protocol == wanted.protocol &&
             endpoint->options().address == wanted.address;
    };
  };
  for (size_t i = 0; i < endpoints_.size();) {
    const auto& options = endpoints_[i]->options();
    const bool stays = std::ranges::any_of(found, [&](const auto& f) {
      return f.protocol == options.protocol && f.address == options.address;
    });
    if (stays) {
      ++i;
      continue;
    }
    log::info("endpoint gone",
              {{"backend", options_.name}, {"endpoint", options.address.display()}});
    endpoints_[i]->retire();
    retired_.push_back(std::move(endpoints_[i]));
    endpoints_.erase(endpoints_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  for (const EndpointResolver::Found& wanted : found) {
    if (std::ranges::any_of(endpoints_, is(wanted))) {
      continue;
    }
    if (endpoints_.size() == kMaxEndpoints) {
      log::warn("more endpoints than one backend can have, the rest are not used",
                {{"backend", options_.name}, {"limit", kMaxEndpoints}});
      return;
    }
    EndpointOptions options;
    options.protocol = wanted.protocol;
    options.address = wanted.address;
    options.connections = or_default(options_.connections, wanted.protocol, 24, 1);
    options.in_flight = or_default(options_.in_flight, wanted.protocol, 1, 1'000);
    options.given_up_ms = options_.timeout_ms;
    options.eject_after = options_.eject_after;
    options.connection = connection_options();
    Endpoint::Owner& owner = *this;
    const std::string name = wanted.address.display();
    endpoints_.push_back(std::make_unique<Endpoint>(
        *context_.loop, context_.zmq_context, owner, options, metrics_->add(name),
        std::make_unique<StateReporter>(context_.loop->uv(), context_.states, watched(name))));
  }
}

bool Backend::takes_any_bytes() const {
  return std::ranges::any_of(options_.urls,
                             [](const ServerUrl& url) { return url.protocol == Protocol::zmq; });
}

BackendConnectionOptions Backend::connection_options() const {
  BackendConnectionOptions options;
  options.max_message = context_.max_message;
  options.connect_timeout_ms = options_.connect_timeout_ms;
  options.read_buffer = context_.read_buffer;
  options.backend = options_.name;
  options.identity = context_.identity;
  options.peer_timeout_ms = std::max(options_.timeout_ms, kMinPeerTimeoutMs);
  return options;
}

bool Backend::settled() const {
  return names_.settled() &&
         std::ranges::all_of(endpoints_, [](const auto& endpoint) { return endpoint->settled(); });
}

void Backend::forward(const Request& request, Call call, uint32_t timeout_ms) {
  retry_tokens_ = std::min(retry_tokens_ + kRetryShare, kRetryBurst);
  if (!has_memory_for(request)) {
    return std::move(call).fail(
        Outcome::overloaded,
        fmt::format("backend '{}' overloaded: {} bytes of requests are under way to backends",
                    options_.name, *context_.request_bytes));
  }
  route(begin(request, std::move(call), timeout_ms));
}

// The queue is bounded by calls, and a call may be as large as limits.message. One is always taken.
bool Backend::has_memory_for(const Request& request) const {
  return *context_.request_bytes == 0 ||
         *context_.request_bytes + request.argument.size() <= context_.request_memory;
}

ForwardedCall& Backend::begin(const Request& request, Call call, uint32_t timeout_ms) {
  if (free_.empty()) {
    free_.push_back(&forwarded_calls_.emplace_back());
  }
  ForwardedCall& forwarded = *free_.back();
  free_.pop_back();
  forwarded.call = std::move(call);
  forwarded.request.assign(request.function);
  forwarded.function_bytes = request.function.size();
  if (request.function != wire::kGetRpcContract ||
      !wire::write_full_contract_argument(forwarded.request, request.argument)) {
    forwarded.request.append(request.argument);
  }
  *context_.request_bytes += forwarded.request.size();
  forwarded.unknown = request.unknown;
  forwarded.any_bytes = request.any_bytes;
  forwarded.timeout_ms = timeout_ms;
  forwarded.deadline_ms = context_.loop->now_ms() + timeout_ms;
  forwarded.retried = false;
  deadlines(timeout_ms).push_back(forwarded);
  ++under_way_;
  arm_deadline(forwarded.deadline_ms);
  return forwarded;
}

// There are as many lists as routes have time-outs, and mostly it is the same one as before.
Backend::Deadlines& Backend::deadlines(uint32_t timeout_ms) {
  if (recent_deadlines_ == nullptr || recent_timeout_ms_ != timeout_ms) {
    recent_deadlines_ = &deadlines_[timeout_ms];
    recent_timeout_ms_ = timeout_ms;
  }
  return *recent_deadlines_;
}

void Backend::release(ForwardedCall& forwarded) {
  assert(!forwarded.queued && forwarded.connection == nullptr);
  deadlines(forwarded.timeout_ms).remove(forwarded);
  *context_.request_bytes -= forwarded.request.size();
  empty(forwarded.request);
  free_.push_back(&forwarded);
  --under_way_;
}

void Backend::fail(ForwardedCall& forwarded, Outcome outcome, const std::string& message) {
  std::move(forwarded.call).fail(outcome, message);
  release(forwarded);
}

// Nobody overtakes: while calls wait, a new one waits behind them.
void Backend::route(ForwardedCall& forwarded) {
  if (queue_.empty() && send(forwarded)) {
    return;
  }
  const auto available = [](const auto& endpoint) { return endpoint->available(); };
  if (std::ranges::none_of(endpoints_, available)) {
    return fail(forwarded, Outcome::unavailable, unavailable());
  }
  if (queue_.size() >= options_.queue) {
    return fail(
        forwarded, Outcome::overloaded,
        fmt::format("backend '{}' overloaded: {} calls are waiting", options_.name, queue_.size()));
  }
  enqueue(forwarded);
}

std::string Backend::unavailable() const {
  if (endpoints_.empty()) {
    return fmt::format("backend '{}' unavailable: {}", options_.name,
                       names_.error().empty() ? "its name has no address yet" : names_.error());
  }
  const Endpoint& endpoint = *endpoints_.front();
  return fmt::format("backend '{}' unavailable: {} ({})", options_.name, endpoint.reason(),
                     endpoint.options().address.display());
}

bool Backend::send(ForwardedCall& forwarded) {
  // A second attempt goes elsewhere when there is an elsewhere.
  Endpoint* endpoint = pick(forwarded.retried ? forwarded.endpoint : nullptr);
  if (endpoint == nullptr) {
    return false;
  }
  if (endpoint->options().protocol == Protocol::zmq && !wire::fits_zmq_name(forwarded.function())) {
    fail(forwarded, Outcome::invalid,
         fmt::format("backend '{}' speaks ZeroMQ: a function's name has 1 to 80 ASCII characters",
                     options_.name));
    return true;
  }
  if (endpoint->options().protocol == Protocol::tcp && forwarded.any_bytes) {
    fail(forwarded, Outcome::invalid,
         fmt::format("backend '{}' speaks raw TCP: an argument has to be one MessagePack value",
                     options_.name));
    return true;
  }
  forwarded.endpoint = endpoint;
  return endpoint->send(forwarded, context_.loop->began_ns());
}

// Power of two choices: nearly as even as asking everybody, and a newcomer is not swamped.
Endpoint* Backend::pick(const Endpoint* avoid) {
  const auto usable = [avoid](const Endpoint& endpoint) {
    return &endpoint != avoid && endpoint.available() && endpoint.has_room();
  };
  const size_t count = endpoints_.size();
  if (count == 1) {
    Endpoint& only = *endpoints_.front();
    return only.available() && only.has_room() ? &only : nullptr;
  }
  if (count > 2) {
    Endpoint& one = *endpoints_[random_.below(count)];
    Endpoint& other = *endpoints_[random_.below(count)];
    if (usable(one) && usable(other)) {
      return one.load() <= other.load() ? &one : &other;
    }
  }
  Endpoint* best = nullptr;
  for (const auto& endpoint : endpoints_) {
    if (!usable(*endpoint)) {
      continue;
    }
    if (best == nullptr || endpoint->load() < best->load() ||
        (endpoint->load() == best->load() && random_.below(2) == 0)) {
      best = endpoint.get();
    }
  }
  return best == nullptr && avoid != nullptr ? pick(nullptr) : best;
}

void Backend::enqueue(ForwardedCall& forwarded) {
  forwarded.queued = true;
  queue_.push_back(forwarded);
  metrics_->queue.set(queue_.size());
}

void Backend::leave_queue(ForwardedCall& forwarded) {
  forwarded.queued = false;
  queue_.remove(forwarded);
  metrics_->queue.set(queue_.size());
}

void Backend::on_room(Endpoint&) {
  while (!queue_.empty()) {
    ForwardedCall& forwarded = *queue_.front();
    if (forwarded.call.caller_gone()) {
      leave_queue(forwarded);
      fail(forwarded, Outcome::abandoned, "nobody waits for the answer");
      continue;
    }
    if (pick(nullptr) == nullptr) {
      return;
    }
    leave_queue(forwarded);
    send(forwarded);
  }
}

void Backend::on_reply(Endpoint& endpoint, ForwardedCall& forwarded, ByteView body) {
  const Outcome outcome = outcome_of(body);
  endpoint.succeeded();
  endpoint.metrics().requests[index_of(outcome)].add();
  metrics_->duration.observe(context_.loop->began_ns() - forwarded.sent_ns);
  if (forwarded.unknown && outcome == Outcome::ok) {
    if (const auto label = context_.learn(forwarded.function())) {
      forwarded.call.relabel(*label);
    }
  }
  std::move(forwarded.call).reply(body, outcome);
  release(forwarded);
}

void Backend::on_lost(Endpoint& endpoint, ForwardedCall& forwarded, bool written) {
  endpoint.metrics().requests[index_of(Outcome::unavailable)].add();
  if (may_retry(forwarded, written)) {
    --retry_tokens_;
    forwarded.retried = true;
    metrics_->retries.add();
    return route(forwarded);
  }
  fail(forwarded, Outcome::unavailable,
       fmt::format("backend '{}' failed under the call: {} ({})", options_.name, endpoint.reason(),
                   endpoint.options().address.display()));
}

bool Backend::may_retry(const ForwardedCall& forwarded, bool written) {
  if (forwarded.retried || retry_tokens_ < 1) {
    return false;
  }
  if (!written) {
    return true;
  }
  return can_spare(*forwarded.endpoint) &&
         std::ranges::any_of(options_.idempotent, [&](const std::string& glob) {
           return glob_match(glob, forwarded.function());
         });
}

bool Backend::can_spare(const Endpoint& endpoint) const {
  return std::ranges::any_of(endpoints_, [&](const auto& other) {
    return other.get() != &endpoint && other->available();
  });
}

void Backend::arm_deadline(uint64_t deadline_ms) {
  if (deadline_ms >= armed_ms_) {
    return;
  }
  armed_ms_ = deadline_ms;
  const uint64_t now_ms = context_.loop->now_ms();
  uv_timer_start(
      deadline_timer_.get(),
      [](uv_timer_t* timer) { static_cast<Backend*>(timer->data)->on_deadline(); },
      deadline_ms > now_ms ? deadline_ms - now_ms : 0, 0);
}

void Backend::on_deadline() {
  armed_ms_ = UINT64_MAX;
  bool given_up = false;
  const uint64_t now_ms = context_.loop->now_ms();
  for (auto& [timeout_ms, list] : deadlines_) {
    while (!list.empty() && list.front()->deadline_ms <= now_ms) {
      ForwardedCall& forwarded = *list.front();
      if (forwarded.queued) {
        leave_queue(forwarded);
      } else {
        forwarded.endpoint->metrics().requests[index_of(Outcome::timeout)].add();
        forwarded.endpoint->give_up(forwarded);
        given_up = true;
      }
      fail(forwarded, Outcome::timeout,
           fmt::format("backend '{}' did not answer within {} ms", options_.name, timeout_ms));
    }
  }
  if (given_up) {
    uv_timer_start(
        sweep_timer_.get(),
        [](uv_timer_t* timer) { static_cast<Backend*>(timer->data)->on_sweep(); }, kSweepMs,
        kSweepMs);
  }
  uint64_t next_ms = UINT64_MAX;
  for (const auto& [timeout_ms, list] : deadlines_) {
    if (!list.empty()) {
      next_ms = std::min(next_ms, list.front()->deadline_ms);
    }
  }
  arm_deadline(next_ms);
}

void Backend::on_sweep() {
  bool again = false;
  for (const auto& list : {&endpoints_, &retired_}) {
    for (const auto& endpoint : *list) {
      again |= endpoint->sweep();
    }
  }
  if (!again) {
    uv_timer_stop(sweep_timer_.get());
  }
}

bool Backend::flush() {
  for (const auto& list : {&endpoints_, &retired_}) {
    for (const auto& endpoint : *list) {
      endpoint->flush();
    }
  }
  std::erase_if(retired_, [this](const auto& endpoint) {
    if (endpoint->load() != 0) {
      return false;
    }
    metrics_->remove(endpoint->shared_metrics());
    return true;
  });
  return std::ranges::any_of(endpoints_, [](const auto& endpoint) { return endpoint->dirty(); });
}

}  // namespace zerogate
