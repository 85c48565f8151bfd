// The event loop of a thread: its turns, the work that is done once at a turn's end, its clock and
// its timers.
#pragma once

#include <uv.h>

#include <cstdint>
#include <vector>

#include "core/base/clock.h"
#include "core/io/timer.h"
#include "core/io/uv_ptr.h"

namespace zerogate {

/// Somebody who gathers work during a turn and does it in one go at the turn's end: one write per
/// connection, one command batch to Redis.
class EndOfTurn {
 public:
  virtual void end_of_turn() = 0;

 protected:
  ~EndOfTurn() = default;
};

/// Somebody who wants to know how long turns take. Times are uv_hrtime().
class TurnObserver {
 public:
  /// The loop has events to deal with, since `began_ns`.
  virtual void on_turn_begin(uint64_t began_ns) = 0;
  /// It is about to wait for events again: everything of the turn has been done and written.
  virtual void on_turn_end(uint64_t began_ns, uint64_t ended_ns) = 0;

 protected:
  ~TurnObserver() = default;
};

/// Owns the libuv loop. Calls its clients, in the order in which they were added, after the loop
/// has polled (uv_check) and again before it sleeps (uv_prepare: idle callbacks may have answered
/// calls). A client that gives new work to others there asks for one more round, or it would wait
/// for the loop to wake up.
///
/// Its timers run after the poll and before the clients: libuv runs its own before it, and so
/// passes verdicts before it has seen the evidence.
///
/// Also the turn's clock. A turn is what the loop does between two polls; libuv calls nobody when a
/// poll returns, so it begins, as far as we know, when somebody first asks for the time: the first
/// bytes of clients or Redis. An idle loop without timers does not wake up. A turn costs two clock
/// reads however many calls are in it.
///
/// Whatever has a handle on the loop, clients and observer included, is destroyed before it. One
/// thread, that of run().
class EventLoop final : public Clock {
 public:
  EventLoop();
  /// As close(), if that was not called.
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  uv_loop_t* uv() { return &loop_; }
  TimerQueue& timers() { return timers_; }

  /// Returns when nothing is left to wait for, or after stop().
  void run() { uv_run(&loop_, UV_RUN_DEFAULT); }
  /// One turn, without waiting.
  void run_turn() { uv_run(&loop_, UV_RUN_NOWAIT); }
  void stop() { uv_stop(&loop_); }
  /// Runs the loop until the last handles have closed, as libuv demands, those that are
  /// unreferenced excepted. It has no turns any more. For whoever has to close the handles on this
  /// thread.
  void close();

  void add(EndOfTurn& client) { clients_.push_back(&client); }
  void remove(EndOfTurn& client) { std::erase(clients_, &client); }
  void again() { again_ = true; }

  /// One at most. It hears nothing of what is done before the loop first polls.
  void set_observer(TurnObserver& observer) { observer_ = &observer; }

  /// When this turn began: the time for everything that the poll has found.
  uint64_t began_ns() const { return began_ns_ != 0 ? began_ns_ : begin(uv_hrtime()); }
  uint64_t now_ns() const override { return began_ns(); }
  /// The time at this very moment; work that is done late in a long turn may want it.
  uint64_t read_ns() const;

 private:
  uint64_t begin(uint64_t now_ns) const;
  void after_poll();
  void before_poll();
  void end();
  void arm_wake_up();

  uv_loop_t loop_;
  std::vector<EndOfTurn*> clients_;
  bool again_ = false;
  TurnObserver* observer_ = nullptr;
  mutable uint64_t began_ns_ = 0;  ///< 0: nobody has asked yet
  TimerQueue timers_{*this};
  uint64_t wake_up_ms_ = UINT64_MAX;  ///< when wake_up_ fires
  UvPtr<uv_prepare_t> prepare_;
  UvPtr<uv_check_t> check_;
  UvPtr<uv_timer_t> wake_up_;  ///< does nothing but end the poll
  UvPtr<uv_idle_t> no_sleep_;  ///< active: the next poll does not wait
};

}  // namespace zerogate
