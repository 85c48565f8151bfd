// A timer of nanoseconds: libuv's own count milliseconds.
#pragma once

#include <sys/timerfd.h>
#include <uv.h>

#include <cstdint>
#include <memory>
#include <system_error>

#include "core/base/clock.h"
#include "core/base/unique_fd.h"
#include "core/io/uv_ptr.h"

namespace zerogate {

/// Ends the loop's sleep at a time; its owner then acts at the turn's end. Loop thread only.
class PreciseTimer {
 public:
  explicit PreciseTimer(uv_loop_t* loop)
      : fd_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
    const int fd = fd_.get();
    auto handle = std::make_unique<uv_poll_t>();
    if (const int error = uv_poll_init(loop, handle.get(), fd); error != 0) {
      throw std::system_error(-error, std::generic_category(), "cannot make a timer");
    }
    handle->data = this;
    poll_.reset(handle.release());
    uv_poll_start(poll_.get(), UV_READABLE, [](uv_poll_t* poll, int, int) {
      static_cast<PreciseTimer*>(poll->data)->disarm();
    });
  }

  /// Wakes the loop up at `at_ns` of uv_hrtime(), or at once when that has passed.
  void arm(uint64_t at_ns) {
    if (armed_ns_ == at_ns) {
      return;
    }
    armed_ns_ = at_ns;
    set(at_ns);
  }

 private:
  // Setting it also takes back that it has fired, so its descriptor needs no read.
  void disarm() {
    armed_ns_ = 0;
    set(0);
  }
  void set(uint64_t at_ns) {
    itimerspec when{};
    when.it_value.tv_sec = static_cast<time_t>(at_ns / kNsPerSecond);
    when.it_value.tv_nsec = static_cast<long>(at_ns % kNsPerSecond);
    timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
  }

  UniqueFd fd_;
  UvPtr<uv_poll_t> poll_;
  uint64_t armed_ns_ = 0;
};

}  // namespace zerogate
