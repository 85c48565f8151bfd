// Counts how often things happen, each against the same rate, in a table of fixed size.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace zerogate {

/// What may happen how often.
struct Allowance {
  uint64_t interval_ns = 0;  ///< between two events, on the average
  uint64_t burst_ns = 0;     ///< events that may come at once, times interval_ns
};

/// The generic cell rate algorithm: of each key the table remembers one moment, at which all that
/// has happened would have happened at the allowed rate. Once that is past, the entry says nothing
/// any more and another key may have it, so that only keys which are busy now take room.
///
/// Any thread, without locks. Two threads that meet a new key at the same time may give it two
/// entries, when a place becomes free between their looks, and a key that gets an entry of another
/// one may inherit its last event: either is off by a burst, once.
class GcraTable {
 public:
  /// Keys that can be busy at a time: 1 MiB.
  static constexpr size_t kSlots = 1 << 16;
  /// Places where one key may be: two cache lines.
  static constexpr size_t kWays = 8;

  enum class Verdict : uint8_t {
    allowed,
    refused,
    untracked,  ///< no room: every place of the key is busy with others
  };
  struct Taken {
    Verdict verdict;
    uint64_t wait_ns = 0;  ///< when refused: until the event would be allowed
  };

  GcraTable() : sets_(new Set[kSlots / kWays]) {}

  /// An event of `key`, which is a good hash, at this time. A refused one is not counted.
  Taken take(uint64_t key, uint64_t now_ns, const Allowance& allowance);
  /// How long an event would have to wait; 0: take() would not refuse it now. Changes nothing.
  uint64_t wait_of(uint64_t key, uint64_t now_ns, const Allowance& allowance) const;
  /// Undoes a take() that was allowed a moment ago. A key that has got the entry since then gets an
  /// event more, and an entry that another key has is left alone.
  void give_back(uint64_t key, const Allowance& allowance);

 private:
  struct Slot {
    std::atomic<uint64_t> key = 0;
    std::atomic<uint64_t> due_ns = 0;  ///< the moment that is remembered
  };
  using Set = std::array<Slot, kWays>;

  Set& set_of(uint64_t key) const { return sets_[key % (kSlots / kWays)]; }
  /// Null when the key has none.
  static Slot* find(Set& set, uint64_t key);
  /// The key's slot, or an idle one that is now its own; null when there is no room.
  static Slot* find_or_claim(Set& set, uint64_t key, uint64_t now_ns);

  const std::unique_ptr<Set[]> sets_;
};

}  // namespace zerogate
