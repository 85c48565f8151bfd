// One connection to Redis, as RedisChannel sees it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/base/out_buffer.h"
#include "core/redis/redis_reply.h"

namespace zerogate {

/// Why a connection is gone.
enum class RedisBreak : uint8_t {
  closed,     ///< the other end closed it, or the way there did; nothing was wrong with the bytes
  garbled,    ///< its bytes are no replies
  too_large,  ///< a reply was over the limit of one (ReplyReader)
  no_memory,  ///< the beginnings of replies had their part of the memory account
};

/// Sends formatted commands and hands out replies. It ends when the connection
/// breaks or its owner ends it, and does not reconnect: RedisChannel does. Loop thread only.
class RedisConnection {
 public:
  /// Must not destroy the connection in these functions, but may end() it.
  class Owner {
   public:
    /// The socket is connected; nothing was answered yet.
    virtual void on_connected() = 0;
    /// Bytes have come. Replies may follow in this very callback.
    virtual void on_bytes() = 0;
    /// The next reply: `ok` or `error`.
    virtual void on_redis_reply(const RedisReply& reply) = 0;
    /// What waited for the peer has been written: flush() is due, also in the middle of a turn.
    virtual void on_writable() = 0;
    /// The last call: the connection is gone, and out() goes when this returns. `reason` is valid
    /// during the call only.
    virtual void on_broken(std::string_view reason, RedisBreak why) = 0;

   protected:
    ~Owner() = default;
  };

  virtual ~RedisConnection() = default;
  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;

  /// Append commands here, in Redis' wire format. They leave with the next flush(), or once the
  /// socket is connected. Valid until end().
  virtual OutBuffer& out() = 0;

  /// Writes what was appended, in one write. What the kernel does not take goes on when the socket
  /// is writable. May end in on_broken.
  virtual void flush() = 0;

  /// Bytes that were appended and that the kernel has not taken.
  virtual size_t unsent_bytes() const = 0;

  /// From now on the owner hears nothing. It destroys the connection soon, for the socket is open
  /// until then.
  virtual void end() = 0;

 protected:
  RedisConnection() = default;
};

}  // namespace zerogate
