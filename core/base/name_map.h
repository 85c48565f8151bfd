// A map from names to values for one look-up per call.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/word.h"

namespace zerogate {

/// Open addressing, and a hash of a name's first and last eight bytes and its length: a dozen
/// instructions, where std::unordered_map takes a hundred. A peer that chooses names can make them
/// collide, so the owner bounds their number. Names are never removed. One thread.
template <class Value>
class NameMap {
 public:
  size_t size() const { return size_; }

  /// Adds the name, or replaces its value.
  void set(ByteView name, Value value) {
    if ((size_ + 1) * 2 > slots_.size()) {
      grow();
    }
    const Key key(name);
    Slot& slot = slots_[place(key, name)];
    if (!slot.value) {
      ++size_;
      slot.name = name;
      slot.key = key;
    }
    slot.value = std::move(value);
  }

  /// Calls `visit(name, value)` for each, in no order.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const Slot& slot : slots_) {
      if (slot.value) {
        visit(ByteView(slot.name), *slot.value);
      }
    }
  }

  /// Null when the name is not there. Valid until the next set().
  const Value* find(ByteView name) const {
    if (slots_.empty()) {
      return nullptr;
    }
    const Slot& slot = slots_[place(Key(name), name)];
    return slot.value ? &*slot.value : nullptr;
  }

 private:
  static constexpr size_t kFirstCapacity = 16;

  /// Tells names of up to 16 bytes apart by itself.
  struct Key {
    Key() = default;
    explicit Key(ByteView name) : size(name.size()) {
      if (size < sizeof head) {
        head = load_short(name);
      } else {
        head = load_word(name.data());
        tail = load_word(name.data() + size - sizeof tail);
      }
    }
    bool operator==(const Key&) const = default;
    uint64_t head = 0;
    uint64_t tail = 0;
    size_t size = 0;
  };
  struct Slot {
    Key key;
    std::optional<Value> value;  ///< none: the slot is free
    std::string name;
  };

  /// The name's slot, or the free one where it belongs. There is always a free one.
  size_t place(const Key& key, ByteView name) const {
    // The multipliers are odd and of no meaning: they spread bits upwards, hence the shift.
    const uint64_t mixed =
        (key.head * 0x9e3779b97f4a7c15) ^ (key.tail * 0xc2b2ae3d27d4eb4f) ^ key.size;
    size_t index = (mixed ^ mixed >> 32) & (slots_.size() - 1);
    while (slots_[index].value) {
      const Slot& slot = slots_[index];
      if (slot.key == key && (key.size <= 2 * sizeof key.head || slot.name == name)) {
        break;
      }
      index = (index + 1) & (slots_.size() - 1);
    }
    return index;
  }

  void grow() {
    std::vector<Slot> old(slots_.empty() ? kFirstCapacity : slots_.size() * 2);
    old.swap(slots_);
    for (Slot& slot : old) {
      if (slot.value) {
        slots_[place(slot.key, slot.name)] = std::move(slot);
      }
    }
  }

  std::vector<Slot> slots_;  ///< a power of two, at most half of them taken
  size_t size_ = 0;
};

}  // namespace zerogate
