// A RedisConnection over a socket.
//
// hiredis' asynchronous API is not used: it has no libuv adapter that reports a failed connect,
// aborts the process on a reply that nothing was sent for, and costs 700 instructions and an
// allocation for each command.
#pragma once

#include <uv.h>

#include <string>
#include <string_view>

#include "core/base/address.h"
#include "core/io/tcp_stream.h"
#include "core/redis/redis_connection.h"
#include "core/redis/reply_reader.h"

namespace zerogate {

class SocketRedisConnection final : public RedisConnection, private TcpStream::Owner {
 public:
  /// `read_buffer` has FrameReader::kSharedBytes, and no reply more than `max_reply`. connect() is
  /// due.
  SocketRedisConnection(uv_loop_t* loop, RedisConnection::Owner& owner, char* read_buffer,
                        size_t max_reply);

  /// From the beginning; before connect().
  void secure(const TlsUse& use) { stream_.secure(use); }
  /// Starts to connect to a numeric address or a Unix socket. 0, or libuv's number.
  int connect(const Address& address) { return stream_.connect(address); }

  OutBuffer& out() override { return stream_.out(); }
  void flush() override;
  size_t unsent_bytes() const override { return stream_.writer().unsent(); }
  void end() override;

 private:
  void on_connected() override;
  void on_bytes(ByteView bytes) override;
  void on_writable() override {
    if (!ended_) {
      owner_.on_writable();
    }
  }
  void on_closed(int error) override { break_off(stream_.why(error), true); }
  void break_off(std::string_view reason, bool closed);

  RedisConnection::Owner& owner_;
  TcpStream stream_;
  ReplyReader reader_;
  bool connected_ = false;
  bool ended_ = false;  // the owner hears nothing more
};

}  // namespace zerogate
