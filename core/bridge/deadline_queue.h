// The calls under way at a backend, in the order in which they have to be answered.
#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include "core/base/intrusive_list.h"
#include "core/bridge/forwarded_call.h"
#include "core/io/timer.h"

namespace zerogate {

/// One list for each time-out in use: calls with the same time-out are due in the order in which
/// they came, so adding and removing take constant time. Wakes up once, for the earliest. It does
/// not own the calls. Loop thread only.
class DeadlineQueue {
 public:
  /// `on_due` is called for each call whose deadline has passed, after the poll that could have
  /// brought its answer; it removes the call.
  DeadlineQueue(TimerQueue& timers, std::function<void(ForwardedCall&)> on_due)
      : on_due_(std::move(on_due)), timer_(timers, [this] { run(); }), timers_(timers) {}

  /// Its `timeout_ms` and `deadline_ms` are set.
  void add(ForwardedCall& call) {
    list_of(call.timeout_ms).push_back(call);
    if (call.deadline_ms < armed_ms_) {
      arm(call.deadline_ms);
    }
  }
  void remove(ForwardedCall& call) { list_of(call.timeout_ms).remove(call); }

 private:
  using List =
      IntrusiveList<ForwardedCall, &ForwardedCall::deadline_prev, &ForwardedCall::deadline_next>;

  List& list_of(uint32_t timeout_ms) {
    if (recent_ == nullptr || recent_timeout_ms_ != timeout_ms) {
      recent_ = &lists_[timeout_ms];
      recent_timeout_ms_ = timeout_ms;
    }
    return *recent_;
  }
  void arm(uint64_t deadline_ms);
  void run();

  std::function<void(ForwardedCall&)> on_due_;
  Timer timer_;
  TimerQueue& timers_;
  std::map<uint32_t, List> lists_;  ///< by time-out; as many as routes have, and they stay
  List* recent_ = nullptr;          ///< the list that was last asked for: mostly it is again
  uint32_t recent_timeout_ms_ = 0;
  uint64_t armed_ms_ = UINT64_MAX;  ///< when the timer fires
};

}  // namespace zerogate
