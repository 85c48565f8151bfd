// What an endpoint tells of its state: to the metrics, to the log, and to those that wait for it.
#include "core/bridge/endpoint.h"

namespace zerogate {

void Endpoint::look_whether_settled() {
  settled_ |= state_ == State::up ? attempts_ended_ >= wanted_connections() : connections_.empty();
}

// Of a name's addresses some may never answer, as ::1 of a server that listens on IPv4 only. While
// another of them serves, that is no fault, and nothing says so.
void Endpoint::show_state() {
  const bool excused = one_of_a_name_ && !was_up_ && owner_.can_spare(*this);
  metrics_->hidden.set(excused ? 1 : 0);
  metrics_->connections.set(up_ + draining_.size());
  metrics_->up.set(available() ? 1 : 0);
  metrics_->disabled.set(by_hand() ? 1 : 0);
  metrics_->status.set(shown_state(), available() ? "" : reason(),
                       by_hand() ? order_.since_ns : now_ns());
  if (!settled_ && !available()) {
    return;
  }
  if (state_report_ != nullptr && !excused) {
    state_report_->set(available(), reason());
  }
}

EndpointState Endpoint::shown_state() const {
  if (by_hand()) {
    return order_.state == HandState::drain ? EndpointState::drain : EndpointState::disabled;
  }
  switch (state_) {
    case State::up:
      return EndpointState::up;
    case State::probing:
      return EndpointState::probing;
    case State::aside:
      return EndpointState::ejected;
    case State::down:
      break;
  }
  return EndpointState::down;
}

}  // namespace zerogate
