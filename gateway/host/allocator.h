// How the process uses glibc's allocator.
#pragma once

#include <uv.h>

#include "core/io/uv_ptr.h"

namespace zerogate {

/// Call it once, before any thread is started.
void configure_allocator();

/// Gives free memory back to the system after many connections have gone. glibc by itself returns
/// only the end of each heap: after a crowd of clients 66 KB of 164 MB were in use, and the rest
/// was not returned (measured). Runs on the control loop, whose thread serves no calls; it sleeps
/// until it is asked.
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
