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

/// A client of the loop that gathers work during a turn and does it at the turn's end: one write
/// per connection, one command batch to Redis.
class EndOfTurn {
 public:
  virtual void end_of_turn() = 0;

 protected:
  ~EndOfTurn() = default;
};

/// Hears how long turns take. Times are uv_hrtime().
class TurnObserver {
 public:
  /// The loop has events to deal with, since `began_ns`.
  virtual void on_turn_begin(uint64_t began_ns) = 0;
  /// The loop is about to wait for events again: all work of the turn is done and written.
  virtual void on_turn_end(uint64_t began_ns, uint64_t ended_ns) = 0;

 protected:
  ~TurnObserver() = default;
};

/// Owns the libuv loop. It calls its clients in the order in which they were added: after each poll
/// (uv_check), and again before it sleeps (uv_prepare), since idle callbacks may have answered
/// calls. A client that gives new work to others then calls again(): without another round the work
/// would wait until the loop wakes up.
///
/// Its timers run after the poll and before the clients. libuv runs its own timers before the poll:
/// a deadline would fire although the answer is already in the socket.
///
/// It is also the clock. A turn is the work between two polls. libuv has no callback for the return
/// of a poll, so a turn begins with the first question for the time, mostly at the first bytes of a
/// client or of Redis. A turn costs two clock readings, however many calls it handles. An idle loop
/// without timers does not wake up.
///
/// The observer, all clients and all owners of handles on the loop are destroyed before it. One
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
  /// Runs the loop until the last handles have closed, as libuv demands; unreferenced ones are not
  /// waited for. The loop has no turns after it. For owners that must close their handles on this
  /// thread.
  void close();

  void add(EndOfTurn& client) { clients_.push_back(&client); }
  void remove(EndOfTurn& client) { std::erase(clients_, &client); }
  void again() { again_ = true; }

  /// At most one. It does not hear of work that is done before the loop's first poll.
  void set_observer(TurnObserver& observer) { observer_ = &observer; }

  /// When this turn began: the time of everything that the poll has found.
  uint64_t began_ns() const { return now_ns(); }
  /// The time at this moment, read anew, for work that is done late in a long turn.
  uint64_t read_ns() const;

 private:
  uint64_t read() const override { return begin(uv_hrtime()); }
  uint64_t begin(uint64_t now_ns) const;
  void after_poll();
  void before_poll();
  void end();
  void arm_wake_up();

  uv_loop_t loop_;
  std::vector<EndOfTurn*> clients_;
  bool again_ = false;
  TurnObserver* observer_ = nullptr;
  uint64_t polled_ns_ = UINT64_MAX;  ///< when the last poll has returned, at the latest
  TimerQueue timers_{*this};
  uint64_t wake_up_ms_ = UINT64_MAX;  ///< when wake_up_ fires
  UvPtr<uv_prepare_t> prepare_;
  UvPtr<uv_check_t> check_;
  UvPtr<uv_timer_t> wake_up_;  ///< does nothing but end the poll
  UvPtr<uv_idle_t> no_sleep_;  ///< active: the next poll does not wait
};

}  // namespace zerogate
