// A connected byte stream, TCP or Unix, that hides libuv from its owner.
#pragma once

#include <uv.h>

#include <string>
#include <string_view>

#include "core/base/address.h"
#include "core/base/bytes.h"
#include "core/io/frame_reader.h"

namespace zerogate {

/// Connects, reads into a buffer that all streams of a loop share, keeps unfinished frames
/// (FrameReader), and writes the gathered bytes with one system call per turn (StreamWriter). Its
/// Owner owns it and may destroy it at any time but inside the Owner's functions: the part that
/// libuv still uses outlives it. Loop thread only.
class TcpStream {
 public:
  class Owner {
   public:
    virtual void on_connected() = 0;
    /// Bytes that were kept, then those that have come. What is not used goes back to keep().
    virtual void on_bytes(ByteView bytes) = 0;
    /// What waited for the peer to read has been written; more may wait by now: flush().
    virtual void on_writable() = 0;
    /// The last call. libuv's number; see reason().
    virtual void on_closed(int error) = 0;

   protected:
    ~Owner() = default;
  };

  /// `read_buffer` has FrameReader::kSharedBytes.
  TcpStream(uv_loop_t* loop, Owner& owner, char* read_buffer);
  ~TcpStream();
  TcpStream(const TcpStream&) = delete;
  TcpStream& operator=(const TcpStream&) = delete;

  /// Starts to connect to a numeric address or a Unix socket. 0: on_connected() or on_closed()
  /// follows, not before this returns. Else an error, after which nothing follows.
  int connect(const Address& address);
  int connect(const sockaddr* address);

  /// Once connected: the kernel ends a TCP connection whose peer has not acknowledged, or not
  /// taken, what was sent for `timeout_ms`, and asks one that is idle for half of it whether it is
  /// there.
  void watch_peer(uint32_t timeout_ms);

  /// Append here what the next flush() sends.
  std::string& out();
  /// 0, or the error that has ended the stream.
  int flush();
  /// Bytes of out() and of before that were never given to the kernel or to libuv.
  size_t unsent_here() const;

  /// See FrameReader.
  void keep(ByteView rest, size_t frame_size) { reader_.keep(rest, frame_size); }
  /// Reads no more.
  void stop_reading();

  /// What an error of libuv's means here.
  static std::string_view reason(int error);

 private:
  struct Shell;
  void on_connected(int status);
  void on_read(ssize_t size);
  bool is_connected_to_itself() const;

  uv_loop_t* const loop_;
  Owner& owner_;
  char* const read_buffer_;
  Shell* const shell_;  ///< frees itself in its close callback, which comes after pending writes'
  FrameReader reader_;
};

/// Lets the kernel ask an idle TCP peer for a sign of life after `idle_ms`, and end the connection
/// when it has given none for `timeout_ms`, or has not acknowledged for so long what was sent. A
/// vanished host says nothing: without this its connection lives for a quarter of an hour.
void watch_tcp_peer(int fd, uint32_t idle_ms, uint32_t timeout_ms);

}  // namespace zerogate
