#include "core/listener/reply_blocks.h"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <limits>

namespace zerogate {

void* ReplyBlocks::take(size_t bytes) {
  if (bytes < kSmallestBytes) {
    return std::malloc(bytes);
  }
  {
    // In one of more than twice the size too much would lie idle.
    const auto fits = [bytes](void* block) {
      const size_t size = malloc_usable_size(block);
      return size >= bytes && size / 2 <= bytes;
    };
    const std::lock_guard lock(mutex_);
    if (const auto found = std::find_if(kept_.rbegin(), kept_.rend(), fits);
        found != kept_.rend()) {
      void* const block = *found;
      kept_.erase(std::prev(found.base()));
      kept_bytes_ -= malloc_usable_size(block);
      fewest_ = std::min(fewest_, kept_.size());
      spare_ -= bytes;
      return block;
    }
  }
  void* const block = std::malloc(bytes);
  if (block != nullptr) {
    ++blocks_;
    spare_ += malloc_usable_size(block) - bytes;
  }
  return block;
}

void ReplyBlocks::give_back(void* block, size_t bytes) {
  if (bytes < kSmallestBytes) {
    std::free(block);
    return;
  }
  const size_t size = malloc_usable_size(block);
  {
    const std::lock_guard lock(mutex_);
    if (kept_bytes_ + size <= most_kept_) {
      kept_.push_back(block);
      kept_bytes_ += size;
      spare_ += bytes;
      return;
    }
  }
  --blocks_;
  spare_ -= size - bytes;
  std::free(block);
}

// By halves: to free 64 MiB takes 5 ms.
void ReplyBlocks::free_unused() {
  free_first((fewest_ + 1) / 2);
  const std::lock_guard lock(mutex_);
  fewest_ = kept_.size();
}

void ReplyBlocks::free_kept() { free_first(std::numeric_limits<size_t>::max()); }

// Those that were not taken for longest. Outside of the lock, for it takes the kernel a while.
void ReplyBlocks::free_first(size_t count) {
  std::vector<void*> freed;
  {
    const std::lock_guard lock(mutex_);
    const auto end = kept_.begin() + static_cast<ptrdiff_t>(std::min(count, kept_.size()));
    freed.assign(kept_.begin(), end);
    kept_.erase(kept_.begin(), end);
    for (void* block : freed) {
      kept_bytes_ -= malloc_usable_size(block);
    }
  }
  for (void* block : freed) {
    spare_ -= malloc_usable_size(block);
    --blocks_;
    std::free(block);
  }
}

}  // namespace zerogate
