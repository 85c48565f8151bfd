#include "core/sdk/frame_pool.h"

namespace zerogate {

constinit thread_local std::array<FramePool::Idle, FramePool::kMaxBytes / FramePool::kStep>
    FramePool::sizes = {};

/// Frees the idle blocks of a thread at its end.
struct FramePoolEnd {
  FramePoolEnd() = default;
  FramePoolEnd(const FramePoolEnd&) = delete;
  FramePoolEnd& operator=(const FramePoolEnd&) = delete;
  ~FramePoolEnd() {
    for (FramePool::Idle& idle : FramePool::sizes) {
      while (idle.first != nullptr) {
        ::operator delete(std::exchange(idle.first, idle.first->next));
      }
      idle.count = FramePool::kMaxIdle;  // blocks that come later are not kept
    }
  }
  bool exists = true;
};

void* FramePool::allocate(size_t bytes) {
  static thread_local const FramePoolEnd kAtThreadEnd;
  return ::operator new(pooled(bytes) && kAtThreadEnd.exists ? (index_of(bytes) + 1) * kStep
                                                             : bytes);
}

}  // namespace zerogate
