// One turn of the event loop, and the work that is done once at its end.
#pragma once

#include <uv.h>

#include <vector>

#include "core/base/uv_ptr.h"

namespace zerogate {

/// Somebody who gathers work during a turn and does it in one go at the turn's end: one write per
/// connection, one command batch to Redis, one clock read for all durations.
class EndOfTurn {
 public:
  virtual void end_of_turn() = 0;

 protected:
  ~EndOfTurn() = default;
};

/// Calls its clients, in the order in which they were added, after the loop has polled (uv_check)
/// and again before it sleeps (uv_prepare: timers and idle callbacks may have answered calls). A
/// client that gives new work to others there asks for one more round, or it would wait for the
/// loop to wake up.
/// Clients outlive it or are removed first. Loop thread only.
class Turn {
 public:
  explicit Turn(uv_loop_t* loop)
      : prepare_(make_uv<uv_prepare_t>(loop, uv_prepare_init, this)),
        check_(make_uv<uv_check_t>(loop, uv_check_init, this)) {
    uv_prepare_start(prepare_.get(), [](uv_prepare_t* h) { static_cast<Turn*>(h->data)->end(); });
    uv_check_start(check_.get(), [](uv_check_t* h) { static_cast<Turn*>(h->data)->end(); });
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  void add(EndOfTurn& client) { clients_.push_back(&client); }
  void remove(EndOfTurn& client) { std::erase(clients_, &client); }
  void again() { again_ = true; }

 private:
  void end() {
    do {
      again_ = false;
      for (EndOfTurn* client : clients_) client->end_of_turn();
    } while (again_);
  }

  std::vector<EndOfTurn*> clients_;
  bool again_ = false;
  UvPtr<uv_prepare_t> prepare_;
  UvPtr<uv_check_t> check_;
};

}  // namespace zerogate
