#include "core/io/event_loop.h"

#include <algorithm>
#include <utility>

namespace zerogate {
namespace {

constexpr uint64_t kNsPerMs = 1'000'000;

}  // namespace

EventLoop::EventLoop(uv_loop_t* loop)
    : loop_(loop),
      prepare_(make_uv<uv_prepare_t>(loop, uv_prepare_init, this)),
      check_(make_uv<uv_check_t>(loop, uv_check_init, this)) {
  uv_prepare_start(prepare_.get(),
                   [](uv_prepare_t* h) { static_cast<EventLoop*>(h->data)->before_poll(); });
  uv_check_start(check_.get(),
                 [](uv_check_t* h) { static_cast<EventLoop*>(h->data)->after_poll(); });
}

uint64_t EventLoop::now_ns() {
  const uint64_t now_ns = uv_hrtime();
  if (began_ns_ == 0) {
    began_ns_ = now_ns;
    if (observer_ != nullptr) {
      observer_->on_turn_begin(now_ns);
    }
  }
  return now_ns;
}

// Callbacks that asked for no time may have come before the one that did. libuv has read a clock of
// milliseconds when the poll returned (uv__io_poll): rounded down, from a kernel clock that ticks
// every millisecond at worst. So the poll had returned two after that for certain, and nothing that
// holds the loop for longer goes unseen.
void EventLoop::after_poll() {
  constexpr uint64_t kInexactMs = 2;
  began_ns_ = std::min(began_ns(), (uv_now(loop_) + kInexactMs) * kNsPerMs);
  end();
}

void EventLoop::before_poll() {
  end();
  const uint64_t began_ns = std::exchange(began_ns_, 0);
  if (began_ns != 0 && observer_ != nullptr) {
    observer_->on_turn_end(began_ns, uv_hrtime());
  }
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
