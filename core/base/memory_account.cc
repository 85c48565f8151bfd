#include "core/base/memory_account.h"

#include <algorithm>
#include <cassert>

namespace zerogate {

bool MemoryAccount::claim(Claimant& claimant, MemoryUse use, size_t bytes) {
  assert(claimant.claim_state == Claimant::State::none);
  claimant.claimed_for = use;
  claimant.claimed_bytes = bytes;
  if (queue_.empty() && fits(bytes)) {
    grant(claimant);
    return true;
  }
  claimant.claim_state = Claimant::State::waiting;
  queue_.push_back(claimant);
  return false;
}

void MemoryAccount::release(Claimant& claimant) {
  if (claimant.claim_state == Claimant::State::granted) {
    --granted_;
    set(claimant.claimed_for, held(claimant.claimed_for) - claimant.claimed_bytes);
  } else if (claimant.claim_state == Claimant::State::waiting) {
    first_since_ms_ = queue_.front() == &claimant ? 0 : first_since_ms_;
    queue_.remove(claimant);
  }
  claimant.claim_state = Claimant::State::none;
}

void MemoryAccount::grant(Claimant& claimant) {
  claimant.claim_state = Claimant::State::granted;
  ++granted_;
  add(claimant.claimed_for, claimant.claimed_bytes);
}

void MemoryAccount::serve(uint64_t now_ms) {
  while (Claimant* const first = queue_.front()) {
    if (first_since_ms_ == 0) {
      first_since_ms_ = std::max<uint64_t>(now_ms, 1);
    }
    const bool patient = granted_ != 0 || now_ms - first_since_ms_ < kPatienceMs;
    if (patient && !fits(first->claimed_bytes)) {
      return;
    }
    queue_.remove(*first);
    first_since_ms_ = 0;
    grant(*first);
    first->on_memory();
  }
}

}  // namespace zerogate
