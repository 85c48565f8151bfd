// One write per connection and loop turn: both ends of raw TCP use it, and
// the plain ZeroMQ port.
#pragma once

#include <uv.h>

#include <utility>

#include "core/base/bytes.h"
#include "core/base/out_buffer.h"

namespace zerogate {

/// Gathers bytes and writes them with one system call. Bytes that the kernel does not take wait in
/// one uv_write; libuv 1.44 would queue each request by itself. Lives as long as the stream's
/// memory, because its callback may come after uv_close. Loop thread only.
class StreamWriter {
 public:
  /// Called when the waiting bytes were written (status 0) or could not be (an error; UV_ECANCELED
  /// after uv_close). More bytes may wait by then, so the owner calls flush() again.
  using Done = void (*)(void* owner, int status);

  /// Encrypts what is written.
  class Sealer {
   public:
    /// Takes what it can of `plain`, and appends what goes onto the wire to sealed(). False: no
    /// more can be encrypted; what sealed() has still goes.
    virtual bool seal(OutBuffer& plain) = 0;
    virtual OutBuffer& sealed() = 0;
    /// sealed() is with the kernel.
    virtual void sent() = 0;

   protected:
    ~Sealer() = default;
  };

  StreamWriter(void* owner, Done done) : owner_(owner), done_(done) { write_.data = this; }
  StreamWriter(const StreamWriter&) = delete;
  StreamWriter& operator=(const StreamWriter&) = delete;

  /// Append here.
  OutBuffer& out() { return out_; }
  /// Bytes that only out() has: neither the kernel nor libuv was ever given them.
  size_t gathered() const { return out_.size(); }
  size_t unsent() const { return out_.size() + left_; }
  /// Memory of the unsent bytes: of a reply that is sent in part, all of it is still there.
  size_t held() const {
    return (out_.empty() ? 0 : out_.capacity()) + (left_ == 0 ? 0 : writing_.capacity());
  }
  /// True while bytes wait for the peer to read.
  bool waiting() const { return left_ != 0; }
  /// A buffer keeps its memory between turns up to here: 4 KiB by default, for there may be many
  /// connections. More for one that gathers the work of many.
  void set_kept_capacity(size_t bytes) { kept_capacity_ = bytes; }
  /// All bytes that the kernel has ever taken; not after uv_close. Of a write that breaks off, what
  /// it had taken when this was last asked: libuv's callback does not tell.
  uint64_t written() {
    if (waiting()) [[unlikely]] {
      const size_t taken = left_ - uv_stream_get_write_queue_size(write_.handle);
      written_ += taken - std::exchange(taken_, taken);
    }
    return written_;
  }

  /// Writes the gathered bytes, unless earlier bytes still wait. Returns 0, or the error that ended
  /// the stream; then the owner closes it.
  int flush(uv_stream_t* stream) {
    if (sealer_ != nullptr) [[unlikely]] {
      return flush_sealed(stream);
    }
    return waiting() || out_.empty() ? 0 : flush_plain(stream);
  }
  /// Encrypts from now on. Then out() and gathered() have what is not encrypted yet; bytes that
  /// wait for the peer, and written(), are those of the wire.
  void set_sealer(Sealer* sealer) { sealer_ = sealer; }

 private:
  /// Less than this part of its memory is a short rest.
  static constexpr size_t kShortRest = 4;

  int flush_plain(uv_stream_t* stream);
  int flush_sealed(uv_stream_t* stream);
  /// Bytes that the kernel took, or an error.
  ssize_t write(uv_stream_t* stream, ByteView bytes);
  /// Leaves what is behind the `taken` bytes to libuv. 0 or libuv's number. What `bytes` has
  /// afterwards is of no use.
  int wait_with_rest(uv_stream_t* stream, OutBuffer& bytes, size_t taken);
  /// A connection that once had a large reply does not keep its memory.
  void empty(OutBuffer& buffer) const { buffer.clear(kept_capacity_); }
  void on_written(int status);

  void* const owner_;
  const Done done_;
  uv_os_fd_t fd_ = -1;  ///< of the one stream that it writes to; -1 before the first write
  uv_write_t write_;
  OutBuffer out_;
  OutBuffer writing_;
  size_t left_ = 0;   ///< bytes of writing_, its last ones, that libuv has for the kernel
  size_t taken_ = 0;  ///< bytes of left_ that written_ has
  uint64_t written_ = 0;
  size_t kept_capacity_ = 4 << 10;
  Sealer* sealer_ = nullptr;
};

}  // namespace zerogate
