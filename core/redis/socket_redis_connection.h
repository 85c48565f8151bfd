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
#include "core/base/memory_account.h"
#include "core/io/tcp_stream.h"
#include "core/redis/redis_connection.h"
#include "core/redis/reply_reader.h"

namespace zerogate {

class SocketRedisConnection final : public RedisConnection, private TcpStream::Owner {
 public:
  /// The beginnings of replies, of all connections that are charged to an account, may have this
  /// part of it.
  static constexpr size_t kPartOfMemory = 2;

  /// `read_buffer` has FrameReader::kSharedBytes, and no reply more than `max_reply`. `memory`
  /// outlives it. connect() is due.
  SocketRedisConnection(uv_loop_t* loop, RedisConnection::Owner& owner, char* read_buffer,
                        size_t max_reply, MemoryAccount& memory);
  ~SocketRedisConnection() override;

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
  void on_closed(int error) override { break_off(stream_.why(error), RedisBreak::closed); }
  void break_off(std::string_view reason, RedisBreak why);
  /// Charges what the reader holds, and ends the connection where that is too much.
  void account_replies();

  RedisConnection::Owner& owner_;
  TcpStream stream_;
  ReplyReader reader_;
  MemoryAccount& memory_;
  size_t charged_ = 0;  // bytes of MemoryUse::redis_replies
  bool connected_ = false;
  bool ended_ = false;  // the owner hears nothing more
};

}  // namespace zerogate
