#include "core/rpc/gcra_table.h"

#include <algorithm>

namespace zerogate {

GcraTable::Slot* GcraTable::find(Set& set, uint64_t key, uint64_t now_ns) {
  for (Slot& slot : set) {
    if (slot.key.load(std::memory_order_relaxed) == key) {
      return &slot;
    }
  }
  for (Slot& slot : set) {
    uint64_t other = slot.key.load(std::memory_order_relaxed);
    if (slot.due_ns.load(std::memory_order_relaxed) <= now_ns &&
        slot.key.compare_exchange_strong(other, key, std::memory_order_relaxed)) {
      return &slot;
    }
  }
  return nullptr;
}

GcraTable::Taken GcraTable::take(uint64_t key, uint64_t now_ns, const Allowance& allowance) {
  constexpr size_t kSets = kSlots / kWays;
  Slot* const slot = find(sets_[key % kSets], key, now_ns);
  if (slot == nullptr) {
    return {Verdict::untracked};
  }
  uint64_t due_ns = slot->due_ns.load(std::memory_order_relaxed);
  for (;;) {
    const uint64_t next_ns = std::max(due_ns, now_ns) + allowance.interval_ns;
    if (next_ns - now_ns > allowance.burst_ns) {
      return {Verdict::refused, next_ns - now_ns - allowance.burst_ns};
    }
    if (slot->due_ns.compare_exchange_weak(due_ns, next_ns, std::memory_order_relaxed)) {
      return {Verdict::allowed};
    }
  }
}

}  // namespace zerogate
