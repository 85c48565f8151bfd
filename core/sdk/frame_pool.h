// Memory of coroutine frames and of what they wait for, used again instead of freed.
#pragma once

#include <cstddef>

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
  static void* take(size_t bytes);
  static void give_back(void* block, size_t bytes) noexcept;
};

/// Objects of a derived class come from the pool of their thread.
struct PooledObject {
  // clang-tidy 14 does not know that a sized operator delete is its match.
  // NOLINTNEXTLINE(misc-new-delete-overloads)
  static void* operator new(size_t bytes) { return FramePool::take(bytes); }
  static void operator delete(void* block, size_t bytes) { FramePool::give_back(block, bytes); }
};

}  // namespace zerogate
