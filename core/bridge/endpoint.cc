#include "core/bridge/endpoint.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace zerogate {

Endpoint::Endpoint(const EndpointContext& context, Owner& owner, const EndpointOptions& options,
                   uint64_t seed, std::shared_ptr<EndpointMetrics> metrics,
                   std::unique_ptr<StateReporter> state, HandOrder order)
    : context_(context),
      owner_(owner),
      options_(options),
      metrics_(std::move(metrics)),
      state_report_(std::move(state)),
      capacity_(context.calls),
      levels_(options.adaptive ? kOutOfOrderInFlight : 0),
      timer_(context.timers, [this] { on_timer(); }),
      backoff_(kBackoffMinMs, kNeverUpBackoffMaxMs, seed),
      order_(std::move(order)),
      hand_reason_(in_words(order_)),
      settled_(by_hand()) {
  if (!by_hand()) {
    context_.outliers.join(member_);
  }
  maintain();
  show_state();
}

void Endpoint::open_connection() {
  BackendConnection::Owner& owner = *this;
  connections_.push_back(
      context_.maker.make(options_.protocol, options_.address, options_.connection, owner));
}

// One connection finds out whether Zero is served there; the rest follow when it has.
void Endpoint::maintain() {
  if (!takes_calls() || listing_ != Listing::listed || state_ == State::aside) {
    return;
  }
  const size_t there = connections_.size() + draining_.size();
  size_t wanted = wanted_connections();
  if (state_ == State::down || state_ == State::probing) {
    wanted = std::min<size_t>(wanted, up_ + draining_.size() + 1);
  }
  for (size_t i = there; i < wanted; ++i) {
    open_connection();
  }
}

void Endpoint::on_timer() {
  if (state_ == State::aside) {
    become(State::probing);
    show_state();
    // What is stuck there with nothing but given-up calls has no more use.
    for (size_t i = connections_.size(); i-- > 0;) {
      if (connections_[i]->up() && connections_[i]->live() == 0) {
        replace(*connections_[i]);
      }
    }
  }
  maintain();
}

// Many connections break at once when a server goes: that is one reason to wait, not many.
void Endpoint::retry_later() {
  if (!timer_.active()) {
    put_off_ = owner_.can_spare(*this);
    timer_.start(backoff_.next_ms(backoff_max_ms()));
  } else if (state_ == State::aside && !owner_.can_spare(*this)) {
    hurry();  // it takes the calls, now with a connection less
  }
}

// Not at once: all gateways that lose a server would come at the same instant. An endpoint that is
// aside with all of its connections stays so: they take the calls now, and it could open no other.
void Endpoint::hurry() {
  if (!put_off_ || !timer_.active()) {
    return;
  }
  if (state_ == State::aside) {
    if (up_ >= wanted_connections()) {
      return;
    }
    become(State::probing);
  }
  put_off_ = false;
  backoff_.reset();
  timer_.start(backoff_.next_ms());
}

uint32_t Endpoint::backoff_max_ms() const {
  if (!owner_.can_spare(*this)) {
    return kBackoffMaxMs;
  }
  return was_up_ ? kSparedBackoffMaxMs : kNeverUpBackoffMaxMs;
}

void Endpoint::mark_dirty() {
  if (!std::exchange(dirty_, true)) {
    owner_.on_dirty(*this);
  }
}

void Endpoint::flush() {
  dirty_ = false;
  // A connection that breaks here is buried, and its requests may go to another one.
  for (size_t i = 0; i < unsent_.size(); ++i) {
    unsent_[i]->flush();
  }
  unsent_.clear();
  graveyard_.clear();
}

void Endpoint::on_up(BackendConnection& connection) {
  ++attempts_ended_;
  ++up_;
  if (options_.adaptive) {
    levels_.enter(0);
  }
  if (connection.out_of_order()) {
    is_out_of_order();
  }
  reaches_gateway_ |= connection.reaches_gateway();
  was_up_ = true;
  connection.note_up(context_.timers.now_ms());
  if (state_ == State::down || state_ == State::probing) {
    come_up();
  } else {
    look_whether_settled();
    show_state();
  }
  capacity_.set_limit(limit());
}

void Endpoint::come_up() {
  become(State::up);
  maintain();
  look_whether_settled();
  show_state();
  owner_.on_availability(*this);
}

void Endpoint::on_reply(BackendConnection& connection, ForwardedCall& call, ByteView body) {
  metrics_->in_flight.sub();
  call.connection = nullptr;
  const bool draining = !draining_.empty() && is_draining(connection);
  if (options_.adaptive) {
    note_answer(connection, call, body.size(), draining);
  }
  answered(connection);
  context_.calls.on_reply(*this, call, body);
  if (draining) {
    if (connection.live() == 0) {
      replace(connection);
    }
    return;
  }
  idle_ = &connection;
  capacity_.give();
  leave_if_done();
}

