#include "core/sdk/frame_pool.h"

#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/mman.h>

#include <cerrno>
#include <thread>

namespace zerogate {
namespace {

#ifndef ZEROGATE_ADDRESS_SANITIZER  // it has every block freed

TEST(FramePoolTest, ABlockIsUsedAgainForAnyThingOfItsSize) {
  void* const first = FramePool::take(65);
  EXPECT_GE(malloc_usable_size(first), 128u) << "the largest of its size";
  FramePool::give_back(first, 65);
  void* const second = FramePool::take(128);
  EXPECT_EQ(first, second);
  FramePool::give_back(second, 128);
  void* const smaller = FramePool::take(64);
  EXPECT_NE(smaller, first);
  FramePool::give_back(smaller, 64);
}

/// So large that it has pages of its own from the system: they go when it is freed, and nothing
/// small ever lies at its begin.
class OwnPages {
 public:
  static constexpr size_t kBytes = size_t{64} << 20;

  void* begin() const { return block_; }
  bool freed() const {
    const auto address = reinterpret_cast<uintptr_t>(block_);
    unsigned char there = 0;
    return mincore(reinterpret_cast<void*>(address & ~uintptr_t{0xfff}), 1, &there) != 0 &&
           errno == ENOMEM;
  }

 private:
  void* const block_ = ::operator new(kBytes);
};

TEST(FramePoolTest, LargeBlocksAreNotKept) {
  const OwnPages kept, large;
  FramePool::give_back(kept.begin(), FramePool::kMaxBytes);
  FramePool::give_back(large.begin(), FramePool::kMaxBytes + 1);
  EXPECT_FALSE(kept.freed());
  EXPECT_TRUE(large.freed());
  EXPECT_EQ(FramePool::take(FramePool::kMaxBytes), kept.begin());
  ::operator delete(kept.begin());
}

TEST(FramePoolTest, OnlySoManyBlocksOfASizeAreKept) {
  std::thread([] {
    FramePool::give_back(FramePool::take(1), 1);
    for (size_t i = 1; i < FramePool::kMaxIdle - 1; ++i) {
      FramePool::give_back(::operator new(1), 1);
    }
    const OwnPages last, one_too_many;
    FramePool::give_back(last.begin(), 1);
    FramePool::give_back(one_too_many.begin(), 1);
    EXPECT_FALSE(last.freed());
    EXPECT_TRUE(one_too_many.freed());
    EXPECT_EQ(FramePool::take(1), last.begin());
    FramePool::give_back(last.begin(), 1);
    const OwnPages other;
    FramePool::give_back(other.begin(), 1);
    EXPECT_TRUE(other.freed()) << "one was taken, and one came back";
  }).join();
}

/// What other thread_locals find that live longer than the pool of their thread.
struct EndsAfterPool {
  ~EndsAfterPool() {
    idle_freed = idle->freed();
    const OwnPages late;
    FramePool::give_back(late.begin(), 1);
    late_freed = late.freed();
    FramePool::give_back(FramePool::take(1), 1);  // there is memory all the same
  }

  const OwnPages* idle = nullptr;
  static inline bool idle_freed, late_freed;
};

TEST(FramePoolTest, AThreadThatEndsKeepsNothing) {
  const OwnPages idle;
  std::thread([&] {
    static thread_local EndsAfterPool last;
    last.idle = &idle;
    void* const first = FramePool::take(1);
    FramePool::give_back(idle.begin(), 1);
    FramePool::give_back(first, 1);
    EXPECT_FALSE(idle.freed());
  }).join();
  EXPECT_TRUE(EndsAfterPool::idle_freed);
  EXPECT_TRUE(EndsAfterPool::late_freed);
}

#endif

}  // namespace
}  // namespace zerogate
