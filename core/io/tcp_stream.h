// A connected byte stream, TCP or Unix, plain or TLS, that hides libuv from its owner.
#pragma once

#include <uv.h>

#include <memory>
#include <string_view>
#include <utility>

#include "core/base/address.h"
#include "core/base/bytes.h"
#include "core/base/memory_account.h"
#include "core/base/unique_fd.h"
#include "core/io/frame_reader.h"
#include "core/io/read_turns.h"
#include "core/io/socket_memory.h"
#include "core/io/stream_writer.h"
#include "core/io/tls_loop.h"
#include "core/io/tls_use.h"
#include "core/io/uv_ptr.h"

namespace zerogate {

class TlsLayer;

/// Connects or is accepted, reads into a buffer that all streams of a loop share, keeps unfinished
/// frames (FrameReader), and writes the gathered bytes with one system call per turn
/// (StreamWriter). Its Owner owns it and may close it at any time, but destroy it only outside the
/// Owner's functions. The part that libuv still uses outlives both. Loop thread only.
///
/// After secure() the same bytes go over TLS. What an owner sees of it is that its peer is there
/// only when the handshake is done; all numbers of bytes but gathered() are those of the wire.
class TcpStream final : private ReadTurns::Waiter,
                        private TlsLoop::Waiter,
                        private MemoryAccount::Claimant {
 public:
  /// The TLS failed: see why().
  static constexpr int kTlsFailed = UV_EPROTO;

  class Owner {
   public:
    /// connect() has succeeded. With TLS the handshake has, also after adopt().
    virtual void on_connected() = 0;
    /// Bytes that were kept, then those that have come. What is not used goes back to keep().
    virtual void on_bytes(ByteView bytes) = 0;
    /// What waited for the peer to read has been written; more may wait by now: flush().
    virtual void on_writable() = 0;
    /// The last call, with libuv's number; see reason(). Only after UV_EOF another may follow: the
    /// peer sends no more, but may still read what is flushed.
    virtual void on_closed(int error) = 0;

   protected:
    ~Owner() = default;
  };

  /// Over all streams of an owner of many.
  struct Totals {
    size_t kept = 0;        ///< memory of what has come and is of no use yet
    size_t unfinished = 0;  ///< of it, what waits for the peer: of streams that read
    size_t unclaimed = 0;   ///< of kept, what a MemoryAccount has not granted
    uint64_t received = 0;  ///< all bytes ever read
  };

  /// `read_buffer` has FrameReader::kSharedBytes. `totals` may be null.
  TcpStream(uv_loop_t* loop, Owner& owner, char* read_buffer, Totals* totals = nullptr);
  ~TcpStream();
  TcpStream(const TcpStream&) = delete;
  TcpStream& operator=(const TcpStream&) = delete;

  /// Before connect() or adopt(): speaks TLS.
  void secure(const TlsUse& use);
  /// Null without TLS.
  TlsLayer* tls() const { return tls_.get(); }
  /// The handshake is not done yet. Without TLS there is none.
  bool shaking_hands() const { return tls_ != nullptr && is_shaking(); }

  /// Starts to connect to a numeric address or a Unix socket. 0: on_connected() or on_closed()
  /// follows, not before this returns. Else an error, after which nothing follows.
  int connect(const Address& address);
  int connect(const sockaddr* address);

  /// Instead of connect(): takes a connected socket, TCP or Unix, in any case. start_reading() is
  /// due, unless it returns false.
  bool adopt(UniqueFd connection);

  /// Before it is connected: it gives way to other streams of the loop that have much to read.
  void take_turns(ReadTurns& turns) { turns_ = &turns; }
  /// The same: it claims a long frame's memory before it reads the frame, but not before the peer
  /// has sent as much of it as FrameReader's shared buffer holds. A head alone claims nothing.
  void charge(MemoryAccount& memory, MemoryUse use) {
    memory_ = &memory;
    use_ = use;
  }
  /// A long frame has begun, and there is no memory for it yet: nothing is read.
  bool waits_for_memory() const { return claim_state == State::waiting; }
  /// What TLS may have of the peer's bytes that the reader does not have yet, at most.
  size_t most_in_tls() const;
  /// Of these it has some that wait for nothing but that the owner reads.
  bool has_encrypted() const;
  /// It has been granted that memory, all of it.
  bool holds_claim() const { return claim_state == State::granted; }
  /// Once connected: the kernel asks a TCP peer that is idle for `idle_ms` whether it is there, and
  /// ends the connection when the peer has not acknowledged, or not taken, what was sent for
  /// `timeout_ms`.
  void watch_peer(uint32_t idle_ms, uint32_t timeout_ms);

  /// Append here what the next flush() sends.
  OutBuffer& out() { return shell_->writer.out(); }
  /// 0, or the error that has ended the stream.
  int flush() { return shell_->writer.flush(&shell_->uv.stream); }
  void set_kept_capacity(size_t bytes) { shell_->writer.set_kept_capacity(bytes); }
  /// What has been gathered and written so far.
  const StreamWriter& writer() const { return shell_->writer; }
  /// Of it, what the kernel has taken: see StreamWriter.
  uint64_t written() { return shell_->writer.written(); }
  /// Bytes that wait in libuv for the peer to read.
  size_t unread() const { return uv_stream_get_write_queue_size(&shell_->uv.stream); }

  /// See FrameReader.
  void keep(ByteView rest, size_t frame_size) {
    reader_.keep(rest, frame_size);
    if (reader_.has_own_memory() && memory_ != nullptr && claim_state == State::none) {
      claim_memory(frame_size);
    }
    account_kept();
  }
  ByteBuffer release_kept() {
    ByteBuffer kept = reader_.release();
    release_claim();
    account_kept();
    return kept;
  }
  const FrameReader& reader() const { return reader_; }

  /// Reads on after adopt() or stop_reading(); a connect() does so by itself. 0 or libuv's number.
  int start_reading();
  /// Reads no more.
  void stop_reading();
  /// Reads what the peer has sent so far, up to `most` bytes and a read more, without the loop.
  /// Nothing before a handshake is done. Its owner may close it meanwhile.
  void read_now(size_t most);
  /// Ends what this side sends; the peer may still be read. Nothing may wait to be written.
  void end_writing();
  /// Over TLS, and while nothing waits to be written: tells the peer that nothing follows, so that
  /// written() has these bytes, too. Otherwise close() does.
  void say_end();
  /// Ends the connection: no function of the owner's and none of this is called any more.
  void close();

  /// What the kernel has not sent is thrown away at close(): the peer gets a reset.
  void reset_at_close() const { zerogate::reset_at_close(fd()); }

  /// Its own end's descriptor, -1 when there is none.
  int fd() const;

  /// What an error of libuv's means here.
  static std::string_view reason(int error);
  /// The same, of this stream: also what was wrong with its TLS.
  std::string_view why(int error) const;

 private:
  /// The part that libuv may still touch after the stream is gone. Frees itself in its close
  /// callback, which comes after those of pending writes.
  struct Shell {
    explicit Shell(TcpStream* owner);
    void on_written(int status);
    void close();

    UvStream uv;
    bool opened = false;  ///< uv is initialised
    uv_connect_t connect;
    TcpStream* stream;  ///< null once it is closed
    StreamWriter writer;
  };

  /// Initialises the handle for a TCP or a Unix connection. 0 or libuv's number.
  int open(bool is_local);
  bool is_tcp() const { return shell_->opened && shell_->uv.handle.type == UV_TCP; }
  void on_connected(int status);
  void on_read(ssize_t size);
  // Those of TLS, in core/io/tcp_stream_tls.cc.
  int read_on_tls();
  void close_tls();
  void on_tls_read(ssize_t size, ByteView encrypted);
  void read_tls_now(size_t most);
  void on_turn() override;
  bool is_shaking() const;
  void work_on_tls();
  bool shake_hands();
  void decrypt();
  /// The bytes that wait to be decrypted are kept, too.
  void account_encrypted(size_t bytes) {
    encrypted_ = bytes;
    account_kept();
  }
  void fail_tls();
  bool is_connected_to_itself() const;
  /// The kernel's part of it.
  void limit_memory();
  void claim_memory(size_t bytes);
  void release_claim();
  /// After a frame was handed out: its memory is its owner's.
  void give_back_claim() {
    if (claim_state == State::granted && reader_.empty()) {
      release_claim();
      account_kept();
    }
  }
  void on_memory() override;
  /// Reads, unless it waits for its turn or for memory.
  int read_on();
  /// Of a buffer of `room` bytes `size` were filled.
  void give_way(ssize_t size, size_t room);
  void take_turn() override;
  void account_kept() {
    if (totals_ != nullptr) {
      const size_t kept = reader_.memory() + encrypted_;
      const size_t unfinished = reading_ ? kept : 0;
      const size_t unclaimed = claim_state == State::granted ? encrypted_ : kept;
      totals_->kept += kept - std::exchange(accounted_.kept, kept);
      totals_->unfinished += unfinished - std::exchange(accounted_.unfinished, unfinished);
      totals_->unclaimed += unclaimed - std::exchange(accounted_.unclaimed, unclaimed);
    }
  }

  uv_loop_t* const loop_;
  Owner& owner_;
  char* const read_buffer_;
  Totals* const totals_;
  Shell* shell_;  ///< null once it is closed
  FrameReader reader_;
  struct {
    size_t kept = 0;
    size_t unfinished = 0;
    size_t unclaimed = 0;
  } accounted_;           ///< this stream's part of Totals
  size_t encrypted_ = 0;  ///< of that, what waits to be decrypted
  ReadTurns* turns_ = nullptr;
  size_t without_pause_ = 0;  ///< bytes that it has read and found more behind them
  bool reading_ = false;      ///< its owner wants to read
  bool waiting_ = false;      ///< for its turn
  std::unique_ptr<TlsLayer> tls_;
  MemoryUse use_ = MemoryUse::requests;
  MemoryAccount* memory_ = nullptr;
};

/// Lets the kernel ask an idle TCP peer for a sign of life after `idle_ms`, and end the connection
/// when it has given none for `timeout_ms`, or has not acknowledged for so long what was sent. A
/// vanished host says nothing: without this its connection lives for a quarter of an hour.
void watch_tcp_peer(int fd, uint32_t idle_ms, uint32_t timeout_ms);

}  // namespace zerogate
