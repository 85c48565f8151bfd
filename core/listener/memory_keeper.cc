#include "core/listener/memory_keeper.h"

#include <algorithm>

namespace zerogate {

void MemoryKeeper::keep(const std::vector<std::unique_ptr<Listener>>& listeners, uint64_t now_ms) {
  while (memory_.over() && !listeners.empty()) {
    Listener& worst = **std::ranges::max_element(
        listeners, {}, [](const auto& listener) { return listener->largest_hoard(); });
    if (worst.largest_hoard() < kLeastHoard || !worst.end_largest()) {
      break;
    }
  }
  memory_.serve(now_ms);
  if (memory_.waiting() && !look_again_.active()) {
    look_again_.start(kLookMs);
  }
}

}  // namespace zerogate
