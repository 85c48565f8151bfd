// One raw-TCP client: its frames in, its replies out.
#pragma once

#include <uv.h>

#include <cstdint>
#include <string>

#include "core/base/byte_buffer.h"
#include "core/metrics/worker_metrics.h"
#include "core/rpc/return_path.h"

namespace zerogate {

class TcpListener;

/// A TCP or Unix stream handle.
union UvStream {
  uv_handle_t handle;
  uv_stream_t stream;
  uv_tcp_t tcp;
  uv_pipe_t pipe;
};

/// Created on accept and owned by its libuv handle: close() ends it for everybody else at once and
/// its memory goes with the handle's close callback. Loop thread only.
///
/// Reading: every whole frame of a read is dispatched straight from the listener's shared read
/// buffer; only an unfinished frame is kept, in `partial_`. An idle session owns no buffer.
/// Writing: replies are appended to `out_`; flush(), once per turn, writes them with one system
/// call, and what the kernel does not take waits in `writing_`.
/// It stops reading while the peer does not read, or while too many of its calls are under way.
class TcpSession {
 public:
  /// Calls one connection may have under way; further frames stay unread until one is answered.
  static constexpr uint32_t kMaxCallsInFlight = 1024;

  TcpSession(TcpListener& listener, CallerKey key, bool is_pipe);
  TcpSession(const TcpSession&) = delete;
  TcpSession& operator=(const TcpSession&) = delete;

  /// Takes the next connection of `server`. False: there was none after all; close() is due.
  bool accept(uv_stream_t* server);

  /// Queues a reply. False when it was not taken: the peer reads too slowly and was closed.
  bool deliver(const RequestId& id, ByteView body);
  /// Writes what was queued; goes on with reading when that was waiting for it.
  void flush();

  /// Ends the session now. Its calls under way lose their way back; no callback follows.
  void close();
  void reject(Rejected reason);

  CallerKey key() const { return key_; }
  size_t received_bytes() const { return partial_.capacity(); }
  size_t unsent_bytes() const { return out_.size() + writing_.size() - written_; }
  /// When the unfinished frame was begun, 0 when there is none; uv_now() milliseconds.
  uint64_t partial_since_ms() const { return partial_since_ms_; }
  /// Since when the peer has read nothing of what waits for it, 0 when nothing waits.
  uint64_t unread_since_ms() const { return unread_since_ms_; }
  /// Ends the session when its peer has stalled: a frame not finished, replies not read. True when
  /// it still has something to stall on.
  bool check_stall(uint64_t now_ms);

 private:
  friend class TcpListener;
  uv_stream_t* stream() { return &handle_.stream; }
  bool blocked() const;

  uv_buf_t read_space();
  void on_read(ssize_t size);
  void on_bytes(size_t size);
  void on_written(int status);
  void start_reading();
  void stop_reading();
  /// Dispatches whole frames; keeps the rest.
  void consume(ByteView bytes, uint64_t received_ns);
  void dispatch(ByteView payload, uint32_t id, uint64_t received_ns);
  void keep(ByteView rest);
  ByteBuffer take_partial();
  void resume();
  void malformed(Malformed reason);
  /// Reads no more; closes once every call under way is answered and written.
  void end();
  void write_rest();
  void mark_dirty();

  UvStream handle_;
  uv_write_t write_;
  TcpListener& listener_;
  const CallerKey key_;
  uint32_t in_flight_ = 0;
  bool dirty_ = false;    ///< waits in the listener's list of this turn
  bool reading_ = false;
  bool ending_ = false;
  bool closed_ = false;
  ByteBuffer partial_;      ///< begin of a frame, or whole frames read while blocked
  size_t frame_size_ = 0;   ///< of the unfinished frame, when its length is known
  std::string out_;         ///< replies of this turn
  std::string writing_;     ///< under way in uv_write
  size_t written_ = 0;      ///< bytes of `writing_` that the kernel had taken before
  uint64_t partial_since_ms_ = 0;
  uint64_t unread_since_ms_ = 0;
  size_t queued_at_check_ = 0;  ///< libuv's write queue at the last stall check: did it shrink?
};

}  // namespace zerogate
