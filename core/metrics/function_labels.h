// Which function names become label values. Names come from clients, so only known ones do.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace zerogate {

/// Index of a function's label. The last index is `_other`, for every name that is not known.
using FunctionLabel = uint32_t;

/// The label set, fixed before the workers start and the same for all of them.
class FunctionLabels {
 public:
  static constexpr size_t kMaxNames = 200;

  /// At most kMaxNames of `names` get a label of their own, in the given order.
  explicit FunctionLabels(std::vector<std::string> names) : names_(std::move(names)) {
    if (names_.size() > kMaxNames) names_.resize(kMaxNames);
    names_.emplace_back("_other");
  }
  size_t size() const { return names_.size(); }
  const std::string& name(FunctionLabel label) const { return names_[label]; }
  FunctionLabel other() const { return static_cast<FunctionLabel>(names_.size() - 1); }
  FunctionLabel find(std::string_view name) const {
    for (size_t i = 0; i + 1 < names_.size(); ++i)
      if (names_[i] == name) return static_cast<FunctionLabel>(i);
    return other();
  }

 private:
  std::vector<std::string> names_;
};

}  // namespace zerogate
