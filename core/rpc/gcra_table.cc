#include "core/rpc/gcra_table.h"

#include <algorithm>

namespace zerogate {
namespace {

/// How much more than the burst an event would be that makes `next_ns` the key's moment.
uint64_t gcra_wait(uint64_t next_ns, uint64_t now_ns, const Allowance& allowance) {
  const uint64_t ahead_ns = next_ns - now_ns;
  return ahead_ns > allowance.burst_ns ? ahead_ns - allowance.burst_ns : 0;
}

}  // namespace

GcraTable::Slot* GcraTable::find(Set& set, uint64_t key) {
  const auto is_its_own = [key](const Slot& slot) {
    return slot.key.load(std::memory_order_relaxed) == key;
  };
  Slot* const found = std::ranges::find_if(set, is_its_own);
  return found != set.end() ? found : nullptr;
}

GcraTable::Slot* GcraTable::find_or_claim(Set& set, uint64_t key, uint64_t now_ns) {
  if (Slot* const own = find(set, key); own != nullptr) {
    return own;
  }
  for (Slot& slot : set) {
    const bool idle = slot.due_ns.load(std::memory_order_acquire) <= now_ns;
    uint64_t other = slot.key.load(std::memory_order_relaxed);
    if (idle && slot.key.compare_exchange_strong(other, key, std::memory_order_relaxed)) {
      return &slot;
    }
    if (other == key) {
      return &slot;  // another thread has just claimed it for the same key
    }
  }
  return nullptr;
}

GcraTable::Taken GcraTable::take(uint64_t key, uint64_t now_ns, const Allowance& allowance) {
  Slot* const slot = find_or_claim(set_of(key), key, now_ns);
  if (slot == nullptr) {
    return {Verdict::untracked};
  }
  uint64_t due_ns = slot->due_ns.load(std::memory_order_relaxed);
  for (;;) {
    const uint64_t next_ns = std::max(due_ns, now_ns) + allowance.interval_ns;
    if (const uint64_t wait_ns = gcra_wait(next_ns, now_ns, allowance); wait_ns > 0) {
      return {Verdict::refused, wait_ns};
    }
    // Who sees that the place is busy sees whose it is, too.
    if (slot->due_ns.compare_exchange_weak(due_ns, next_ns, std::memory_order_release,
                                           std::memory_order_relaxed)) {
      return {Verdict::allowed};
    }
  }
}

uint64_t GcraTable::wait_of(uint64_t key, uint64_t now_ns, const Allowance& allowance) const {
  const Slot* const slot = find(set_of(key), key);
  const uint64_t due_ns = slot != nullptr ? slot->due_ns.load(std::memory_order_relaxed) : 0;
  return gcra_wait(std::max(due_ns, now_ns) + allowance.interval_ns, now_ns, allowance);
}

void GcraTable::give_back(uint64_t key, const Allowance& allowance) {
  Slot* const slot = find(set_of(key), key);
  if (slot == nullptr) {
    return;
  }
  uint64_t due_ns = slot->due_ns.load(std::memory_order_relaxed);
  while (due_ns >= allowance.interval_ns &&
         !slot->due_ns.compare_exchange_weak(due_ns, due_ns - allowance.interval_ns,
                                             std::memory_order_relaxed)) {
  }
}

}  // namespace zerogate
