// The order in which the process ends: not ready, closed, ended, and by force when that takes too
// long.
#pragma once

#include <uv.h>

#include <atomic>
#include <functional>
#include <string_view>

#include "core/io/uv_ptr.h"

namespace zerogate {

struct ShutdownOptions {
  uint32_t delay_ms = 0;    ///< not ready, but at work: load balancers take note (drain_delay)
  uint32_t timeout_ms = 0;  ///< then calls under way have this long (drain_timeout)
};

/// What is to be done at each step, on the main thread.
struct ShutdownSteps {
  /// It has begun, with at most `total_ms` to go.
  std::function<void(uint32_t total_ms)> on_begin;
  std::function<void()> drain;  ///< the delay has passed
  std::function<void()> stop;   ///< at once, whatever is under way
};

/// Made, used and destroyed on the main thread, but for what says otherwise.
class Shutdown {
 public:
  /// The loop is run once more after its destruction.
  Shutdown(uv_loop_t* loop, const ShutdownOptions& options, ShutdownSteps steps);
  Shutdown(const Shutdown&) = delete;
  Shutdown& operator=(const Shutdown&) = delete;

  /// Any thread: from now on the gateway is not ready.
  bool begun() const { return begun_; }
  /// Any thread: begins it on the main thread, if it has not begun.
  void request();
  /// A signal to end: the first begins it, or lets go on what request() has begun; another one ends
  /// the process within a second.
  void on_signal(int number);

 private:
  void begin(std::string_view cause);
  void drain();
  void end_by_force_in(uint64_t ms);

  const ShutdownOptions options_;
  const ShutdownSteps steps_;
  std::atomic<bool> begun_ = false;
  bool signalled_ = false;
  UvPtr<uv_async_t> request_;
  UvPtr<uv_timer_t> delay_;
  UvPtr<uv_timer_t> force_;  ///< ends the process although a worker does not
};

}  // namespace zerogate
