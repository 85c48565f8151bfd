#include "core/bridge/endpoint.h"

#include <algorithm>
#include <utility>

#include "core/bridge/zmq_backend_connection.h"

namespace zerogate {

Endpoint::Endpoint(uv_loop_t* loop, void* zmq_context, Owner& owner, const EndpointOptions& options,
                   std::shared_ptr<EndpointMetrics> metrics, std::unique_ptr<StateReporter> state)
    : loop_(loop),
      zmq_context_(zmq_context),
      owner_(owner),
      options_(options),
      metrics_(std::move(metrics)),
      state_(std::move(state)),
      timer_(make_uv<uv_timer_t>(loop, uv_timer_init, this)),
      backoff_(kBackoffMinMs, kBackoffMaxMs, uv_hrtime()) {
  open_link();
}

Endpoint::~Endpoint() = default;

void Endpoint::open_link() {
  BackendConnection::Owner& owner = *this;
  if (options_.protocol == Protocol::tcp) {
    links_.push_back(
        std::make_unique<TcpBackendConnection>(loop_, owner, options_.address, options_.link));
  } else {
    links_.push_back(std::make_unique<ZmqBackendConnection>(loop_, zmq_context_, owner,
                                                            options_.address, options_.link));
  }
}

// One link finds out whether anybody is there; the rest follow when it has.
void Endpoint::maintain() {
  if (retired_) return;
  const size_t wanted = available() ? options_.connections : links_.empty() || ejected_ ? 1 : 0;
  const size_t there = ejected_ ? 0 : links_.size();
  for (size_t i = there; i < wanted; ++i) open_link();
}

void Endpoint::schedule(uint64_t delay_ms) {
  if (uv_is_active(reinterpret_cast<uv_handle_t*>(timer_.get()))) return;
  uv_timer_start(
      timer_.get(), [](uv_timer_t* timer) { static_cast<Endpoint*>(timer->data)->maintain(); },
      delay_ms, 0);
}

BackendConnection* Endpoint::free_link() {
  if (BackendConnection* idle = std::exchange(idle_, nullptr); idle != nullptr && idle->load() == 0)
    return idle;
  BackendConnection* best = nullptr;
  for (const auto& link : links_) {
    if (!link->up() || link->load() >= options_.in_flight) continue;
    if (best == nullptr || link->load() < best->load()) best = link.get();
    if (best->load() == 0) break;
  }
  return best;
}

bool Endpoint::send(Exchange& exchange, uint64_t now_ns) {
  BackendConnection* link = has_room() ? free_link() : nullptr;
  if (link == nullptr) return false;
  exchange.link = link;
  exchange.sent_ns = now_ns;
  link->send(exchange);
  if (unsent_.empty() || unsent_.back() != link) unsent_.push_back(link);
  metrics_->in_flight.add();
  dirty_ = true;
  return true;
}

void Endpoint::flush() {
  if (std::exchange(dirty_, false)) {
    // A link that breaks here is buried, and its requests may go to another one.
    for (size_t i = 0; i < unsent_.size(); ++i) unsent_[i]->flush();
    unsent_.clear();
  }
  graveyard_.clear();
}

void Endpoint::on_up(BackendConnection&) {
  settled_ = true;
  ++up_links_;
  backoff_.reset();
  if (ejected_) {  // whoever was stuck there is not worth waiting for: these links are replaced
    ejected_ = false;
    failures_ = 0;
  }
  maintain();
  show_state();
  owner_.on_room(*this);
}

void Endpoint::on_reply(BackendConnection& link, Exchange& exchange, ByteView body) {
  metrics_->in_flight.sub();
  exchange.link = nullptr;
  idle_ = &link;
  owner_.on_reply(*this, exchange, body);
  owner_.on_room(*this);
}

void Endpoint::on_late_reply(BackendConnection&) {
  metrics_->in_flight.sub();
  owner_.on_room(*this);
}

void Endpoint::on_down(BackendConnection& link, std::string_view reason) {
  settled_ = true;
  reason_ = reason;
  std::vector<std::pair<Exchange*, bool>> lost;
  for (Exchange* exchange : link.take_all()) {
    lost.emplace_back(exchange, link.was_written(*exchange));
    exchange->link = nullptr;
  }
  bury(link);
  schedule(backoff_.next_ms());
  if (!lost.empty()) failed();
  for (const auto& [exchange, written] : lost) owner_.on_lost(*this, *exchange, written);
}

void Endpoint::bury(BackendConnection& link) {
  const auto found = std::ranges::find_if(links_, [&](const auto& l) { return l.get() == &link; });
  graveyard_.push_back(std::move(*found));
  links_.erase(found);
  up_links_ =
      static_cast<uint32_t>(std::ranges::count_if(links_, [](const auto& l) { return l->up(); }));
  metrics_->in_flight.sub(link.load());
  if (idle_ == &link) idle_ = nullptr;
  dirty_ = true;
  show_state();
}

void Endpoint::give_up(Exchange& exchange) {
  exchange.link->give_up(exchange, uv_now(loop_));
  failed();
}

void Endpoint::failed() {
  if (++failures_ < options_.eject_after || ejected_ || !owner_.can_spare(*this)) return;
  eject();
}

// Links with nothing but given-up requests have no more use; the others go when their last answer
// has come or is given up (sweep).
void Endpoint::eject() {
  const uint64_t now_ms = uv_now(loop_);
  if (now_ms - ejected_at_ms_ > 2 * kEjectMaxMs) ejections_ = 0;
  ejected_at_ms_ = now_ms;
  ejected_ = true;
  reason_ = "it failed several times in a row";
  const uint64_t time_ms = std::min(kEjectMinMs << std::min(ejections_++, 5U), kEjectMaxMs);
  uv_timer_stop(timer_.get());
  schedule(time_ms);
  show_state();
}

// The real TCP server answers a connection's requests in turn: behind one that it never answers
// nothing more comes, so the link is replaced. A ZeroMQ server has other workers: only the slot is
// freed.
bool Endpoint::sweep() {
  const uint64_t now_ms = uv_now(loop_);
  bool blocked = false;
  for (size_t i = 0; i < links_.size();) {
    BackendConnection& link = *links_[i];
    const uint64_t since_ms = link.oldest_given_up_ms();
    const bool overdue = since_ms != 0 && now_ms - since_ms >= options_.given_up_ms;
    if (overdue && options_.protocol == Protocol::zmq) {
      metrics_->in_flight.sub(link.forget_given_up(now_ms - options_.given_up_ms));
    } else if (overdue && link.live() == 0) {
      link.fail("no answer for too long");
      continue;  // it is not in the list any more
    }
    blocked |= link.oldest_given_up_ms() != 0;
    ++i;
  }
  return blocked;
}

void Endpoint::retire() {
  retired_ = true;
  state_.reset();
  uv_timer_stop(timer_.get());
  show_state();
}

void Endpoint::show_state() {
  metrics_->connections.set(up_links_);
  metrics_->up.set(available() && !retired_ ? 1 : 0);
  if (state_ != nullptr && settled_) state_->set(available(), reason_);
}

}  // namespace zerogate
