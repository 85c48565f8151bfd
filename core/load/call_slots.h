// The calls that one connection of a load has in flight.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace zerogate {

/// When a call began. Nanoseconds of uv_hrtime().
struct CallTimes {
  uint64_t intended_ns = 0;  ///< its latency is measured from here
  uint64_t sent_ns = 0;      ///< 0 until it is handed to the system
};

/// A fixed number of places. The id on the wire is the place and a sequence number, so an answer
/// that comes twice or late no longer matches. Nothing is allocated per call. Loop thread only.
class CallSlots {
 public:
  static constexpr uint32_t kSlotBits = 14;
  static constexpr uint32_t kMaxDepth = 10'000;  ///< below 2^14, so that no id is UINT32_MAX
  static_assert(kMaxDepth < (1U << kSlotBits));

  explicit CallSlots(uint32_t depth) : slots_(depth) { reset(); }

  bool full() const { return free_.empty(); }
  uint32_t in_flight() const { return static_cast<uint32_t>(slots_.size() - free_.size()); }
  uint32_t depth() const { return static_cast<uint32_t>(slots_.size()); }

  /// Takes a place for a call that is meant to begin at `intended_ns` (0: when it is sent) and
  /// returns its id. Not when full().
  uint32_t begin(uint64_t intended_ns) {
    const uint32_t place = free_.back();
    free_.pop_back();
    Slot& slot = slots_[place];
    slot.id += 1U << kSlotBits;
    slot.begun = true;
    slot.times = {intended_ns, 0};
    unsent_.push_back(place);
    return slot.id;
  }

  /// Everything begun since the last time is being sent at `now_ns`; `each` gets its CallTimes.
  template <class Each>
  void sent(uint64_t now_ns, Each each) {
    for (const uint32_t place : unsent_) {
      CallTimes& times = slots_[place].times;
      times.sent_ns = now_ns;
      if (times.intended_ns == 0) {
        times.intended_ns = now_ns;
      }
      each(times);
    }
    unsent_.clear();
  }

  /// Ends the call with this id and frees its place; empty when no such call has been sent.
  std::optional<CallTimes> end(uint32_t id) {
    const uint32_t place = id & ((1U << kSlotBits) - 1);
    if (place >= slots_.size()) {
      return std::nullopt;
    }
    Slot& slot = slots_[place];
    if (slot.id != id || slot.times.sent_ns == 0) {
      return std::nullopt;
    }
    const CallTimes times = slot.times;
    slot.begun = false;
    slot.times = {};
    free_.push_back(place);
    return times;
  }

  /// Visits the calls in flight, those that are not sent yet included.
  template <class Each>
  void for_each(Each each) const {
    for (const Slot& slot : slots_) {
      if (slot.begun) {
        each(slot.times);
      }
    }
  }

  /// Forgets all calls. Sequence numbers go on.
  void reset() {
    unsent_.clear();
    free_.clear();
    for (uint32_t place = depth(); place > 0; --place) {
      Slot& slot = slots_[place - 1];
      slot.id = (slot.id & ~((1U << kSlotBits) - 1)) | (place - 1);
      slot.begun = false;
      slot.times = {};
      free_.push_back(place - 1);
    }
  }

 private:
  struct Slot {
    uint32_t id = 0;
    bool begun = false;
    CallTimes times;
  };
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;
  std::vector<uint32_t> unsent_;  ///< places begun since the last sent()
};

}  // namespace zerogate
