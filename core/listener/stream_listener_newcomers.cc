// What becomes of newcomers that wait at the connection limit.
#include "core/listener/stream_listener.h"

namespace zerogate {

void StreamListener::hold_back() {
  held_back_ = true;
  metrics_.count(Rejected::limit);
  room_->set(false, "new connections wait");
  watch_others();
}

// No other worker says that it has room now.
void StreamListener::watch_others() {
  if (member_.balancer != nullptr) {
    held_timer_.start(kHeldAgainMs);
  }
}

void StreamListener::accept_held_back() {
  if (!held_back_ || accept_ == nullptr) {
    return;
  }
  const bool room = !full();
  if (!room &&
      (member_.balancer == nullptr || member_.balancer->taker(member_.index) == member_.index)) {
    return watch_others();
  }
  held_back_ = false;
  if (room) {
    room_->set(true);
  }
  on_connection(0);
}

}  // namespace zerogate
