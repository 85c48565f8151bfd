// How the CURVE port takes leave of its clients.
#include "core/listener/zmq_listener.h"

namespace zerogate {

// Without its poll a request that waits does not wake the loop over and over.
void ZmqListener::leave() {
  poll_.reset();
  stop_accepting();
  // Newcomers are the other workers' while these are there.
  (void)member_.tell(AcceptBalancer::kFull);
}

void ZmqListener::refuse_waiting() {
  gathering_ = true;
  for (int budget = kLastMessages; budget > 0 && receive_one(); --budget) {
  }
  gathering_ = false;
  for (const auto& [path, body] : std::exchange(gathered_, {})) {
    if (ZmqPeers::Peer* peer = peers_.find(path.caller)) {
      ++peer->in_flight;
      deliver(path, body, BodyKind::error);
    }
  }
}

// The worker's loop may go on for other ports' sake: a request that still came in here would have
// no answer.
void ZmqListener::finish() {
  refuse_waiting();
  for (Timer* timer : {&look_timer_, &blocks_timer_, &readers_timer_, &silence_timer_,
                       &stall_timer_, &tell_timer_}) {
    timer->stop();
  }
  poll_.reset();
  monitor_.reset();
  set_option(router_, ZMQ_LINGER, options_.linger_ms);
  router_.reset();
}

}  // namespace zerogate
