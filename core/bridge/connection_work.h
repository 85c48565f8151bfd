// What is on a connection whose server works on one call at a time, the oldest first.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "core/base/clock.h"
#include "core/bridge/expected_time.h"
#include "core/bridge/service_times.h"

namespace zerogate {

/// Adds up how long a new call would wait behind the others, and measures how long each took. The
/// clock stands still during a turn of the loop, so answers that are read in one turn share the
/// time since the answer before them. Pure; one thread.
class ConnectionWork {
 public:
  /// Calls on one connection: what a turn then saves in system calls is a few per cent.
  static constexpr uint32_t kMaxDepth = 16;
  /// A connection that has not answered for so many times its work has met something else than was
  /// expected, and gets nothing more.
  static constexpr uint64_t kSilentTimes = 4;
  /// A busy machine may not have run the server for so long.
  static constexpr uint64_t kSilentLeastNs = 5 * kNsPerMs;
  /// Replies that fit the send buffer of any socket: one that the server has handed to its kernel
  /// reaches us, whatever becomes of the server.
  static constexpr uint64_t kSafeReplyBytes = 16 << 10;

  /// What is expected of all calls on it together.
  uint64_t ahead_ns() const { return ahead_ns_; }
  bool silent(uint64_t now_ns) const {
    return now_ns - heard_ns_ > std::max(kSilentTimes * ahead_ns_, kSilentLeastNs);
  }
  /// What the server has answered may lie in its own memory, and be lost with it.
  bool large_replies() const { return reply_bytes_ > kSafeReplyBytes; }

  /// A call is being sent. `alone`: the first on an idle connection.
  void sent(const ExpectedTime& expected, uint32_t reply_bytes, bool alone, uint64_t now_ns) {
    if (alone) {
      heard_ns_ = now_ns;
    }
    ahead_ += expected;
    ahead_ns_ = ahead_.ns();
    reply_bytes_ += reply_bytes;
  }
  /// It was answered; its numbers are as they were when it was sent. `time`, of its function, may
  /// be null. `last`: no call is left.
  /// `sharers`: connections of the server with calls, this one included.
  void answered(const ExpectedTime& expected, uint32_t reply_bytes, ServiceTime* time, bool last,
                uint32_t sharers, uint64_t now_ns) {
    ahead_ -= expected;
    ahead_ns_ = ahead_.ns();
    reply_bytes_ -= reply_bytes;
    if (last && answers_ == 0) {  // as mostly: it has had the time for itself
      if (time != nullptr) {
        time->add(now_ns - heard_ns_, sharers);
      }
      heard_ns_ = now_ns;
      return;
    }
    heard_one_of_many(time, last, sharers, now_ns);
  }
  /// A call that was given up was answered after all.
  void answered_late(uint64_t now_ns) { heard_one_of_many(nullptr, false, 1, now_ns); }

 private:
  void heard_one_of_many(ServiceTime* time, bool last, uint32_t sharers, uint64_t now_ns) {
    heard(now_ns);
    sharers_ = sharers;
    if (answers_ < answered_.size()) {
      answered_[answers_++] = time;
    }
    if (last) {
      share_out();
    }
  }
  void heard(uint64_t now_ns) {
    if (now_ns == heard_ns_) {
      return;
    }
    share_out();
    took_ns_ = now_ns - heard_ns_;
    heard_ns_ = now_ns;
  }
  /// The answers of one turn are complete.
  void share_out() {
    if (answers_ == 0) {
      return;
    }
    const uint64_t each_ns = answers_ == 1 ? took_ns_ : took_ns_ / answers_;
    for (uint32_t i = 0; i < answers_; ++i) {
      if (answered_[i] != nullptr) {
        answered_[i]->add(each_ns, sharers_);
      }
    }
    answers_ = 0;
    took_ns_ = 0;
  }

  ExpectedTime ahead_;
  uint64_t ahead_ns_ = 0;  ///< of ahead_
  uint64_t heard_ns_ = 0;  ///< of the last answer, or when the first call was sent since it is idle
  uint64_t took_ns_ = 0;   ///< the answers of that turn, together
  uint64_t reply_bytes_ = 0;  ///< of the largest replies that its calls' functions ever had
  uint32_t answers_ = 0;
  uint32_t sharers_ = 1;  ///< then
  std::array<ServiceTime*, kMaxDepth> answered_{};
};

}  // namespace zerogate