void Endpoint::on_late_reply(BackendConnection& connection) {
  metrics_->in_flight.sub();
  const bool draining = !draining_.empty() && is_draining(connection);
  if (options_.adaptive && !draining) {
    has_fallen(connection);
    connection.work().answered_late(now_ns());
  }
  answered(connection);
  if (!draining) {
    capacity_.give();
  }
  leave_if_done();
}

// The endpoint lives. A ZeroMQ server that was stuck answers late or not at all what was given up:
// what was sent before the answered call is not waited for any more. What was sent after it may
// still be in the server's queue: were it forgotten, that queue would grow without a bound.
void Endpoint::answered(BackendConnection& connection) {
  context_.outliers.answered(member_, now_ns());
  if (state_ == State::probing) {
    come_up();
    capacity_.set_limit(limit());
  }
  if (options_.protocol == Protocol::zmq && connection.load() != connection.live() &&
      !is_draining(connection)) {
    connection.note_heard(context_.timers.now_ms());
    have_been_freed(connection, connection.forget_overtaken());
  }
}

void Endpoint::on_down(BackendConnection& connection, std::string_view reason) {
  if (replacing_) {
    return bury(connection);
  }
  ++attempts_ended_;
  reason_ = reason;
  if (connection.was_of_use(context_.timers.now_ms())) {
    backoff_.reset();
  }
  const Use before = use();
  const auto lost = take_lost(connection);
  bury(connection);
  if (connections_.empty() && state_ == State::up) {
    become(State::down);
  }
  if (!lost.empty() && takes_calls()) {
    if (const auto aside_ms = context_.outliers.broke(member_, owner_.can_spare(*this), now_ns())) {
      set_aside(*aside_ms);
    }
  }
  if (takes_calls()) {
    retry_later();
  }
  look_whether_settled();
  show_state();
  for (const auto& [call, loss] : lost) {
    context_.calls.on_lost(*this, *call, loss);
  }
  if (use() < before) {
    owner_.on_availability(*this);
  }
}

void Endpoint::bury(BackendConnection& connection) {
  metrics_->in_flight.sub(connection.load());
  if (const auto found = place_of(draining_, connection); found != draining_.end()) {
    graveyard_.push_back(std::move(*found));
    draining_.erase(found);
  } else {
    const auto place = place_of(connections_, connection);
    graveyard_.push_back(std::move(*place));
    connections_.erase(place);
    const auto up = static_cast<uint32_t>(
        std::ranges::count_if(connections_, [](const auto& c) { return c->up(); }));
    if (std::exchange(up_, up) != up) {
      has_left(connection);
    }
    out_of_order_ &= up != 0;
    reaches_gateway_ &= up != 0;
    capacity_.drop(connection.load(), limit());
  }
  if (idle_ == &connection) {
    idle_ = nullptr;
  }
  mark_dirty();
}

void Endpoint::drain(BackendConnection& connection) {
  if (connection.live() == 0) {
    return replace(connection);
  }
  if (is_draining(connection)) {
    return;
  }
  const auto place = place_of(connections_, connection);
  draining_.push_back(std::move(*place));
  connections_.erase(place);
  --up_;
  has_left(connection);
  if (idle_ == &connection) {
    idle_ = nullptr;
  }
  capacity_.drop(connection.load(), limit());
}

Endpoint::Connections::iterator Endpoint::place_of(Connections& list,
                                                   const BackendConnection& connection) {
  return std::ranges::find_if(list, [&](const auto& c) { return c.get() == &connection; });
}

bool Endpoint::is_draining(const BackendConnection& connection) {
  return place_of(draining_, connection) != draining_.end();
}

/// Ends a connection without a call that a client waits for, and opens another.
void Endpoint::replace(BackendConnection& connection) {
  replacing_ = true;
  connection.fail("it was replaced");
  replacing_ = false;
  maintain();
  show_state();
}

void Endpoint::set_aside(uint64_t for_ms) {
  become(State::aside);
  reason_ = "it failed several times in a row";
  put_off_ = true;
  timer_.start(for_ms);
}

void Endpoint::become(State state) {
  if (state == State::up) {
    if (member_.aside()) {
      context_.outliers.back(member_);
    }
    timer_.stop();
  }
  state_ = state;
}

bool Endpoint::busy() const {
  const auto loaded = [](const auto& connection) { return connection->load() != 0; };
  return std::ranges::any_of(connections_, loaded) || std::ranges::any_of(draining_, loaded);
}

void Endpoint::set_listing(Listing listing) {
  if (std::exchange(listing_, listing) != Listing::listed) {
    maintain();
  }
}

void Endpoint::retire() {
  if (takes_calls()) {
    context_.outliers.leave(member_);
  }
  retired_ = true;
  state_report_.reset();
  timer_.stop();
  show_state();
  capacity_.set_limit(0);
}

}  // namespace zerogate
