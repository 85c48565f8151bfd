#include "core/io/event_loop.h"

#include <algorithm>
#include <cassert>
#include <stdexcept>
#include <string>
#include <utility>

namespace zerogate {
EventLoop::EventLoop() {
  if (const int error = uv_loop_init(&loop_); error != 0) {
    throw std::runtime_error(std::string("no event loop: ") + uv_strerror(error));
  }
  prepare_ = make_uv<uv_prepare_t>(&loop_, uv_prepare_init, this);
  check_ = make_uv<uv_check_t>(&loop_, uv_check_init, this);
  wake_up_ = make_uv<uv_timer_t>(&loop_, uv_timer_init, this);
  no_sleep_ = make_uv<uv_idle_t>(&loop_, uv_idle_init, this);
  uv_prepare_start(prepare_.get(),
                   [](uv_prepare_t* h) { static_cast<EventLoop*>(h->data)->before_poll(); });
  uv_check_start(check_.get(),
                 [](uv_check_t* h) { static_cast<EventLoop*>(h->data)->after_poll(); });
}

EventLoop::~EventLoop() {
  close();
  const int closed = uv_loop_close(&loop_);
  assert(closed == 0);
  (void)closed;
}

void EventLoop::close() {
  assert(timers_.next_ms() == UINT64_MAX);
  prepare_.reset();
  check_.reset();
  wake_up_.reset();
  no_sleep_.reset();
  uv_run(&loop_, UV_RUN_DEFAULT);
}

uint64_t EventLoop::begin(uint64_t now_ns) const {
  now_ns_ = now_ns;
  if (observer_ != nullptr) {
    observer_->on_turn_begin(now_ns);
  }
  return now_ns;
}

uint64_t EventLoop::read_ns() const {
  const uint64_t now_ns = uv_hrtime();
  if (now_ns_ == 0) {
    begin(now_ns);
  }
  return now_ns;
}

// Callbacks that asked for no time may have come before the one that did. libuv has read a clock of
// milliseconds when the poll returned (uv__io_poll): rounded down, from a kernel clock that ticks
// every millisecond at worst. So the poll had returned two after that for certain, and nothing that
// holds the loop for longer goes unseen. Only the observer is told: those callbacks have kept the
// later time, and a clock that went back behind it would make their waits endless.
void EventLoop::after_poll() {
  constexpr uint64_t kInexactMs = 2;
  polled_ns_ = std::min(began_ns(), (uv_now(&loop_) + kInexactMs) * kNsPerMs);
  timers_.run_due();
  end();
}

void EventLoop::before_poll() {
  end();
  const uint64_t began_ns = std::exchange(now_ns_, 0);
  if (began_ns != 0 && observer_ != nullptr) {
    observer_->on_turn_end(std::min(began_ns, polled_ns_), uv_hrtime());
  }
  arm_wake_up();
}

// libuv's own timer only ends the poll. One that is due already must not be started: libuv runs its
// timers before it polls and would sleep over ours, which run after.
void EventLoop::arm_wake_up() {
  const uint64_t next_ms = timers_.next_ms();
  const uint64_t now_ms = uv_now(&loop_);
  if (next_ms <= now_ms) {
    uv_idle_start(no_sleep_.get(), [](uv_idle_t*) {});
    return;
  }
  uv_idle_stop(no_sleep_.get());
  if (next_ms == wake_up_ms_) {
    return;
  }
  wake_up_ms_ = next_ms;
  if (next_ms == UINT64_MAX) {
    uv_timer_stop(wake_up_.get());
    return;
  }
  uv_timer_start(
      wake_up_.get(),
      [](uv_timer_t* timer) { static_cast<EventLoop*>(timer->data)->wake_up_ms_ = UINT64_MAX; },
      next_ms - now_ms, 0);
}

void EventLoop::end() {
  do {
    again_ = false;
    for (EndOfTurn* client : clients_) {
      client->end_of_turn();
    }
  } while (again_);
}

}  // namespace zerogate
