#include "core/bridge/backend_connection.h"

#include <algorithm>
#include <cassert>

namespace zerogate {

uint32_t BackendConnection::take_slot(ForwardedCall& forwarded) {
  assert(up());
  uint32_t index = static_cast<uint32_t>(slots_.size());
  if (free_.empty()) {
    assert(index < kMaxSlots - 1);
    slots_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  Slot& slot = slots_[index];
  slot.forwarded = &forwarded;
  slot.taken = true;
  forwarded.slot = index;
  ++load_;
  return slot.generation << kSlotBits | index;
}

void BackendConnection::complete(uint32_t id, ByteView body) {
  const uint32_t index = id & (kMaxSlots - 1);
  if (index >= slots_.size()) {
    return;
  }
  Slot& slot = slots_[index];
  if (!slot.taken || slot.generation << kSlotBits != (id ^ index)) {
    return;
  }
  ForwardedCall* forwarded = slot.forwarded;
  release(index);
  if (forwarded == nullptr) {
    owner_.on_late_reply(*this);
  } else {
    owner_.on_reply(*this, *forwarded, body);
  }
}

void BackendConnection::release(uint32_t index) {
  Slot& slot = slots_[index];
  if (slot.given_up_ms != 0) {
    --given_up_;
  }
  slot.forwarded = nullptr;
  slot.taken = false;
  slot.given_up_ms = 0;
  slot.generation = std::max((slot.generation + 1) & (UINT32_MAX >> kSlotBits), 1U);
  free_.push_back(index);
  --load_;
}

uint32_t BackendConnection::forget_given_up(uint64_t until_ms) {
  uint32_t forgotten = 0;
  for (uint32_t index = 0; index < slots_.size(); ++index) {
    const uint64_t given_up_ms = slots_[index].given_up_ms;
    if (given_up_ms == 0 || given_up_ms > until_ms) {
      continue;
    }
    release(index);
    ++forgotten;
  }
  return forgotten;
}

void BackendConnection::give_up(ForwardedCall& forwarded, uint64_t now_ms) {
  Slot& slot = slots_[forwarded.slot];
  assert(slot.forwarded == &forwarded);
  slot.forwarded = nullptr;
  slot.given_up_ms = std::max<uint64_t>(now_ms, 1);
  ++given_up_;
  forwarded.connection = nullptr;
}

uint64_t BackendConnection::oldest_given_up_ms() const {
  uint64_t oldest = 0;
  for (const Slot& slot : slots_) {
    if (slot.given_up_ms != 0 && (oldest == 0 || slot.given_up_ms < oldest)) {
      oldest = slot.given_up_ms;
    }
  }
  return oldest;
}

std::vector<ForwardedCall*> BackendConnection::take_all() {
  std::vector<ForwardedCall*> taken;
  for (Slot& slot : slots_) {
    if (slot.forwarded == nullptr) {
      continue;
    }
    taken.push_back(slot.forwarded);
    slot.forwarded = nullptr;
  }
  return taken;
}

void BackendConnection::came_up() {
  if (state_ != State::connecting) {
    return;
  }
  state_ = State::up;
  owner_.on_up(*this);
}

void BackendConnection::went_down(std::string_view reason) {
  if (state_ == State::down) {
    return;
  }
  state_ = State::down;
  owner_.on_down(*this, reason);
}

}  // namespace zerogate
