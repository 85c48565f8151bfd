// One turn of the event loop, and the work that is done once at its end.
#pragma once

#include <uv.h>

#include <cstdint>
#include <vector>

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

/// Calls its clients, in the order in which they were added, after the loop has polled (uv_check)
/// and again before it sleeps (uv_prepare: timers and idle callbacks may have answered calls). A
/// client that gives new work to others there asks for one more round, or it would wait for the
/// loop to wake up.
///
/// Also the turn's clock. A turn is what the loop does between two polls; libuv calls nobody when a
/// poll returns, so it begins, as far as we know, when somebody first asks for the time: the first
/// bytes of clients or Redis. No timer: an idle loop does not wake up. A turn costs two clock reads
/// however many calls are in it.
/// Clients and observer outlive it or are removed first. Loop thread only.
class EventLoop {
 public:
  explicit EventLoop(uv_loop_t* loop);
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  void add(EndOfTurn& client) { clients_.push_back(&client); }
  void remove(EndOfTurn& client) { std::erase(clients_, &client); }
  void again() { again_ = true; }

  /// One at most. It hears nothing of what is done before the loop first polls.
  void set_observer(TurnObserver& observer) { observer_ = &observer; }

  /// When this turn began: the time for everything that the poll has found.
  uint64_t began_ns() { return began_ns_ != 0 ? began_ns_ : now_ns(); }
  /// The time now.
  uint64_t now_ns();

 private:
  void after_poll();
  void before_poll();
  void end();

  uv_loop_t* const loop_;
  std::vector<EndOfTurn*> clients_;
  bool again_ = false;
  TurnObserver* observer_ = nullptr;
  uint64_t began_ns_ = 0;  ///< 0: nobody has asked yet
  UvPtr<uv_prepare_t> prepare_;
  UvPtr<uv_check_t> check_;
};

}  // namespace zerogate
