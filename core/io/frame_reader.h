// Cuts a stream into frames with as few copies as possible: both ends of raw TCP use it, and
// the plain ZeroMQ port.
#pragma once

#include <uv.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/base/byte_buffer.h"

namespace zerogate {

/// Reads go into a buffer that all connections of a loop share. Only an unfinished frame is kept
/// here, so an idle connection owns no buffer. An unfinished frame that will fit into the shared
/// buffer goes back there before the next read, so that its rest and the frames behind it arrive in
/// one piece; so does a longer one until it fills that buffer, and holds no more than has come.
/// Then it gets memory of its own, which grows with the bytes that have come and not with the
/// length that the peer claims. Loop thread only.
class FrameReader {
 public:
  static constexpr size_t kSharedBytes = 64 << 10;
  /// A copy of as many bytes takes 0.2 ms: others wait no longer.
  static constexpr size_t kLongestRead = 1 << 20;

  /// Where the next read goes. `shared` has kSharedBytes; the caller uses it for no other
  /// connection until take().
  uv_buf_t space(char* shared) {
    if (!has_own_memory()) {
      const ByteView begun = kept_.view();
      if (!begun.empty()) {
        std::memcpy(shared, begun.data(), begun.size());
      }
      return uv_buf_init(shared + begun.size(), static_cast<unsigned>(kSharedBytes - begun.size()));
    }
    const size_t room =
        std::min(frame_size_ - kept_.size(), std::clamp(kept_.size(), kSharedBytes, kLongestRead));
    return uv_buf_init(kept_.prepare(room), static_cast<unsigned>(room));
  }

  /// What there is to parse after `size` bytes were read into space().
  struct Chunk {
    ByteBuffer owned;  ///< keeps a long frame's memory; empty when the bytes are in `shared`
    ByteView bytes;    ///< empty while a frame with memory of its own is not whole yet
  };
  Chunk take(char* shared, size_t size) {
    Chunk chunk;
    if (!has_own_memory()) {
      chunk.bytes = {shared, kept_.size() + size};
      if (!empty()) {
        release();
      }
    } else {
      kept_.commit(size);
      if (kept_.size() < frame_size_) {
        return chunk;
      }
      chunk.owned = release();
      chunk.bytes = chunk.owned.view();
    }
    return chunk;
  }

  /// Keeps bytes that cannot be used yet: the beginning of a frame of `frame_size` bytes (0: not
  /// known yet), or whole frames that must wait.
  void keep(ByteView rest, size_t frame_size) {
    kept_.append(rest);
    frame_size_ = frame_size;
  }

  /// Empties it and hands out what was kept.
  ByteBuffer release() {
    frame_size_ = 0;
    return std::exchange(kept_, ByteBuffer());
  }

  /// A long frame has filled the shared buffer.
  bool has_own_memory() const { return frame_size_ > kSharedBytes && kept_.size() >= kSharedBytes; }
  bool empty() const { return kept_.empty(); }
  ByteView view() const { return kept_.view(); }
  size_t size() const { return kept_.size(); }
  size_t frame_size() const { return frame_size_; }
  size_t memory() const { return kept_.capacity(); }

 private:
  ByteBuffer kept_;
  size_t frame_size_ = 0;
};

}  // namespace zerogate
