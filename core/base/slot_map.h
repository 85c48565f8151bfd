// Values in numbered slots, found by keys that no longer match once their value has been released.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace zerogate {

/// A slot and the generation of its value: a later value in the same slot has another generation.
struct SlotKey {
  uint32_t slot = 0;
  uint32_t generation = 0;
  bool operator==(const SlotKey&) const = default;
};

/// Slots are reused, the one released last first. A value keeps its memory across a release: take()
/// returns a slot with the value as its last user left it. A generation is never 0, so a key that
/// was never set finds nothing; it has `kGenerationBits` bits and then begins at 1 again. Memory
/// grows with the most slots that were taken at once. A pointer to a value is valid until the next
/// take(). One thread.
///
/// CallTable and ZmqPeers keep tables of their own: they are asked for every call, and this one
/// costs 3 % more there.
template <class Value, unsigned kGenerationBits = 32>
class SlotMap {
 public:
  static constexpr uint32_t kMaxGeneration = UINT32_MAX >> (32 - kGenerationBits);

  /// How many slots are taken.
  uint32_t size() const { return size_; }
  /// How many there are, taken or not; every key's slot is below.
  uint32_t slots() const { return static_cast<uint32_t>(slots_.size()); }

  SlotKey take() {
    if (free_ == kNone) {
      free_ = slots();
      slots_.emplace_back();
      slots_.back().next_free = kNone;
    }
    const uint32_t slot = free_;
    free_ = std::exchange(slots_[slot].next_free, kTaken);
    ++size_;
    return {slot, slots_[slot].generation};
  }

  /// Null when its value has been released. The key may hold any numbers: a peer may have made them
  /// up.
  Value* find(SlotKey key) {
    if (key.slot >= slots_.size()) {
      return nullptr;
    }
    Slot& slot = slots_[key.slot];
    return slot.generation == key.generation && slot.next_free == kTaken ? &slot.value : nullptr;
  }
  const Value* find(SlotKey key) const { return const_cast<SlotMap*>(this)->find(key); }

  /// The value in a slot that is known to be taken.
  Value& operator[](uint32_t slot) { return slots_[slot].value; }
  const Value& operator[](uint32_t slot) const { return slots_[slot].value; }
  uint32_t generation(uint32_t slot) const { return slots_[slot].generation; }

  /// Only of a slot that is taken.
  void release(uint32_t index) {
    Slot& slot = slots_[index];
    assert(slot.next_free == kTaken);
    slot.generation = slot.generation == kMaxGeneration ? 1 : slot.generation + 1;
    slot.next_free = std::exchange(free_, index);
    --size_;
  }

  /// Calls `visit(slot, value)` for each slot that is taken. It may release that one, and no other.
  template <class Visit>
  void for_each(Visit visit) {
    for (uint32_t slot = 0; slot < slots_.size(); ++slot) {
      if (slots_[slot].next_free == kTaken) {
        visit(slot, slots_[slot].value);
      }
    }
  }
  template <class Visit>
  void for_each(Visit visit) const {
    for (uint32_t slot = 0; slot < slots_.size(); ++slot) {
      if (slots_[slot].next_free == kTaken) {
        visit(slot, slots_[slot].value);
      }
    }
  }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kTaken = UINT32_MAX - 1;
  struct Slot {
    Value value{};
    uint32_t generation = 1;
    uint32_t next_free = kTaken;  ///< kTaken, or the next free slot, or kNone
  };

  std::vector<Slot> slots_;
  uint32_t free_ = kNone;
  uint32_t size_ = 0;
};

}  // namespace zerogate
