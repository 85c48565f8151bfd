#include "core/base/memory_account.h"

#include <algorithm>
#include <cassert>

namespace zerogate {

bool MemoryAccount::claim(Claimant& claimant, MemoryUse use, size_t bytes) {
  assert(claimant.claim_state == Claimant::State::none);
  claimant.claimed_for = use;
  claimant.claimed_bytes = bytes;
  const QueueName name = name_of(claimant);
  Queue& queue = queues_[name];
  if (queues_[kReplies].empty() && queue.empty() && fits(name, bytes)) {
    grant(claimant);
    return true;
  }
  claimant.claim_state = Claimant::State::waiting;
  queue.waiting.push_back(claimant);
  return false;
}

void MemoryAccount::release(Claimant& claimant) {
  Queue& queue = queues_[name_of(claimant)];
  if (claimant.claim_state == Claimant::State::granted) {
    --queue.granted;
    queue.bytes -= claimant.claimed_bytes;
    set(claimant.claimed_for, held(claimant.claimed_for) - claimant.claimed_bytes);
  } else if (claimant.claim_state == Claimant::State::waiting) {
    queue.first_since_ms = queue.waiting.front() == &claimant ? 0 : queue.first_since_ms;
    queue.waiting.remove(claimant);
  }
  claimant.claim_state = Claimant::State::none;
}

bool MemoryAccount::fits(QueueName name, size_t bytes) const {
  const Queue& queue = queues_[name];
  if (name == kSmall && large_is_due_) {
    return false;
  }
  // Not up to the limit: meanwhile other frames begin, and a reply is longer in the records of TLS.
  // Over the limit clients are ended.
  if (queue.granted == 0 && total_ + bytes <= limit_ - limit_ / kHeadroomPart) {
    return true;
  }
  const size_t soft_mark = limit_ / 2;
  switch (name) {
    case kReplies:
      return total_ + bytes <= limit_ / 4 * 3;
    case kLarge:
      return total_ + bytes <= soft_mark && queue.bytes + bytes <= soft_mark / 4 * 3;
    default:
      return total_ + bytes <= soft_mark;
  }
}

void MemoryAccount::grant(Claimant& claimant) {
  claimant.claim_state = Claimant::State::granted;
  Queue& queue = queues_[name_of(claimant)];
  ++queue.granted;
  queue.bytes += claimant.claimed_bytes;
  add(claimant.claimed_for, claimant.claimed_bytes);
}

// Large ones before small ones, which always have a part of their own. Where that large one does
// not fit although it is the only one, small ones would keep the memory from it for ever.
bool MemoryAccount::serve(uint64_t now_ms) {
  const Queue& large = queues_[kLarge];
  size_t granted = 0;
  bool any = false;
  for (const QueueName name : {kReplies, kLarge, kSmall}) {
    any |= serve(name, granted, now_ms);
    granted += queues_[name].granted;
    if (name == kLarge) {
      large_is_due_ =
          !large.empty() && large.granted == 0 && now_ms - large.first_since_ms >= kPatienceMs;
    }
  }
  return any;
}

bool MemoryAccount::serve(QueueName name, size_t granted_before, uint64_t now_ms) {
  Queue& queue = queues_[name];
  bool any = false;
  while (Claimant* const first = queue.waiting.front()) {
    if (queue.first_since_ms == 0) {
      queue.first_since_ms = std::max<uint64_t>(now_ms, 1);
    }
    const bool patient =
        granted_before + queue.granted != 0 || now_ms - queue.first_since_ms < kPatienceMs;
    if (patient && !fits(name, first->claimed_bytes)) {
      break;
    }
    queue.waiting.remove(*first);
    queue.first_since_ms = 0;
    grant(*first);
    first->on_memory();
    any = true;
  }
  return any;
}

}  // namespace zerogate
