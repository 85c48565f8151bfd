#include "core/bridge/call_queue.h"

#include <algorithm>
#include <cassert>

namespace zerogate {

namespace {

constexpr double kGapWeight = 1.0 / 16;  ///< of the newest gap in the mean
/// A gap counts as so many times the mean at most: one hang does not hide the rate for long.
constexpr double kMaxGapRatio = 4;

}  // namespace

size_t CallQueue::bucket_of(const CallerId& caller) {
  uint64_t hash = reinterpret_cast<uintptr_t>(caller.sink);
  hash ^= (uint64_t{caller.key.generation} << 32) | caller.key.slot;
  hash *= 0x9e3779b97f4a7c15u;
  return (hash >> 40) % kBuckets;
}

CallerLane& CallQueue::lane_of(const CallerId& caller) {
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

void CallQueue::add(ForwardedCall& call, CallerLane& lane) {
  call.lane = &lane;
  call.queued_ns = clock_.now_ns();
  all_.push_back(call);
  lane.calls.push_back(call);
  if (lane.stale) {
    stale_.remove(lane);
    lane.stale = false;
    round_.push_back(lane);
  }
}

// While the oldest call is not old, no lane is stale.
void CallQueue::judge() {
  if (all_.empty() || !old(*all_.front())) {
    standing_since_ns_ = 0;
    newest_first_ = false;
  } else if (standing_since_ns_ == 0) {
    standing_since_ns_ = clock_.now_ns();
  } else if (clock_.now_ns() - standing_since_ns_ >= kIntervalMs * 1'000'000) {
    newest_first_ = true;
  }
}

// A caller waits for all calls before it, or for as many turns as it has calls, if that is less.
uint64_t CallQueue::expected_wait_ms(const CallerLane& lane) const {
  if (served_ < kMinServed || newest_first_) {
    return 0;
  }
  const size_t before = std::min(all_.size(), lane.calls.size() * round_.size());
  return static_cast<uint64_t>(static_cast<double>(before) * gap_ns_ / 1e6);
}

CallQueue::Refusal CallQueue::push(ForwardedCall& call) {
  judge();
  add(call, lane_of(call.caller));
  const uint64_t wait_ms = expected_wait_ms(*call.lane);
  if (wait_ms > 0 && clock_.now_ms() + wait_ms > call.deadline_ms) {
    remove(call);
    return {&call, wait_ms};
  }
  if (all_.size() <= limit_) {
    return {};
  }
  ForwardedCall& refused = victim();
  remove(refused);
  return {&refused, 0};
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
  judge();
  if (all_.empty()) {
    return nullptr;
  }
  if (!newest_first_) {
    return round_.front()->calls.front();
  }
  while (!round_.empty()) {
    CallerLane& lane = *round_.front();
    const uint64_t waited_ns = clock_.now_ns() - lane.calls.back()->queued_ns;
    if (waited_ns <= std::max(kTargetMs * 1'000'000, 2 * pause_ns_)) {
      return lane.calls.back();
    }
    round_.remove(lane);
    lane.stale = true;
    stale_.push_back(lane);
  }
  return stale_.back()->calls.back();
}

void CallQueue::take(ForwardedCall& call) {
  measure();
  CallerLane& lane = *call.lane;
  if (!lane.stale) {
    round_.remove(lane);
    round_.push_back(lane);
  }
  remove(call);
}

void CallQueue::measure() {
  const uint64_t now = clock_.now_ns();
  if (last_take_ns_ != 0) {
    auto gap = static_cast<double>(now - last_take_ns_);
    if (now != last_take_ns_) {
      pause_ns_ = std::max(now - last_take_ns_, pause_ns_ - pause_ns_ / 8);
    }
    if (served_ < kMinServed) {
      ++served_;
      gap_ns_ += (gap - gap_ns_) / served_;
    } else {
      gap = std::min(gap, std::max(gap_ns_, 1e6) * kMaxGapRatio);
      gap_ns_ += (gap - gap_ns_) * kGapWeight;
    }
  }
  last_take_ns_ = now;
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
    last_take_ns_ = 0;
    judge();
  }
}

}  // namespace zerogate
