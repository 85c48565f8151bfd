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

/// Which limits a function has is worked out once for each label. All limits of a call's function
/// are asked in their order, and charged only when none of them refuses it: what a flooding caller
/// is refused uses up no limit that it shares with others. A limit that observes is asked as one
/// that enforces is, and charged with the calls that pass and are within it.
///
/// Other threads may take what is left between the question and the charge. What has been charged
/// is given back then, so that no limit is exceeded or charged for good; until it is given back, a
/// call of another thread may be refused that would be the last to pass. Loop thread only.
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
  /// Counts the call, when it may pass. Nothing: it may. After refresh() was true.
  std::optional<RateExcess> take(const Request& request);

 private:
  void take_over();
  uint64_t mask_of(std::string_view function) const;
  /// The limits of this request's function.
  uint64_t limits_of(const Request& request);
  /// Those of `mask` that the call is within; `excess` is set when one of them refuses it.
  uint64_t ask(uint64_t mask, const Request& request, const Caller& caller,
               std::optional<RateExcess>& excess);
  /// Counts the call against all of `mask`, or against none.
  std::optional<RateExcess> charge(uint64_t mask, const Request& request, const Caller& caller);
  void give_back(uint64_t mask, const Request& request, const Caller& caller);
  /// A call is over the limit. Nothing: it passes all the same.
  std::optional<RateExcess> exceed(size_t index, uint64_t wait_ns, const Request& request,
                                   const Caller& caller);
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
