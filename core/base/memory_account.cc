#include "core/base/memory_account.h"

#include <algorithm>
#include <cassert>

namespace zerogate {

bool MemoryAccount::claim(Claimant& claimant, MemoryUse use, size_t bytes) {
  assert(claimant.claim_state == Claimant::State::none);
  claimant.claimed_for = use;
  claimant.claimed_bytes = bytes;
  Queue& queue = queue_of(claimant);
  if (queues_[kReplies].empty() && queue.empty() && fits(name_of(use), bytes)) {
    grant(claimant);
    return true;
  }
  claimant.claim_state = Claimant::State::waiting;
  queue.waiting.push_back(claimant);
  return false;
}

void MemoryAccount::release(Claimant& claimant) {
  Queue& queue = queue_of(claimant);
  if (claimant.claim_state == Claimant::State::granted) {
    --queue.granted;
    set(claimant.claimed_for, held(claimant.claimed_for) - claimant.claimed_bytes);
  } else if (claimant.claim_state == Claimant::State::waiting) {
    queue.first_since_ms = queue.waiting.front() == &claimant ? 0 : queue.first_since_ms;
    queue.waiting.remove(claimant);
  }
  claimant.claim_state = Claimant::State::none;
}

bool MemoryAccount::fits(QueueName name, size_t bytes) const {
  const size_t mark = name == kReplies ? limit_ / 4 * 3 : limit_ / 2;
  return total_ + bytes <= mark || (queues_[name].granted == 0 && total_ + bytes <= limit_);
}

void MemoryAccount::grant(Claimant& claimant) {
  claimant.claim_state = Claimant::State::granted;
  ++queue_of(claimant).granted;
  add(claimant.claimed_for, claimant.claimed_bytes);
}

void MemoryAccount::serve(uint64_t now_ms) {
  serve(kReplies, 0, now_ms);
  serve(kClients, queues_[kReplies].granted, now_ms);
}

void MemoryAccount::serve(QueueName name, size_t granted_before, uint64_t now_ms) {
  Queue& queue = queues_[name];
  while (Claimant* const first = queue.waiting.front()) {
    if (queue.first_since_ms == 0) {
      queue.first_since_ms = std::max<uint64_t>(now_ms, 1);
    }
    const bool patient =
        granted_before + queue.granted != 0 || now_ms - queue.first_since_ms < kPatienceMs;
    if (patient && !fits(name, first->claimed_bytes)) {
      return;
    }
    queue.waiting.remove(*first);
    queue.first_since_ms = 0;
    grant(*first);
    first->on_memory();
  }
}

}  // namespace zerogate
