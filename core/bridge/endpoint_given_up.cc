// What an endpoint does about calls that were given up: their servers may still work on them.
#include "core/bridge/endpoint.h"

namespace zerogate {

// The real TCP server works on one request of a connection at a time: behind one that it does not
// answer nothing comes. A ZeroMQ server has other workers, and only this call's slot is taken; when
// a call that was sent after it has been answered, not even that. So it is with a gateway, but for
// the slot: it counts the call among those that a connection may have until it has ended there.
bool Endpoint::give_up(ForwardedCall& call) {
  BackendConnection& connection = *call.connection;
  const Use before = use();
  const bool alive = member_.answered_since(call.sent_ns);
  const auto aside_ms =
      !takes_calls()
          ? std::nullopt
          : context_.outliers.timed_out(member_, call.sent_ns, owner_.can_spare(*this), now_ns());
  connection.give_up(call, context_.timers.now_ms());
  if (call.service_time != nullptr) {
    call.service_time->add(now_ns() - call.sent_ns);
  }
  bool keeps_slot = false;
  const bool tcp = options_.protocol == Protocol::tcp;
  const bool at_once = options_.adaptive && out_of_order_ && connection.out_of_order();
  const bool has_others = !tcp || (alive && at_once);
  if (!has_others || is_draining(connection)) {
    // A server that stands still accepts connections and answers nothing. While another endpoint
    // serves, it has to answer something before it is sent more: the connection that is opened in
    // this one's place asks.
    if (tcp && !alive && state_ == State::up && owner_.can_spare(*this)) {
      become(State::probing);
      reason_ = "it has answered nothing for as long as a call may take";
    }
    drain(connection);
  } else {
    have_been_freed(connection, tcp ? 0 : connection.forget_overtaken());
    keeps_slot = connection.load() != connection.live();
  }
  if (aside_ms) {
    set_aside(*aside_ms);
  } else if (state_ == State::probing && connection.up() && connection.live() == 0) {
    // No call will ask it: the new one's `connect` does. What has come since the call was sent may
    // be older than the reason why the endpoint is probed.
    replace(connection);
    keeps_slot = false;
  }
  maintain();
  show_state();
  if (use() < before) {
    owner_.on_availability(*this);
  }
  leave_if_done();
  return keeps_slot;
}

// What a peer does not read stays in libzmq's memory: were it only forgotten, it would grow there
// with every call that is sent behind it.
bool Endpoint::sweep(uint64_t until_ms) {
  bool taken = false;
  for (size_t i = connections_.size(); i-- > 0;) {
    BackendConnection& connection = *connections_[i];
    if (connection.overdue(until_ms) && !connection.peer_reads()) {
      connection.fail("it does not read what it is sent");
      continue;
    }
    have_been_freed(connection, connection.forget_given_up(until_ms));
    taken |= connection.load() != connection.live();
  }
  leave_if_done();
  return taken;
}

void Endpoint::have_been_freed(const BackendConnection& connection, uint32_t freed) {
  if (freed != 0) {
    metrics_->in_flight.sub(freed);
    for (uint32_t left = options_.adaptive ? freed : 0; left != 0; --left) {
      levels_.fall(connection.load() + left);
      metrics_->depth.set(levels_.deepest());
    }
    capacity_.give(freed);
  }
}

}  // namespace zerogate
