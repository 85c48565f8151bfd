// Decides which function names become label values. Clients choose the names, so only known ones
// do: those of the configuration, and those that a backend has answered successfully.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zerogate {

/// Index of a function's label, below FunctionLabels::kLabels. It never changes.
using FunctionLabel = uint32_t;

/// The label set, one for all workers, which it outlives. It only grows, up to kMaxNames. Any
/// thread may call any function; only learn() of a new name takes a lock.
class FunctionLabels {
 public:
  static constexpr size_t kMaxNames = 200;
  static constexpr size_t kMaxNameBytes = 80;  ///< the longest name that ZeroMQ's wires can carry
  static constexpr size_t kLabels = kMaxNames + 1;  ///< with `_other`, the last one

  /// Learns `names` in the given order: they get the labels 0, 1, ... as far as learn() takes them.
  explicit FunctionLabels(const std::vector<std::string>& names);
  FunctionLabels(const FunctionLabels&) = delete;
  FunctionLabels& operator=(const FunctionLabels&) = delete;

  /// Names known by now: these have the labels 0 to known() - 1.
  size_t known() const { return known_.load(std::memory_order_acquire); }
  /// The label of every name that is not known, spelled `_other`.
  static constexpr FunctionLabel other() { return kMaxNames; }
  /// Of a label below known(), one that find() or learn() gave, or other(). Valid for ever.
  const std::string& name(FunctionLabel label) const { return names_[label]; }

  /// Without locks or allocation: one hash of the name and, nearly always, one comparison.
  FunctionLabel find(std::string_view name) const;

  /// The label of `name`, a new one if need be. None when all are taken, or when `name` would make
  /// no good label: empty, longer than kMaxNameBytes, not printable UTF-8, or `_other`. The first
  /// name that finds all taken gets a warning in the log.
  std::optional<FunctionLabel> learn(std::string_view name);

 private:
  void tell_full(std::string_view name);
  static constexpr size_t kSlots = 512;  ///< a power of two, at most 40 % full

  static size_t slot_of(std::string_view name);

  /// A name is written once, before its number appears in known_ and slots_, and then only read.
  std::array<std::string, kLabels> names_;
  std::atomic<uint32_t> known_ = 0;
  std::array<std::atomic<uint16_t>, kSlots> slots_{};  ///< label + 1, or 0; open addressing
  std::atomic<bool> told_ = false;                     ///< that all labels are taken
  std::mutex learning_;
};

}  // namespace zerogate
