#include "core/io/read_turns.h"

namespace zerogate {

void ReadTurns::wait(Waiter& waiter) {
  waiters_.push_back(waiter);
  uv_idle_start(next_turn_.get(),
                [](uv_idle_t* idle) { static_cast<ReadTurns*>(idle->data)->begin_turn(); });
}

void ReadTurns::begin_turn() {
  for (int left = kStreamsPerTurn; left > 0 && !waiters_.empty(); --left) {
    Waiter& next = *waiters_.front();
    waiters_.remove(next);
    next.take_turn();
  }
  if (waiters_.empty()) {
    uv_idle_stop(next_turn_.get());
  }
}

}  // namespace zerogate
