// One connection to Redis, as RedisChannel sees it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

struct redisReply;

namespace zerogate {

/// Sends formatted commands and hands out replies in their order. It ends when the connection
/// breaks or its owner destroys it, and does not reconnect: RedisChannel does. Owned through
/// RedisConnectionPtr. Loop thread only.
class RedisConnection {
 public:
  class Owner {
   public:
    /// The socket is connected; nothing was answered yet. Must not let go of the connection:
    /// hiredis 0.14.1 would touch the freed context.
    virtual void on_connected() = 0;
    /// Bytes have come. Replies may follow in this very callback.
    virtual void on_bytes() = 0;
    /// The reply to the oldest command that has none. May let go of the connection.
    virtual void on_redis_reply(const redisReply& reply) = 0;
    /// The connection is gone, and no on_redis_reply follows for what was sent. Lets go of it.
    /// `closed`: the other end closed it, or the way there did; nothing was wrong with the bytes.
    /// `reason` is valid during the call only.
    virtual void on_broken(std::string_view reason, bool closed) = 0;

   protected:
    ~Owner() = default;
  };
  struct Closer {
    void operator()(RedisConnection* connection) const { connection->close(); }
  };

  RedisConnection() = default;
  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;

  /// Appends one command in Redis' wire format; the bytes are copied. It leaves with the next
  /// flush(), or once the socket is connected. Not for SUBSCRIBE and MONITOR, which hiredis treats
  /// differently.
  virtual void send(const std::string& command) = 0;

  /// Writes what was appended, in one write. What the kernel does not take goes on when the socket
  /// is writable. May end in on_broken.
  virtual void flush() = 0;

  /// Bytes that were appended and that the kernel has not taken.
  virtual size_t unsent_bytes() const = 0;

  /// True when the socket's two ends are one: behind a dead port of the ephemeral range the kernel
  /// may connect a client to itself.
  virtual bool connected_to_itself() const = 0;

 protected:
  virtual ~RedisConnection() = default;

 private:
  /// Ends it: the owner hears nothing more. The object goes now, or when its callback returns.
  virtual void close() = 0;
};

using RedisConnectionPtr = std::unique_ptr<RedisConnection, RedisConnection::Closer>;

}  // namespace zerogate
