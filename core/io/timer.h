// The timers of one event loop, in one queue: all deadlines of a worker are judged here.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "core/base/clock.h"

namespace zerogate {

class Timer;

/// Keeps timers in the order in which they are due. An EventLoop owns one and runs it after each
/// poll; a test owns one with its own clock and needs no loop. One thread.
///
/// A loop that did not run for a while (the process was stopped, the machine paused, a turn was
/// long) finds its timers due and unread bytes in its sockets. So when the first timer is overdue
/// by more than kLateMs, all timers wait another kGraceMs: bytes that have arrived are read before
/// a call is given up. libzmq's own thread needs part of that time.
class TimerQueue {
 public:
  static constexpr uint64_t kLateMs = 100;
  static constexpr uint64_t kGraceMs = 100;

  explicit TimerQueue(const Clock& clock) : clock_(clock) {}
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;

  const Clock& clock() const { return clock_; }
  uint64_t now_ms() const { return clock_.now_ms(); }

  /// When run_due() has something to do next; UINT64_MAX: never.
  uint64_t next_ms() const;
  /// Calls what is due, in order; what a timer's function starts anew is due later.
  void run_due();

 private:
  friend class Timer;
  using Due = std::multimap<uint64_t, Timer*>;

  const Clock& clock_;
  Due due_;               ///< by time; those of one time in the order in which they were started
  uint64_t held_ms_ = 0;  ///< nothing is called before this; 0: nothing is held
};

/// Calls a function once, later. The function may start it again, or destroy the timer.
class Timer {
 public:
  /// The queue outlives the timer. `on_due` runs on the loop's thread.
  Timer(TimerQueue& queue, std::function<void()> on_due)
      : queue_(queue), on_due_(std::move(on_due)), place_(queue.due_.end()) {}
  ~Timer() { stop(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// Instead of an earlier start, if there was one.
  void start(uint64_t delay_ms) { start_at(queue_.now_ms() + delay_ms); }
  void start_at(uint64_t due_ms);
  void stop();
  bool active() const { return place_ != queue_.due_.end(); }

 private:
  friend class TimerQueue;

  TimerQueue& queue_;
  std::function<void()> on_due_;
  TimerQueue::Due::iterator place_;  ///< end() when it is not active
};

}  // namespace zerogate
