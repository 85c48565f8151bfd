// Decides which function names become label values. Clients choose the names, so only known ones
// do: those of the configuration, and those that a backend has answered successfully.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/metrics/histogram.h"
#include "core/metrics/outcome.h"

namespace zerogate {

/// Index of a function's label, below FunctionLabels::kLabels.
using FunctionLabel = uint32_t;

/// What all workers together had counted under a label when it changed hands: its next function
/// begins at 0 though the counters go on.
struct LabelBase {
  std::array<std::array<uint64_t, kOutcomeNames.size()>, kWireNames.size()> requests{};
  std::array<HistogramTotals, kProtocolNames.size()> durations{};
};

struct LiveLabel {
  FunctionLabel label = 0;
  std::string name;
  std::shared_ptr<const LabelBase> base;  ///< null: it counts from 0
};

/// The label set, one for all workers, which it outlives: up to kMaxNames. A name keeps its label
/// until it is forgotten, in two steps: after retire() find() does not know it any more; after
/// release(), which comes when no worker can be using it any longer, another name may have it. Any
/// thread may call any function; find() takes no lock.
class FunctionLabels {
 public:
  static constexpr size_t kMaxNames = 200;
  static constexpr size_t kMaxNameBytes = 80;  ///< the longest name that ZeroMQ's wires can carry
  static constexpr size_t kLabels = kMaxNames + 1;  ///< with `_other`, the last one

  /// Learns `names` in the given order: they get the labels 0, 1, ... as far as learn() takes them.
  explicit FunctionLabels(const std::vector<std::string>& names);
  FunctionLabels(const FunctionLabels&) = delete;
  FunctionLabels& operator=(const FunctionLabels&) = delete;

  /// Names that have a label.
  size_t known() const { return known_.load(std::memory_order_acquire); }
  /// They, and their labels, at one moment.
  std::vector<LiveLabel> live() const;
  /// The label of every name that is not known, spelled `_other`.
  static constexpr FunctionLabel other() { return kMaxNames; }
  /// Of one that find() or learn() gave, or other(). Valid until release().
  const std::string& name(FunctionLabel label) const { return names_[label]; }
  /// The same for a label that may have been released since: then whatever has it now, or nothing.
  std::string name_now(FunctionLabel label) const;

  /// Without locks or allocation: one hash of the name and, nearly always, one comparison.
  FunctionLabel find(std::string_view name) const;

  /// The label of `name`, a new one if need be. None when all are taken, or when `name` would make
  /// no good label: empty, longer than kMaxNameBytes, not printable UTF-8, or `_other`. The first
  /// name that finds all taken gets a warning in the log, once until one is released.
  std::optional<FunctionLabel> learn(std::string_view name);

  /// Of a live label.
  void retire(FunctionLabel label);
  /// Of a retired one. `base`: what was counted under it until now.
  void release(FunctionLabel label, std::shared_ptr<const LabelBase> base);

 private:
  enum class Use : uint8_t { free, live, retired };

  void tell_full(std::string_view name);
  void enter(FunctionLabel label);
  static constexpr size_t kSlots = 512;  ///< a power of two, at most 40 % full

  static constexpr uint16_t kGone = UINT16_MAX;  ///< the slot was taken: the search goes on

  static size_t slot_of(std::string_view name);

  /// A name is written before its number appears in slots_, and then only read until release().
  std::array<std::string, kLabels> names_;
  std::atomic<uint32_t> known_ = 0;
  std::atomic<uint32_t> taken_ = 0;                    ///< known and retired ones
  std::array<std::atomic<uint16_t>, kSlots> slots_{};  ///< label + 1, 0 or kGone; open addressing
  std::atomic<bool> told_ = false;                     ///< that all labels are taken
  mutable std::mutex learning_;                        ///< guards the next two, and all writing
  std::array<Use, kMaxNames> uses_{};
  std::array<std::shared_ptr<const LabelBase>, kMaxNames> bases_;
};

}  // namespace zerogate
