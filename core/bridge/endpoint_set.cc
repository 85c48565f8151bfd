#include "core/bridge/endpoint_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/base/endpoint_name.h"
#include "core/log/log.h"

namespace zerogate {

namespace {

// How many of these a connection to a protocol's real server can use: see BackendOptions.
constexpr uint32_t kTcpConnections = 24;
constexpr uint32_t kZmqConnections = 1;
// A gateway works on 1000 calls of one at a time. Two: it may have several event loops, and one may
// break.
constexpr uint32_t kGatewayConnections = 2;
constexpr uint32_t kZmqInFlight = 1'000;

EndpointOptions options_for(Protocol protocol, const BackendOptions& backend,
                            const BackendConnectionOptions& connection) {
  const bool tcp = protocol == Protocol::tcp;
  EndpointOptions options;
  options.protocol = protocol;
  options.connections = backend.connections != 0 ? backend.connections
                        : tcp                    ? kTcpConnections
                                                 : kZmqConnections;
  options.adaptive = tcp && backend.in_flight == 0;
  options.gateway_connections =
      backend.connections == 0 && options.adaptive ? kGatewayConnections : options.connections;
  options.in_flight = backend.in_flight != 0 ? backend.in_flight
                      : tcp                  ? ConnectionWork::kMaxDepth
                                             : kZmqInFlight;
  options.pipeline_wait_ns = backend.pipeline_wait_ms * kNsPerMs;
  options.connection = connection;
  options.connection.tls_name = backend.tls_name;
  return options;
}

using EndpointFields = std::vector<std::pair<std::string, std::string>>;

EndpointFields log_fields(const std::string& backend, const EndpointOptions& endpoint) {
  EndpointFields fields = {{"backend", backend}, {"endpoint", endpoint.address.display()}};
  if (endpoint.connection.tls != nullptr) {
    const std::string& name = endpoint.connection.tls_name;
    fields.emplace_back("tls_name", name.empty() ? "-" : name);
  }
  return fields;
}

}  // namespace

EndpointSet::EndpointSet(uv_loop_t* loop, TimerQueue& timers, ConnectionMaker& maker, Owner& owner,
                         const BackendOptions& backend, EndpointSetOptions options,
                         std::shared_ptr<BackendMetrics> metrics)
    : loop_(loop),
      timers_(timers),
      owner_(owner),
      backend_(backend.name),
      urls_(backend.urls),
      names_peers_otherwise_(!backend.tls_name.empty() || !backend.tls_allow.empty()),
      tcp_(options_for(Protocol::tcp, backend, options.connection)),
      zmq_(options_for(Protocol::zmq, backend, options.connection)),
      options_(std::move(options)),
      metrics_(std::move(metrics)),
      given_up_ms_(backend.timeout_ms),
      outliers_(backend.eject_after),
      context_{owner, timers, maker, outliers_},
      random_(options_.seed),
      leave_timer_(timers, [this] { on_leave_timer(); }),
      sweep_timer_(timers, [this] { on_sweep(); }) {}

EndpointSet::~EndpointSet() {
  for (const Endpoint* const endpoint : all()) {
    metrics_->remove(endpoint->shared_metrics());
  }
}

void EndpointSet::set_options(const BackendOptions& backend) {
  given_up_ms_ = backend.timeout_ms;
  outliers_.set_limit(backend.eject_after);
}

void EndpointSet::update(const std::vector<EndpointResolver::Found>& found) {
  for (const auto& endpoint : endpoints_) {
    endpoint->set_listing(listing_of(*endpoint, found));
  }
  bool too_many = false;
  for (const EndpointResolver::Found& wanted : found) {
    const auto staying = std::ranges::count_if(endpoints_, [](auto& e) { return !e->leaving(); });
    const bool full = static_cast<size_t>(staying) >= kMaxEndpoints;
    if (at(wanted) == nullptr && !wanted.missing && !full) {
      add(wanted);
    }
    too_many |= full && at(wanted) == nullptr;
    if (Endpoint* endpoint = at(wanted)) {
      const auto same_name = [&](const auto& f) { return f.url == wanted.url; };
      endpoint->set_one_of_a_name(std::ranges::count_if(found, same_name) > 1);
    }
  }
  tell_too_many(too_many);
  see_off();
  // A set that lost everything serves on: a fault in the name server is no reason to cut it off.
  const uint64_t leaves_ms = found.empty() ? Endpoint::kStays : timers_.now_ms() + kLeaveMs;
  for (const auto& endpoint : endpoints_) {
    endpoint->set_leaves_ms(leaves_ms);
  }
  start_leave_timer();
}

void EndpointSet::start_leave_timer() {
  uint64_t first_ms = Endpoint::kStays;
  for (const auto& endpoint : endpoints_) {
    first_ms = std::min(first_ms, endpoint->leaves_ms());
  }
  if (first_ms != Endpoint::kStays) {
    leave_timer_.start_at(first_ms);
  } else {
    leave_timer_.stop();
  }
}

void EndpointSet::tell_too_many(bool too_many) {
  if (!std::exchange(too_many_, too_many) && too_many) {
    log::warn("more endpoints than one backend can have, the rest are not used",
              {{"backend", backend_}, {"limit", kMaxEndpoints}});
  }
}

std::string_view EndpointSet::tls_name_of(const EndpointResolver::Found& found) const {
  const ServerUrl& url = urls_[found.url];
  if (!url.tls) {
    return {};
  }
  return names_peers_otherwise_ ? tcp_.connection.tls_name : url.address.host;
}

bool EndpointSet::is_at(const Endpoint& endpoint, const EndpointResolver::Found& found) const {
  const EndpointOptions& its = endpoint.options();
  return its.protocol == found.protocol && its.address == found.address &&
         (its.connection.tls != nullptr) == urls_[found.url].tls &&
         its.connection.tls_name == tls_name_of(found);
}

// Two names may have the address, of which one has just lost it.
Endpoint::Listing EndpointSet::listing_of(const Endpoint& endpoint,
                                          const std::vector<EndpointResolver::Found>& found) const {
  auto listing = Endpoint::Listing::gone;
  for (const EndpointResolver::Found& one : found) {
    if (is_at(endpoint, one)) {
      listing =
          std::min(listing, one.missing ? Endpoint::Listing::missing : Endpoint::Listing::listed);
    }
  }
  return listing;
}

Endpoint* EndpointSet::at(const EndpointResolver::Found& found) {
  const auto place = std::ranges::find_if(endpoints_, [&](auto& e) { return is_at(*e, found); });
  return place != endpoints_.end() ? place->get() : nullptr;
}

void EndpointSet::add(const EndpointResolver::Found& found) {
  EndpointOptions options = found.protocol == Protocol::tcp ? tcp_ : zmq_;
  options.address = found.address;
  options.connection.tls_name = tls_name_of(found);
  if (urls_[found.url].tls) {
    options.name = tls_endpoint_name(options.connection.tls_name, found.address);
  } else {
    options.connection.tls = nullptr;
    options.name = found.address.display();
  }
  const WatchedState watched{"endpoint up", "endpoint down",
                             WatchedState::When::up_for_any,  // as zerogate_backend_up
                             log_fields(backend_, options)};
  Endpoint::Owner& owner = *this;
  endpoints_.push_back(std::make_unique<Endpoint>(
      context_, owner, options, random_.next(), metrics_->add(options.name),
      std::make_unique<StateReporter>(loop_, options_.states, watched),
      options_.by_hand->standing_for(backend_, options.name)));
}

// For what ends connections: one that leaves its name is retired then, and lives on until flush().
std::vector<Endpoint*> EndpointSet::all() const {
  std::vector<Endpoint*> all;
  for (const auto& list : {&endpoints_, &retired_}) {
    for (const auto& endpoint : *list) {
      all.push_back(endpoint.get());
    }
  }
  return all;
}

void EndpointSet::look_at_orders() {
  for (Endpoint* const endpoint : all()) {
    endpoint->set_order(options_.by_hand->standing_for(backend_, endpoint->options().name));
  }
}

void EndpointSet::clear(std::string_view name) {
  for (const auto& endpoint : endpoints_) {
    if (endpoint->options().name == name || address_of(endpoint->options().name) == name) {
      endpoint->clear();
    }
  }
}

void EndpointSet::see_off() {
  const bool replaced = std::ranges::any_of(
      endpoints_, [](const auto& e) { return !e->leaving() && e->available(); });
  for (size_t i = endpoints_.size(); i-- > 0;) {
    const Endpoint& endpoint = *endpoints_[i];
    if (endpoint.leaving() && (replaced || !endpoint.available())) {
      retire(i);
    }
  }
}

void EndpointSet::on_leave_timer() {
  for (size_t i = endpoints_.size(); i-- > 0;) {
    if (endpoints_[i]->leaves_ms() <= timers_.now_ms()) {
      retire(i);
    }
  }
  start_leave_timer();
  tell_all();
}

void EndpointSet::retire(size_t index) {
  std::unique_ptr<Endpoint> endpoint = std::move(endpoints_[index]);
  endpoints_.erase(endpoints_.begin() + static_cast<std::ptrdiff_t>(index));
  std::vector<log::Field> shown;
  const EndpointFields fields = log_fields(backend_, endpoint->options());
  for (const auto& [key, value] : fields) {
    shown.push_back({key, value});
  }
  log::write(log::Level::info, "endpoint gone", shown);
  endpoint->retire();
  on_dirty(*endpoint);  // flush() takes it away
  retired_.push_back(std::move(endpoint));
}

bool EndpointSet::any_available(std::optional<Protocol> only) const {
  return std::ranges::any_of(endpoints_, [only](const auto& e) {
    return e->use() != Endpoint::Use::none && (!only || e->options().protocol == *only);
  });
}

bool EndpointSet::speaks(Protocol protocol) const {
  return std::ranges::any_of(endpoints_,
                             [&](const auto& e) { return e->options().protocol == protocol; });
}

bool EndpointSet::can_spare(const Endpoint& endpoint) const {
  return std::ranges::any_of(endpoints_, [&](const auto& other) {
    return other.get() != &endpoint && other->available();
  });
}

bool EndpointSet::settled() const {
  return std::ranges::all_of(endpoints_, [](const auto& e) { return e->settled(); });
}

std::string EndpointSet::reason(std::optional<Protocol> only) const {
  const Endpoint* told = nullptr;
  size_t by_hand = 0;
  for (const auto& endpoint : endpoints_) {
    if (only && endpoint->options().protocol != *only) {
      continue;
    }
    by_hand += endpoint->by_hand();
    if (told == nullptr || (told->by_hand() && !endpoint->by_hand())) {
      told = endpoint.get();
    }
  }
  std::string text = fmt::format("{} ({})", told->reason(), told->options().address.display());
  if (!told->by_hand() && by_hand > 0) {
    text += fmt::format("; {} more disabled or drained by hand", by_hand);
  }
  return text;
}

Endpoint* EndpointSet::pick_one_of_many(const ForwardedCall& call, const Endpoint* avoid,
                                        std::optional<Protocol> only) {
  const auto speaks = [only](const Endpoint& endpoint) {
    return !only || endpoint.options().protocol == *only;
  };
  const auto usable = [&](const Endpoint& endpoint) {
    return endpoint.available() && &endpoint != avoid && speaks(endpoint);
  };
  Endpoint* found =
      pick_among([&](const Endpoint& e) { return e.has_room_for_any() && usable(e); });
  if (found != nullptr && found->choose_place(call)) {
    return found;
  }
  found = pick_among([&](Endpoint& e) { return usable(e) && e.choose_place(call); });
  if (found != nullptr) {
    return found;
  }
  if (avoid != nullptr) {
    return pick_one_of_many(call, nullptr, only);
  }
  if (std::ranges::any_of(endpoints_,
                          [&](const auto& e) { return e->available() && speaks(*e); })) {
    return nullptr;
  }
  // Panic: what is set aside may fail, what is not tried has failed for certain.
  return pick_among([&](Endpoint& e) { return speaks(e) && e.choose_place(call); });
}

template <class Usable>
Endpoint* EndpointSet::pick_among(Usable usable) {
  const size_t count = endpoints_.size();
  if (count > 2) {
    Endpoint& one = *endpoints_[random_.below(count)];
    Endpoint& other = *endpoints_[random_.below(count)];
    if (usable(one) && usable(other)) {
      return one.load() <= other.load() ? &one : &other;
    }
  }
  Endpoint* best = nullptr;
  size_t equals = 0;  // each of them is chosen with the same chance
  for (const auto& endpoint : endpoints_) {
    if (!usable(*endpoint) || (best != nullptr && endpoint->load() > best->load())) {
      continue;
    }
    equals = best != nullptr && endpoint->load() == best->load() ? equals + 1 : 1;
    if (equals == 1 || random_.below(equals) == 0) {
      best = endpoint.get();
    }
  }
  return best;
}

void EndpointSet::give_up(ForwardedCall& call) {
  if (call.endpoint->give_up(call) && !sweep_timer_.active()) {
    sweep_timer_.start(kSweepMs);
  }
}

void EndpointSet::on_sweep() {
  bool again = false;
  const uint64_t now_ms = timers_.now_ms();
  const uint64_t until_ms = now_ms > given_up_ms_ ? now_ms - given_up_ms_ : 0;
  for (Endpoint* const endpoint : all()) {
    again |= endpoint->sweep(until_ms);
  }
  if (again) {
    sweep_timer_.start(kSweepMs);
  }
}

void EndpointSet::flush() {
  while (!dirty_.empty()) {
    flushing_.swap(dirty_);
    for (Endpoint* endpoint : flushing_) {
      endpoint->flush();
    }
    flushing_.clear();
  }
  std::erase_if(retired_, [this](const auto& endpoint) {
    if (endpoint->busy()) {
      return false;
    }
    metrics_->remove(endpoint->shared_metrics());
    return true;
  });
}

void EndpointSet::on_dirty(Endpoint& endpoint) {
  if (dirty_.empty()) {
    owner_.on_dirty();
  }
  dirty_.push_back(&endpoint);
}

void EndpointSet::on_availability(Endpoint&) {
  see_off();
  tell_all();
}

void EndpointSet::tell_all() {
  const bool hurry = std::ranges::none_of(endpoints_, [](const auto& e) { return e->available(); });
  for (const auto& endpoint : endpoints_) {
    if (hurry) {
      endpoint->hurry();
    }
    endpoint->show_state();
  }
  if (!any_available()) {
    owner_.on_none_left();
  } else if (has_room()) {
    owner_.on_room();  // the first that waits may have waited for this endpoint alone
  }
}

}  // namespace zerogate
