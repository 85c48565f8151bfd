// Applies the rate limits to the calls of one worker.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/metrics/function_labels.h"
#include "core/rpc/rate_limits.h"
#include "core/rpc/return_path.h"

namespace zerogate {

/// A call that is over a limit.
struct RateExcess {
  const RateRule* rule = nullptr;  ///< valid until the next refresh()
  uint64_t wait_ns = 0;            ///< until it would pass
};

/// Which limits a function has is worked out once for each label. A call is counted against all
/// limits of its function in their order, up to the first that refuses it. Loop thread only.
class RateLimiter {
 public:
  /// Lines in the log for each limit: one in this time, which says how many calls it leaves out.
  static constexpr uint64_t kLineNs = 10'000'000'000;

  /// Null: there are no limits. It outlives the limiter.
  explicit RateLimiter(RateLimits* limits) : limits_(limits) {}

  /// Takes the limits over that are in force; once per turn. True when there are any.
  bool refresh() {
    if (limits_ != nullptr && limits_->version() != version_) {
      take_over();
    }
    return rules_ != nullptr;
  }
  /// Another function may have this label from now on.
  void forget(FunctionLabel label) { masks_[label].reset(); }

  struct Request {
    std::string_view function;
    FunctionLabel label;
    const ReturnPath& path;
    uint64_t now_ns;
  };
  /// Counts the call. Nothing: it may pass. After refresh() was true.
  std::optional<RateExcess> take(const Request& request);

 private:
  void take_over();
  uint64_t mask_of(std::string_view function) const;
  void tell(size_t index, const Request& request, const Caller& caller);

  struct Lines {
    uint64_t next_ns = 0;
    uint64_t left_out = 0;  ///< calls
  };

  RateLimits* const limits_;
  uint64_t version_ = 0;
  std::shared_ptr<const RateRules> rules_;
  std::array<std::optional<uint64_t>, FunctionLabels::kLabels> masks_{};  ///< a bit for each rule
  std::vector<Lines> lines_;                                              ///< of each rule
};

}  // namespace zerogate
