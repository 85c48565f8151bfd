#include "core/bridge/call_queue.h"

#include <algorithm>
#include <cassert>

namespace zerogate {

namespace {

constexpr uint64_t kTargetNs = CallQueue::kTargetMs * kNsPerMs;
constexpr uint64_t kIntervalNs = CallQueue::kIntervalMs * kNsPerMs;
/// The newest gap has one part in so many of the mean, and one more.
constexpr uint64_t kOldGaps = 15;
/// A gap counts as so many times the mean at most: one hang does not hide the rate for long.
constexpr uint64_t kMaxGapRatio = 4;

}  // namespace

CallerLane& CallQueue::find_or_make(const CallerId& caller) {
  CallerLane*& bucket = buckets_[bucket_of(caller)];
  for (CallerLane* lane = bucket; lane != nullptr; lane = lane->next) {
    if (lane->caller == caller) {
      return *lane;
    }
  }
  if (free_ == nullptr) {
    free_ = &lanes_.emplace_back();
  }
  CallerLane& lane = *free_;
  free_ = lane.next;
  lane.caller = caller;
  lane.stale = false;
  lane.next = bucket;
  bucket = &lane;
  round_.push_back(lane);
  return lane;
}

void CallQueue::release(CallerLane& lane) {
  (lane.stale ? stale_ : round_).remove(lane);
  CallerLane** link = &buckets_[bucket_of(lane.caller)];
  while (*link != &lane) {
    link = &(*link)->next;
  }
  *link = lane.next;
  lane.next = free_;
  free_ = &lane;
}

void CallQueue::make_fresh(CallerLane& lane) {
  stale_.remove(lane);
  lane.stale = false;
  round_.push_back(lane);
}

// While the oldest call is not old, no lane is stale.
void CallQueue::judge_anew(uint64_t now_ns) {
  judged_ns_ = now_ns;
  if (all_.empty() || now_ns - all_.front()->queued_ns <= kTargetNs) {
    standing_since_ns_ = 0;
    newest_first_ = false;
  } else if (standing_since_ns_ == 0) {
    standing_since_ns_ = now_ns;
  } else if (now_ns - standing_since_ns_ >= kIntervalNs) {
    newest_first_ = true;
  }
}

// A caller waits for all calls before it, or for as many turns as it has calls, if that is less.
uint64_t CallQueue::expected_wait_ns(const CallerLane& lane) const {
  if (served_ < kMinServed || newest_first_) {
    return 0;
  }
  return std::min(all_.size(), lane.calls.size() * round_.size()) * gap_ns_;
}

CallQueue::Refusal CallQueue::push(ForwardedCall& call) {
  const uint64_t now_ns = clock_.now_ns();
  judge(now_ns);
  if (all_.empty()) {
    forget_old_rate(now_ns);
  }
  CallerLane& lane = lane_of(call.caller);
  call.lane = &lane;
  call.queued_ns = now_ns;
  all_.push_back(call);
  lane.calls.push_back(call);
  if (lane.stale) {
    make_fresh(lane);
  }
  const uint64_t wait_ns = expected_wait_ns(lane);
  if (wait_ns >= kNsPerMs && (now_ns + wait_ns) / kNsPerMs > call.deadline_ms) {
    return refuse(call, wait_ns);
  }
  return all_.size() <= limit_ ? Refusal{} : refuse_one();
}

// What is rare has a function of its own, so that the road of most calls stays short.
CallQueue::Refusal CallQueue::refuse_one() { return refuse(victim(), 0); }

CallQueue::Refusal CallQueue::refuse(ForwardedCall& call, uint64_t wait_ns) {
  remove(call);
  return {&call, wait_ns / kNsPerMs};
}

// Of the longest lane the newest call; in overload its oldest, whose caller has most likely left.
// Asked only when a call is refused, and of kMaxLooks lanes at most, those whose turn is next:
// where more callers wait, each of them has its turn among these.
ForwardedCall& CallQueue::victim() const {
  const CallerLane* longest = nullptr;
  size_t looks = 0;
  for (const Round* round : {&stale_, &round_}) {
    for (const CallerLane* lane = round->front(); lane != nullptr && looks < kMaxLooks;
         lane = lane->round_next, ++looks) {
      if (longest == nullptr || lane->calls.size() >= longest->calls.size()) {
        longest = lane;
      }
    }
  }
  return newest_first_ ? *longest->calls.front() : *longest->calls.back();
}

ForwardedCall* CallQueue::next() {
  const uint64_t now_ns = clock_.now_ns();
  judge(now_ns);
  if (newest_first_) {
    return newest(now_ns);
  }
  return round_.empty() ? nullptr : round_.front()->calls.front();
}

// Only while newest_first_, and then some call waits.
ForwardedCall* CallQueue::newest(uint64_t now_ns) {
  while (!round_.empty()) {
    CallerLane& lane = *round_.front();
    if (now_ns - lane.calls.back()->queued_ns <= std::max(kTargetNs, 2 * pause_ns_)) {
      return lane.calls.back();
    }
    round_.remove(lane);
    lane.stale = true;
    stale_.push_back(lane);
  }
  return stale_.back()->calls.back();
}

void CallQueue::take(ForwardedCall& call) {
  const uint64_t now_ns = clock_.now_ns();
  if (now_ns == last_take_ns_) {
    ++taken_then_;
  } else {
    measure(now_ns);
  }
  CallerLane& lane = *call.lane;
  remove(call);
  if (!lane.stale && &lane != round_.back() && !lane.calls.empty()) {
    round_.remove(lane);
    round_.push_back(lane);
  }
}

// The calls that were taken at one time are so many gaps of the same length.
void CallQueue::measure(uint64_t now_ns) {
  if (last_take_ns_ != 0) {
    const uint64_t pause_ns = now_ns - last_take_ns_;
    pause_ns_ = std::max(pause_ns, pause_ns_ - pause_ns_ / 8);
    uint64_t gap_ns = pause_ns / taken_then_;
    const uint64_t old_gaps = std::min<uint64_t>(served_, kOldGaps);
    if (served_ < kMinServed) {
      served_ = std::min(served_ + taken_then_, kMinServed);
    } else {
      gap_ns = std::min(gap_ns, std::max(gap_ns_, kNsPerMs) * kMaxGapRatio);
    }
    gap_ns_ = (gap_ns_ * old_gaps + gap_ns * taken_then_) / (old_gaps + taken_then_);
    measured_ns_ = now_ns;
  }
  last_take_ns_ = now_ns;
  taken_then_ = 1;
}

void CallQueue::remove(ForwardedCall& call) {
  assert(call.lane != nullptr);
  CallerLane& lane = *call.lane;
  call.lane = nullptr;
  all_.remove(call);
  lane.calls.remove(call);
  if (lane.calls.empty()) {
    release(lane);
  }
  if (all_.empty()) {
    last_take_ns_ = standing_since_ns_ = 0;
    newest_first_ = false;
  }
}

}  // namespace zerogate
