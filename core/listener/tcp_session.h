// One raw-TCP client: its frames in, its replies out.
#pragma once

#include <uv.h>

#include <cstdint>
#include <string>

#include "core/base/unique_fd.h"
#include "core/io/frame_reader.h"
#include "core/io/stream_writer.h"
#include "core/io/uv_ptr.h"
#include "core/metrics/worker_metrics.h"
#include "core/rpc/return_path.h"
#include "core/wire/tcp_wire.h"

namespace zerogate {

class TcpListener;

/// Created on accept and owned by its libuv handle: close() ends it at once for all others, and the
/// handle's close callback frees its memory. Loop thread only.
///
/// Every whole frame of a read is dispatched from the listener's shared read buffer; an idle
/// session owns no buffer. Replies are gathered, and flush() writes them once per turn. The session
/// stops reading while its peer does not read, or while too many of its calls are under way.
class TcpSession {
 public:
  /// Calls one connection may have under way; further frames stay unread until one is answered.
  static constexpr uint32_t kMaxCallsInFlight = 1024;

  TcpSession(TcpListener& listener, CallerKey key, bool is_pipe);
  TcpSession(const TcpSession&) = delete;
  TcpSession& operator=(const TcpSession&) = delete;

  /// Takes the next connection of `server`. False: there was none after all; close() is due.
  bool accept(uv_stream_t* server);
  /// The same with a TCP connection that another worker has accepted. It takes the descriptor in
  /// any case.
  bool adopt(UniqueFd connection);

  /// Queues a reply. False when it was not taken: the peer reads too slowly and was closed.
  bool deliver(const ReturnPath& path, ByteView body);
  /// Writes what was queued; goes on with reading when that was waiting for it.
  void flush();

  /// Ends the session now. Its calls under way lose their way back; no callback follows.
  void close();
  void reject(Rejected reason);

  CallerKey key() const { return key_; }
  /// The peer's address and port, or "unix". A system call.
  std::string peer() const;
  size_t received_bytes() const { return reader_.memory(); }
  size_t unsent_bytes() const { return writer_.unsent(); }
  /// When the unfinished frame was begun, 0 when there is none; milliseconds of the loop's clock.
  uint64_t partial_since_ms() const { return partial_since_ms_; }
  /// Since when the peer has read nothing of what waits for it, 0 when nothing waits.
  uint64_t unread_since_ms() const { return unread_since_ms_; }
  /// Ends the session when its peer has stalled: a frame not finished, or replies not read. True
  /// when the session still has something that can stall.
  bool check_stall(uint64_t now_ms);

 private:
  friend class TcpListener;
  uv_stream_t* stream() { return &handle_.stream; }
  bool blocked() const;

  uv_buf_t read_space();
  void on_read(ssize_t size);
  void on_bytes(size_t size);
  void on_written(int status);
  bool begin();
  void start_reading();
  void stop_reading();
  /// Dispatches whole frames; keeps the rest.
  void consume(ByteView bytes, uint64_t received_ns);
  void dispatch(const wire::TcpFrame& frame, uint64_t received_ns);
  void keep(ByteView rest, size_t frame_size);
  void resume();
  /// Bring the listener's totals up to date with what is buffered here; for replies that is due
  /// once per turn.
  void account_received();
  void account_sent();
  void malformed(Malformed reason);
  /// Reads no more; closes once every call under way is answered and written.
  void end();
  void mark_dirty();

  struct Accounted {
    size_t received = 0;
    size_t unsent = 0;
    uint64_t written = 0;
    bool waiting = false;
  };

  UvStream handle_;
  TcpListener& listener_;
  const CallerKey key_;
  uint32_t in_flight_ = 0;
  uint32_t max_in_flight_ = kMaxCallsInFlight;  ///< 1 for T1: without ids only the order tells
  bool dirty_ = false;                          ///< waits in the listener's list of this turn
  bool reading_ = false;
  bool ending_ = false;
  bool closed_ = false;
  FrameReader reader_;  ///< keeps the begin of a frame, or whole frames read while blocked
  StreamWriter writer_;
  Accounted accounted_;
  uint64_t partial_since_ms_ = 0;
  uint64_t unread_since_ms_ = 0;
  size_t queued_at_check_ = 0;  ///< libuv's write queue at the last stall check: did it shrink?
};

}  // namespace zerogate
