// Memory for large replies, used again.
#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <vector>

namespace zerogate {

/// Blocks that libzmq holds until a large reply is sent. They are kept for a while: the kernel
/// takes 2 ms to give fresh pages for 4 MiB, five times as long as the copy.
/// One thread calls everything but give_back().
class ReplyBlocks {
 public:
  /// Smaller blocks are the allocator's, which does not ask the kernel for each.
  static constexpr size_t kSmallestBytes = 256 << 10;

  /// Keeps at most so many bytes.
  explicit ReplyBlocks(size_t most_kept) : most_kept_(most_kept) {}
  /// By then every block has been given back.
  ~ReplyBlocks() { free_kept(); }
  ReplyBlocks(const ReplyBlocks&) = delete;
  ReplyBlocks& operator=(const ReplyBlocks&) = delete;

  /// Null when there is no memory.
  void* take(size_t bytes);
  /// A block, and the number of bytes that were asked for. Any thread.
  void give_back(void* block, size_t bytes);

  /// Bytes that no reply needs: of what is kept, and of used blocks what is not asked for.
  size_t spare() const { return spare_; }
  /// Whether a block is used or kept.
  bool any() const { return blocks_ != 0; }
  /// Frees half of those that were kept all the time since the last call.
  void free_unused();
  void free_kept();

 private:
  void free_first(size_t count);

  const size_t most_kept_;
  std::atomic<size_t> spare_ = 0;
  std::atomic<size_t> blocks_ = 0;
  std::mutex mutex_;         ///< of what follows
  std::vector<void*> kept_;  ///< the last one is taken first
  size_t kept_bytes_ = 0;
  size_t fewest_ = 0;  ///< that were kept at a time since the last free_unused()
};

}  // namespace zerogate
