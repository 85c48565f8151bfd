// The calls that wait for room at a backend: whose turn it is, and who is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "core/base/clock.h"
#include "core/base/intrusive_list.h"
#include "core/bridge/forwarded_call.h"

namespace zerogate {

/// The waiting calls of one caller, the oldest first. Only CallQueue touches it.
struct CallerLane {
  CallerId caller;
  IntrusiveList<ForwardedCall, &ForwardedCall::lane_prev, &ForwardedCall::lane_next> calls;
  bool stale = false;          ///< in the round of those that are served last
  CallerLane* next = nullptr;  ///< in its bucket, or among the free ones
  CallerLane* round_prev = nullptr;
  CallerLane* round_next = nullptr;
};

/// Serves callers in turn, so that no call waits behind the many calls of another caller, and each
/// caller's calls in the order in which they came. When the queue does not drain (the oldest call
/// has waited longer than kTargetMs for kIntervalMs) the newest are served first, and calls that
/// have waited longer than kTargetMs last: their callers may have given up, and answers to them
/// alone would reach no caller. Which of the two holds is judged once a turn of the loop. Every
/// operation takes constant time (amortised), and none allocates once the queue has been as long
/// before. Does not own the calls. Pure; one thread.
class CallQueue {
 public:
  /// A wait that callers with little patience still bear.
  static constexpr uint64_t kTargetMs = 100;
  /// A burst shorter than this is no overload.
  static constexpr uint64_t kIntervalMs = 500;

  struct Refusal {
    ForwardedCall* call = nullptr;  ///< to be refused, and not in the queue; null: none
    uint64_t wait_ms = 0;           ///< it would have waited longer than it may; 0: queue is full
  };

  CallQueue(const Clock& clock, size_t limit) : clock_(clock), limit_(limit), buckets_(kBuckets) {}

  /// Calls beyond a lower limit stay.
  void set_limit(size_t limit) { limit_ = limit; }

  /// Its `caller` and `deadline_ms` are set. When the queue is full, the caller that has most calls
  /// in it loses one, which may be another call than this.
  Refusal push(ForwardedCall& call);

  /// The call whose turn it is; null when empty. It stays until take() or remove().
  ForwardedCall* next();

  /// It is being served: its caller's next call waits until the others have had their turn.
  void take(ForwardedCall& call);
  /// It leaves without being served.
  void remove(ForwardedCall& call);

  size_t size() const { return all_.size(); }
  bool empty() const { return all_.empty(); }
  bool newest_first() const { return newest_first_; }

 private:
  using Round = IntrusiveList<CallerLane, &CallerLane::round_prev, &CallerLane::round_next>;
  /// As many as calls may wait by default: short chains.
  static constexpr size_t kBuckets = 1024;
  /// Lanes that are looked at to find the longest: all of them with the default limit.
  static constexpr size_t kMaxLooks = 1024;
  /// Before so many calls have been served, their rate says nothing.
  static constexpr uint32_t kMinServed = 16;

  /// A listener numbers its callers from 0, and there are four listeners at most.
  static size_t bucket_of(const CallerId& caller) {
    return (caller.key.slot ^ reinterpret_cast<uintptr_t>(caller.sink) >> 6) % kBuckets;
  }
  CallerLane& lane_of(const CallerId& caller) {
    CallerLane* first = buckets_[bucket_of(caller)];
    return first != nullptr && first->caller == caller ? *first : find_or_make(caller);
  }
  CallerLane& find_or_make(const CallerId& caller);
  void release(CallerLane& lane);
  void make_fresh(CallerLane& lane);
  /// Once a turn: its calls have one time.
  void judge(uint64_t now_ns) {
    if (now_ns != judged_ns_) {
      judge_anew(now_ns);
    }
  }
  void judge_anew(uint64_t now_ns);
  uint64_t expected_wait_ns(const CallerLane& lane) const;
  ForwardedCall* newest(uint64_t now_ns);
  void measure(uint64_t now_ns);
  /// Before a call waits alone: what was measured of the queue the last time it stood may be old.
  void forget_old_rate(uint64_t now_ns) {
    if (now_ns - measured_ns_ > kIntervalMs * kNsPerMs) {
      served_ = 0;
      pause_ns_ = 0;
    }
  }
  [[gnu::noinline]] Refusal refuse(ForwardedCall& call, uint64_t wait_ns);
  [[gnu::noinline]] Refusal refuse_one();
  ForwardedCall& victim() const;

  const Clock& clock_;
  size_t limit_;
  IntrusiveList<ForwardedCall, &ForwardedCall::queue_prev, &ForwardedCall::queue_next> all_;
  Round round_;  ///< lanes in the order of their turns
  Round stale_;  ///< lanes whose calls are all old, while newest_first_
  std::vector<CallerLane*> buckets_;
  std::deque<CallerLane> lanes_;  ///< a lane never moves
  CallerLane* free_ = nullptr;
  bool newest_first_ = false;
  uint64_t judged_ns_ = 0;
  uint64_t standing_since_ns_ = 0;  ///< 0: the oldest call has not waited long
  uint64_t last_take_ns_ = 0;       ///< 0: the queue has been empty since
  uint32_t taken_then_ = 0;         ///< at last_take_ns_
  /// The longest of late in which none was served: slots that become free together leave a call no
  /// turn before, so it is not served last for having waited so long.
  uint64_t pause_ns_ = 0;
  uint64_t gap_ns_ = 0;       ///< between two calls being served while others wait
  uint32_t served_ = 0;       ///< counts to kMinServed
  uint64_t measured_ns_ = 0;  ///< when pause_ns_ and gap_ns_ last were
};

}  // namespace zerogate
