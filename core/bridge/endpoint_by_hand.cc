// What an operator does to an endpoint: disable, drain, enable, clear.
#include <utility>

#include "core/bridge/endpoint.h"

namespace zerogate {
void Endpoint::set_order(const HandOrder& order) {
  if (order == order_ || retired_) {
    return;
  }
  const bool was_out = by_hand();
  order_ = order;
  hand_reason_ = in_words(order);
  if (by_hand() && !was_out) {
    take_out();
  }
  if (order.state == HandState::disabled) {
    close_all();
  } else if (order.state == HandState::drain) {
    drain_all();
  } else {
    put_back();
  }
  look_whether_settled();
  show_state();
  owner_.on_availability(*this);
}

// Nothing is sent here from now on, also not by what the closing of connections makes others do.
void Endpoint::take_out() {
  context_.outliers.leave(member_);
  timer_.stop();
  state_ = State::down;
  capacity_.set_limit(0);
}

void Endpoint::put_back() {
  context_.outliers.join(member_);
  reason_ = "not connected yet";
  backoff_.reset();
  take_back_draining();
  maintain();
  capacity_.set_limit(limit());
}

void Endpoint::close_all() {
  for (Connections* const list : {&connections_, &draining_}) {
    while (!list->empty()) {
      list->back()->fail(hand_reason_);
    }
  }
}

void Endpoint::drain_all() {
  for (size_t i = connections_.size(); i-- > 0;) {
    drain(*connections_[i]);
  }
}

// What was still under way when the endpoint was drained goes on as if nothing had been. A
// connection on which a call was given up has to end: behind that call a TCP server answers none.
void Endpoint::take_back_draining() {
  for (size_t i = draining_.size(); i-- > 0;) {
    if (draining_[i]->load() != draining_[i]->live()) {
      continue;
    }
    connections_.push_back(std::move(draining_[i]));
    draining_.erase(draining_.begin() + static_cast<std::ptrdiff_t>(i));
    for (uint32_t call = connections_.back()->load(); call > 0; --call) {
      capacity_.take();
    }
    if (options_.adaptive) {
      levels_.enter(connections_.back()->load());
    }
    ++up_;
  }
  if (up_ > 0) {
    become(State::up);
  }
}

// Of one that takes no calls by hand no timer runs.
void Endpoint::clear() {
  context_.outliers.forgive(member_);
  backoff_.reset();
  if (timer_.active()) {
    timer_.stop();
    on_timer();
  }
}

}  // namespace zerogate
