#include "core/listener/memory_keeper.h"

#include <algorithm>

namespace zerogate {

void MemoryKeeper::keep(const Listeners& listeners, uint64_t now_ms) {
  while (memory_.over() && (end_slowest(listeners) || end_largest(listeners))) {
  }
  memory_.serve(now_ms);
  if (memory_.waiting() && now_ms - judged_ms_ >= kJudgeMs) {
    judged_ms_ = now_ms;
    while (memory_.waiting() && end_slowest(listeners) && !memory_.serve(now_ms)) {
    }
  }
  if (memory_.waiting() && !look_again_.active()) {
    look_again_.start(kLookMs);
  }
}

bool MemoryKeeper::end_slowest(const Listeners& listeners) {
  const auto worst = std::ranges::min_element(
      listeners, {}, [](const auto& listener) { return listener->slowest_pace(); });
  if (worst == listeners.end() || (*worst)->slowest_pace() >= kSlowPace) {
    return false;
  }
  (*worst)->end_slowest();
  return true;
}

bool MemoryKeeper::end_largest(const Listeners& listeners) {
  const auto worst = std::ranges::max_element(
      listeners, {}, [](const auto& listener) { return listener->largest_hoard(); });
  return worst != listeners.end() && (*worst)->largest_hoard() >= kLeastHoard &&
         (*worst)->end_largest();
}

}  // namespace zerogate
