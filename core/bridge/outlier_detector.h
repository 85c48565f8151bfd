// Decides which endpoints of a backend are set aside for a while because they fail.
#pragma once

#include <cstdint>
#include <optional>

namespace zerogate {

/// Events in, verdicts out. An endpoint is set aside when it has failed several times in a row. The
/// events that count are independent of each other:
/// - What fails in one turn of the loop is one failure: calls that were sent together break
///   together.
/// - A time-out counts only when the endpoint has answered nothing since the call was sent. A slow
///   function is not a bad server.
/// At most half of a backend's endpoints are aside at a time, so that a fault of the calls never
/// takes a whole backend away. The time aside doubles with each verdict. Pure; one thread.
class OutlierDetector {
 public:
  static constexpr uint64_t kAsideMinMs = 1'000;
  static constexpr uint64_t kAsideMaxMs = 30'000;

  /// What is known of one endpoint. It belongs to the endpoint.
  class Member {
   public:
    bool aside() const { return aside_; }
    /// Something has come from it at or after this time.
    bool answered_since(uint64_t ns) const { return last_answer_ns_ >= ns; }

   private:
    friend class OutlierDetector;
    uint32_t failures_ = 0;  ///< in a row
    uint32_t verdicts_ = 0;  ///< that made the time aside longer
    uint64_t last_failure_ns_ = 0;
    uint64_t last_answer_ns_ = 0;
    uint64_t judged_ms_ = 0;
    bool aside_ = false;
  };

  /// `failures`: in a row, after which an endpoint is set aside.
  explicit OutlierDetector(uint32_t failures) : limit_(failures) {}
  void set_limit(uint32_t failures) { limit_ = failures; }

  void join(Member&) { ++members_; }
  void leave(Member& member);

  void answered(Member& member, uint64_t now_ns) {
    member.failures_ = 0;
    member.last_answer_ns_ = now_ns;
  }
  /// A connection broke under calls. The result is the milliseconds for which the endpoint is aside
  /// from now on; nothing when it stays. `spare`: another endpoint takes calls.
  std::optional<uint64_t> broke(Member& member, bool spare, uint64_t now_ns) {
    return failed(member, spare, now_ns);
  }
  /// The same for a call that was sent at `sent_ns` and has been given up.
  std::optional<uint64_t> timed_out(Member& member, uint64_t sent_ns, bool spare, uint64_t now_ns);
  /// An operator says that what was, was: the next time aside is a short one.
  void forgive(Member& member) { member.verdicts_ = 0; }
  /// It has proved itself again.
  void back(Member& member);

 private:
  std::optional<uint64_t> failed(Member& member, bool spare, uint64_t now_ns);

  uint32_t limit_;
  uint32_t members_ = 0;
  uint32_t aside_ = 0;
};

}  // namespace zerogate
