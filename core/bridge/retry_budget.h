// Limits how many calls of a backend are sent a second time.
#pragma once

#include <algorithm>

namespace zerogate {

/// A bucket of tokens: every call adds a part of a token, every second attempt takes one. So second
/// attempts stay a share of the calls and never multiply an outage. Pure; one thread.
class RetryBudget {
 public:
  static constexpr double kShare = 0.2;  ///< second attempts per call, in the long run
  static constexpr double kBurst = 50;   ///< second attempts at once

  void on_call() { tokens_ = std::min(tokens_ + kShare, kBurst); }
  bool has_room() const { return tokens_ >= 1; }
  void take() { --tokens_; }

 private:
  double tokens_ = kBurst;
};

}  // namespace zerogate
