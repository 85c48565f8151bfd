#include "core/metrics/label_ages.h"

#include <algorithm>

namespace zerogate {

std::vector<FunctionLabel> LabelAges::look(const std::vector<Seen>& live, uint64_t now_ms) {
  std::vector<Seen> idle;
  for (const Seen& seen : live) {
    std::optional<Age>& age = ages_[seen.label];
    if (!age || age->calls != seen.calls) {
      age = {seen.calls, now_ms};
    }
    if (!seen.named && (seen.calls == 0 || now_ms >= age->changed_ms + kForgetAfterMs)) {
      idle.push_back(seen);
    }
  }
  std::ranges::stable_sort(idle, {},
                           [this](const Seen& seen) { return ages_[seen.label]->changed_ms; });
  constexpr size_t kMost = FunctionLabels::kMaxNames - kSpare;
  const size_t surplus = live.size() > kMost ? live.size() - kMost : 0;
  std::vector<FunctionLabel> forgotten;
  for (size_t i = 0; i < std::min(surplus, idle.size()); ++i) {
    forgotten.push_back(idle[i].label);
    ages_[idle[i].label].reset();
  }
  return forgotten;
}

}  // namespace zerogate
