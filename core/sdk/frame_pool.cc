#include "core/sdk/frame_pool.h"

#include <array>
#include <new>
#include <utility>

namespace zerogate {
namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr bool kKeeps = false;
#else
constexpr bool kKeeps = true;
#endif

constexpr size_t kStep = 64;  ///< bytes from one size to the next

struct Block {
  Block* next;
};

struct Sizes {
  struct Idle {
    Block* first = nullptr;
    size_t count = 0;
  };

  Sizes() = default;
  Sizes(const Sizes&) = delete;
  Sizes& operator=(const Sizes&) = delete;
  ~Sizes() {
    for (Idle& list : idle) {
      while (list.first != nullptr) {
        ::operator delete(std::exchange(list.first, list.first->next));
      }
    }
  }

  std::array<Idle, FramePool::kMaxBytes / kStep> idle;
};

thread_local Sizes sizes;

constexpr bool pooled(size_t bytes) { return kKeeps && bytes <= FramePool::kMaxBytes; }
constexpr size_t index_of(size_t bytes) { return bytes == 0 ? 0 : (bytes - 1) / kStep; }

}  // namespace

void* FramePool::take(size_t bytes) {
  if (!pooled(bytes)) {
    return ::operator new(bytes);
  }
  Sizes::Idle& idle = sizes.idle[index_of(bytes)];
  if (idle.first == nullptr) {
    return ::operator new((index_of(bytes) + 1) * kStep);
  }
  --idle.count;
  return std::exchange(idle.first, idle.first->next);
}

void FramePool::give_back(void* block, size_t bytes) noexcept {
  if (!pooled(bytes)) {
    return ::operator delete(block);
  }
  Sizes::Idle& idle = sizes.idle[index_of(bytes)];
  if (idle.count == kMaxIdle) {
    return ::operator delete(block);
  }
  idle.first = new (block) Block{idle.first};
  ++idle.count;
}

}  // namespace zerogate
