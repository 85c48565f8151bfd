#include "core/listener/memory_keeper.h"

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

// Each listener is asked once: it looks at all of its connections.
bool MemoryKeeper::end_slowest(const Listeners& listeners) {
  Listener* worst = nullptr;
  double least = kSlowPace;
  for (const auto& listener : listeners) {
    if (const double pace = listener->slowest_pace(); pace < least) {
      least = pace;
      worst = listener.get();
    }
  }
  if (worst != nullptr) {
    worst->end_slowest();
  }
  return worst != nullptr;
}

bool MemoryKeeper::end_largest(const Listeners& listeners) {
  Listener* worst = nullptr;
  size_t most = 0;
  for (const auto& listener : listeners) {
    if (const size_t hoard = listener->largest_hoard(); hoard >= kLeastHoard && hoard > most) {
      most = hoard;
      worst = listener.get();
    }
  }
  return worst != nullptr && worst->end_largest();
}

}  // namespace zerogate
