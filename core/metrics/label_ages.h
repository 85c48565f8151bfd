// Decides which functions' labels are forgotten.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/metrics/function_labels.h"

namespace zerogate {

/// Only when labels run short: a function that is called once a day keeps its label, and its
/// counter its value, for as long as there is room. Then those go first that were not called for
/// longest. Pure; the caller says what time it is.
class LabelAges {
 public:
  /// So many labels are kept free, for the functions of the next reload.
  static constexpr size_t kSpare = 20;
  /// A label that was called within this time stays. Longer than the ranges of our alerts (5 to 30
  /// minutes): no rate on a dashboard ends because its series does.
  static constexpr uint64_t kForgetAfterMs = 3'600'000;

  struct Seen {
    FunctionLabel label = 0;
    uint64_t calls = 0;  ///< ended under it since it got its name
    bool named = false;  ///< by the configuration: it stays
  };
  /// The live labels to give up now. One that was never called may go at once.
  std::vector<FunctionLabel> look(const std::vector<Seen>& live, uint64_t now_ms);

 private:
  struct Age {
    uint64_t calls = 0;
    uint64_t changed_ms = 0;  ///< when `calls` was first seen
  };
  std::array<std::optional<Age>, FunctionLabels::kMaxNames> ages_;
};

}  // namespace zerogate
