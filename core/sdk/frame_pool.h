// Memory of coroutine frames and of what they wait for, used again instead of freed.
#pragma once

#include <array>
#include <cstddef>
#include <new>
#include <utility>

#include "core/base/sanitizers.h"

namespace zerogate {

/// Free lists of one thread, by size, so that steady state allocates nothing. A block is given back
/// on the thread that took it: coroutines never leave their loop. A build with AddressSanitizer
/// keeps no block, so that it sees every leak and every use after the end.
class FramePool {
 public:
  /// Blocks up to this size are kept; larger frames are rare (big arrays as locals).
  static constexpr size_t kMaxBytes = 2048;
  /// Idle blocks kept of one size; more are freed when a burst is over.
  static constexpr size_t kMaxIdle = 1024;

  /// Throws std::bad_alloc.
  static void* take(size_t bytes) {
    if (pooled(bytes)) {
      Idle& idle = sizes[index_of(bytes)];
      if (idle.first != nullptr) {
        --idle.count;
        return std::exchange(idle.first, idle.first->next);
      }
    }
    return allocate(bytes);
  }
  static void give_back(void* block, size_t bytes) noexcept {
    if (pooled(bytes)) {
      Idle& idle = sizes[index_of(bytes)];
      if (idle.count != kMaxIdle) {
        ++idle.count;
        idle.first = new (block) Block{idle.first};
        return;
      }
    }
    ::operator delete(block);
  }

 private:
  friend struct FramePoolEnd;
  struct Block {
    Block* next;
  };
  struct Idle {
    Block* first = nullptr;
    size_t count = 0;
  };

#ifdef ZEROGATE_ADDRESS_SANITIZER
  static constexpr bool kKeeps = false;
#else
  static constexpr bool kKeeps = true;
#endif
  static constexpr size_t kStep = 64;  ///< bytes from one size to the next

  static constexpr bool pooled(size_t bytes) { return kKeeps && bytes <= kMaxBytes; }
  static constexpr size_t index_of(size_t bytes) { return bytes == 0 ? 0 : (bytes - 1) / kStep; }
  [[gnu::cold, gnu::noinline]] static void* allocate(size_t bytes);

  /// Without a destructor: a thread_local that has one is asked at each use whether it is there.
  static constinit thread_local std::array<Idle, kMaxBytes / kStep> sizes;
};

/// Objects of a derived class come from the pool of their thread.
struct PooledObject {
  // clang-tidy 14 does not know that a sized operator delete is its match.
  // NOLINTNEXTLINE(misc-new-delete-overloads)
  static void* operator new(size_t bytes) { return FramePool::take(bytes); }
  static void operator delete(void* block, size_t bytes) { FramePool::give_back(block, bytes); }
};

}  // namespace zerogate
