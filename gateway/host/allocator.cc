#include "gateway/host/allocator.h"

#include <malloc.h>

namespace zerogate {

namespace {

/// glibc raises its threshold for mapping each time a mapped block is freed; after the first few
/// large messages all others would come from the heaps, which shrink only at their ends. A fixed
/// one gives the memory of every large message back as soon as it has been answered.
constexpr int kMapFromBytes = 256 << 10;
constexpr uint64_t kTrimDelayMs = 1'000;

}  // namespace

void configure_allocator() { mallopt(M_MMAP_THRESHOLD, kMapFromBytes); }

MemoryTrimmer::MemoryTrimmer(uv_loop_t* loop) {
  const auto init_async = [](uv_loop_t* l, uv_async_t* handle) {
    uv_async_init(l, handle,
                  [](uv_async_t* async) { static_cast<MemoryTrimmer*>(async->data)->schedule(); });
  };
  request_ = make_uv<uv_async_t>(loop, init_async, this);
  timer_ = make_uv<uv_timer_t>(loop, uv_timer_init, this);
}

void MemoryTrimmer::schedule() {
  if (uv_is_active(reinterpret_cast<uv_handle_t*>(timer_.get()))) {
    return;
  }
  uv_timer_start(
      timer_.get(), [](uv_timer_t*) { malloc_trim(0); }, kTrimDelayMs, 0);
}

}  // namespace zerogate
