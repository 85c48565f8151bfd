#include "core/io/tls_loop.h"

#include <cassert>

namespace zerogate {

TlsLoop::TlsLoop(uv_loop_t* loop) : read_buffer_(new char[FrameReader::kSharedBytes]) {
  const auto init_idle = [](uv_loop_t* of, uv_idle_t* handle) { uv_idle_init(of, handle); };
  const auto init_check = [](uv_loop_t* of, uv_check_t* handle) { uv_check_init(of, handle); };
  idle_ = make_uv<uv_idle_t>(loop, init_idle, this);
  check_ = make_uv<uv_check_t>(loop, init_check, this);
}

TlsLoop::~TlsLoop() { assert(ready_.empty() && for_step_.empty()); }

void TlsLoop::count_steps(int steps) {
  if (steps == 0) {
    return;
  }
  steps_ += steps;
  uv_check_start(check_.get(), [](uv_check_t* check) {
    static_cast<TlsLoop*>(check->data)->steps_ = 0;
    uv_check_stop(check);
  });
}

void TlsLoop::wait(Waiter& waiter, bool for_step) {
  forget(waiter);
  waiter.waits = true;
  waiter.for_step = for_step;
  (for_step ? for_step_ : ready_).push_back(waiter);
  uv_idle_start(idle_.get(), [](uv_idle_t* idle) { static_cast<TlsLoop*>(idle->data)->on_idle(); });
}

void TlsLoop::forget(Waiter& waiter) {
  if (waiter.waits) {
    waiter.waits = false;
    (waiter.for_step ? for_step_ : ready_).remove(waiter);
  }
}

void TlsLoop::on_idle() {
  serve(ready_, false);
  serve(for_step_, true);
  if (ready_.empty() && for_step_.empty()) {
    uv_idle_stop(idle_.get());
  }
}

// Those that wait again are for the next turn.
void TlsLoop::serve(Waiters& waiters, bool for_step) {
  for (size_t left = waiters.size(); left != 0 && !waiters.empty(); --left) {
    if (for_step && !may_step()) {
      return;
    }
    Waiter& waiter = *waiters.front();
    forget(waiter);
    waiter.on_turn();
  }
}

}  // namespace zerogate
