// How the process uses glibc's allocator.
#pragma once

#include <uv.h>

#include "core/io/uv_ptr.h"

namespace zerogate {

/// Call it once, before any thread is started.
void configure_allocator();

/// Gives free memory back to the system after many connections have gone. glibc does so by itself
/// only at the end of each heap: after a crowd of clients nearly everything was free and none of it
/// given back (measured: 66 KB in use of 164 MB). Runs on the control loop, whose thread serves no
/// calls, and sleeps until it is asked.
class MemoryTrimmer {
 public:
  explicit MemoryTrimmer(uv_loop_t* loop);
  MemoryTrimmer(const MemoryTrimmer&) = delete;
  MemoryTrimmer& operator=(const MemoryTrimmer&) = delete;

  /// Any thread. Trims soon, at most once a second.
  void request() { uv_async_send(request_.get()); }

 private:
  void schedule();

  UvPtr<uv_async_t> request_;
  UvPtr<uv_timer_t> timer_;
};

}  // namespace zerogate
