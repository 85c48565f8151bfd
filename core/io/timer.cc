#include "core/io/timer.h"

#include <algorithm>

namespace zerogate {

uint64_t TimerQueue::next_ms() const {
  return due_.empty() ? UINT64_MAX : std::max(due_.begin()->first, held_ms_);
}

void TimerQueue::run_due() {
  if (due_.empty()) {
    held_ms_ = 0;
    return;
  }
  const uint64_t now_ms = clock_.now_ms();
  if (held_ms_ == 0 && due_.begin()->first + kLateMs < now_ms) {
    held_ms_ = now_ms + kGraceMs;
  }
  if (now_ms < held_ms_) {
    return;
  }
  held_ms_ = 0;
  while (!due_.empty() && due_.begin()->first <= now_ms) {
    Timer& timer = *due_.begin()->second;
    timer.stop();
    // A copy: the function may destroy the timer that owns it.
    const std::function<void()> on_due = timer.on_due_;
    on_due();
  }
}

void Timer::start_at(uint64_t due_ms) {
  // One that is started while timers are run must not run among them.
  const uint64_t earliest_ms = queue_.now_ms() + 1;
  stop();
  place_ = queue_.due_.emplace(std::max(due_ms, earliest_ms), this);
}

void Timer::stop() {
  if (active()) {
    queue_.due_.erase(place_);
    place_ = queue_.due_.end();
  }
}

}  // namespace zerogate
