#include "core/bridge/endpoint.h"

#include <algorithm>
#include <utility>

#include "core/bridge/tcp_backend_connection.h"
#include "core/bridge/zmq_backend_connection.h"

namespace zerogate {

Endpoint::Endpoint(EventLoop& loop, void* zmq_context, Owner& owner, const EndpointOptions& options,
                   std::shared_ptr<EndpointMetrics> metrics, std::unique_ptr<StateReporter> state)
    : loop_(loop),
      zmq_context_(zmq_context),
      owner_(owner),
      options_(options),
      metrics_(std::move(metrics)),
      state_(std::move(state)),
      timer_(make_uv<uv_timer_t>(loop.uv(), uv_timer_init, this)),
      backoff_(kBackoffMinMs, kBackoffMaxMs, uv_hrtime()) {
  open_connection();
}

Endpoint::~Endpoint() = default;

void Endpoint::open_connection() {
  BackendConnection::Owner& owner = *this;
  if (options_.protocol == Protocol::tcp) {
    connections_.push_back(std::make_unique<TcpBackendConnection>(loop_, owner, options_.address,
                                                                  options_.connection));
  } else {
    connections_.push_back(std::make_unique<ZmqBackendConnection>(
        loop_, zmq_context_, owner, options_.address, options_.connection));
  }
}

// One connection finds out whether anybody is there; the rest follow when it has.
void Endpoint::maintain() {
  if (retired_) {
    return;
  }
  const size_t wanted = available()                        ? options_.connections
                        : connections_.empty() || ejected_ ? 1
                                                           : 0;
  const size_t there = ejected_ ? 0 : connections_.size();
  for (size_t i = there; i < wanted; ++i) {
    open_connection();
  }
}

void Endpoint::schedule(uint64_t delay_ms) {
  if (uv_is_active(reinterpret_cast<uv_handle_t*>(timer_.get()))) {
    return;
  }
  uv_timer_start(
      timer_.get(), [](uv_timer_t* timer) { static_cast<Endpoint*>(timer->data)->maintain(); },
      delay_ms, 0);
}

BackendConnection* Endpoint::free_connection() {
  if (BackendConnection* idle = std::exchange(idle_, nullptr);
      idle != nullptr && idle->load() == 0) {
    return idle;
  }
  BackendConnection* best = nullptr;
  for (const auto& connection : connections_) {
    if (!connection->up() || connection->load() >= options_.in_flight) {
      continue;
    }
    if (best == nullptr || connection->load() < best->load()) {
      best = connection.get();
    }
    if (best->load() == 0) {
      break;
    }
  }
  return best;
}

bool Endpoint::send(ForwardedCall& forwarded, uint64_t now_ns) {
  BackendConnection* connection = has_room() ? free_connection() : nullptr;
  if (connection == nullptr) {
    return false;
  }
  forwarded.connection = connection;
  forwarded.sent_ns = now_ns;
  connection->send(forwarded);
  if (unsent_.empty() || unsent_.back() != connection) {
    unsent_.push_back(connection);
  }
  metrics_->in_flight.add();
  dirty_ = true;
  return true;
}

void Endpoint::flush() {
  if (std::exchange(dirty_, false)) {
    // A connection that breaks here is buried, and its requests may go to another one.
    for (size_t i = 0; i < unsent_.size(); ++i) {
      unsent_[i]->flush();
    }
    unsent_.clear();
  }
  graveyard_.clear();
}

void Endpoint::on_up(BackendConnection&) {
  settled_ = true;
  ++up_connections_;
  backoff_.reset();
  if (ejected_) {  // whoever was stuck there is not worth waiting for: these connections are
                   // replaced
    ejected_ = false;
    failures_ = 0;
  }
  maintain();
  show_state();
  owner_.on_room(*this);
}

void Endpoint::on_reply(BackendConnection& connection, ForwardedCall& forwarded, ByteView body) {
  metrics_->in_flight.sub();
  forwarded.connection = nullptr;
  idle_ = &connection;
  owner_.on_reply(*this, forwarded, body);
  owner_.on_room(*this);
}

void Endpoint::on_late_reply(BackendConnection&) {
  metrics_->in_flight.sub();
  owner_.on_room(*this);
}

void Endpoint::on_down(BackendConnection& connection, std::string_view reason) {
  settled_ = true;
  reason_ = reason;
  std::vector<std::pair<ForwardedCall*, bool>> lost;
  for (ForwardedCall* forwarded : connection.take_all()) {
    lost.emplace_back(forwarded, connection.was_written(*forwarded));
    forwarded->connection = nullptr;
  }
  bury(connection);
  schedule(backoff_.next_ms());
  if (!lost.empty()) {
    failed();
  }
  for (const auto& [forwarded, written] : lost) {
    owner_.on_lost(*this, *forwarded, written);
  }
}

void Endpoint::bury(BackendConnection& connection) {
  const auto found =
      std::ranges::find_if(connections_, [&](const auto& l) { return l.get() == &connection; });
  graveyard_.push_back(std::move(*found));
  connections_.erase(found);
  up_connections_ = static_cast<uint32_t>(
      std::ranges::count_if(connections_, [](const auto& l) { return l->up(); }));
  metrics_->in_flight.sub(connection.load());
  if (idle_ == &connection) {
    idle_ = nullptr;
  }
  dirty_ = true;
  show_state();
}

void Endpoint::give_up(ForwardedCall& forwarded) {
  forwarded.connection->give_up(forwarded, loop_.now_ms());
  failed();
}

void Endpoint::failed() {
  if (++failures_ < options_.eject_after || ejected_ || !owner_.can_spare(*this)) {
    return;
  }
  eject();
}

// Connections with nothing but given-up requests have no more use; the others go when their last
// answer has come or is given up (sweep).
void Endpoint::eject() {
  const uint64_t now_ms = loop_.now_ms();
  if (now_ms - ejected_at_ms_ > 2 * kEjectMaxMs) {
    ejections_ = 0;
  }
  ejected_at_ms_ = now_ms;
  ejected_ = true;
  reason_ = "it failed several times in a row";
  const uint64_t time_ms = std::min(kEjectMinMs << std::min(ejections_++, 5U), kEjectMaxMs);
  uv_timer_stop(timer_.get());
  schedule(time_ms);
  show_state();
}

// The real TCP server answers a connection's requests in turn: behind one that it never answers
// nothing more comes, so the connection is replaced. A ZeroMQ server has other workers: only the
// slot is freed.
bool Endpoint::sweep() {
  const uint64_t now_ms = loop_.now_ms();
  bool blocked = false;
  for (size_t i = 0; i < connections_.size();) {
    BackendConnection& connection = *connections_[i];
    const uint64_t since_ms = connection.oldest_given_up_ms();
    const bool overdue = since_ms != 0 && now_ms - since_ms >= options_.given_up_ms;
    if (overdue && options_.protocol == Protocol::zmq) {
      metrics_->in_flight.sub(connection.forget_given_up(now_ms - options_.given_up_ms));
    } else if (overdue && connection.live() == 0) {
      connection.fail("no answer for too long");
      continue;  // it is not in the list any more
    }
    blocked |= connection.oldest_given_up_ms() != 0;
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
  metrics_->connections.set(up_connections_);
  metrics_->up.set(available() && !retired_ ? 1 : 0);
  if (state_ != nullptr && settled_) {
    state_->set(available(), reason_);
  }
}

}  // namespace zerogate
