#include "core/bridge/outlier_detector.h"

#include <algorithm>

#include "core/base/clock.h"

namespace zerogate {

void OutlierDetector::leave(Member& member) {
  back(member);
  --members_;
}

void OutlierDetector::back(Member& member) {
  aside_ -= member.aside_;
  member.aside_ = false;
  member.failures_ = 0;
}

std::optional<uint64_t> OutlierDetector::timed_out(Member& member, uint64_t sent_ns, bool spare,
                                                   uint64_t now_ns) {
  if (member.answered_since(sent_ns)) {
    return std::nullopt;
  }
  return failed(member, spare, now_ns);
}

std::optional<uint64_t> OutlierDetector::failed(Member& member, bool spare, uint64_t now_ns) {
  if (member.aside_ || member.last_failure_ns_ == now_ns) {
    return std::nullopt;
  }
  member.last_failure_ns_ = now_ns;
  if (++member.failures_ < limit_ || !spare || (aside_ + 1) * 2 > members_) {
    return std::nullopt;
  }
  const uint64_t now_ms = now_ns / kNsPerMs;
  if (now_ms - member.judged_ms_ > 2 * kAsideMaxMs) {
    member.verdicts_ = 0;
  }
  member.judged_ms_ = now_ms;
  member.aside_ = true;
  ++aside_;
  return std::min(kAsideMinMs << std::min(member.verdicts_++, 5U), kAsideMaxMs);
}

}  // namespace zerogate
