#include "core/bridge/deadline_queue.h"

#include <algorithm>

namespace zerogate {

// The timer is not moved when its call is answered: it fires, finds a later call and waits for
// that.
void DeadlineQueue::arm(uint64_t deadline_ms) {
  armed_ms_ = deadline_ms;
  timer_.start_at(deadline_ms);
}

void DeadlineQueue::run() {
  armed_ms_ = UINT64_MAX;
  const uint64_t now_ms = timers_.now_ms();
  uint64_t next_ms = UINT64_MAX;
  for (auto& [timeout_ms, list] : lists_) {
    while (!list.empty() && list.front()->deadline_ms <= now_ms) {
      on_due_(*list.front());
    }
    if (!list.empty()) {
      next_ms = std::min(next_ms, list.front()->deadline_ms);
    }
  }
  if (next_ms < armed_ms_) {
    arm(next_ms);
  }
}

}  // namespace zerogate
