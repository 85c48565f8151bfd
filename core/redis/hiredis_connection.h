// One connection to Redis: a hiredis asynchronous context and its place in the libuv loop.
//
// The adapter that hiredis 0.14.1 ships for libuv is not used: it ignores poll errors, so a refused
// connect is never reported, and it polls for writability after every command, which costs two
// epoll_ctl and one turn of the loop per batch.
#pragma once

#include <uv.h>

#include <memory>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/io/uv_ptr.h"
#include "core/redis/reply_slot.h"

struct redisAsyncContext;

namespace zerogate {

/// Sends formatted commands and hands out replies in their order. It ends when the connection
/// breaks or its owner destroys it, and does not reconnect: RedisChannel does. Owned through
/// HiredisConnectionPtr. Loop thread only. hiredis uses write(2), so writing to a socket that the
/// peer has closed raises SIGPIPE: the process must ignore that signal.
class HiredisConnection {
 public:
  class Owner {
   public:
    /// The socket is connected; nothing was answered yet. Must not let go of the connection:
    /// hiredis 0.14.1 would touch the freed context.
    virtual void on_connected() = 0;
    /// Replies may follow in this very callback: the moment to read the clock once for all.
    virtual void on_batch() = 0;
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
    void operator()(HiredisConnection* connection) const { connection->close(); }
  };
  using Ptr = std::unique_ptr<HiredisConnection, Closer>;

  /// Starts to connect to a numeric address (hiredis would block on a name).
  static Result<Ptr> open_tcp(uv_loop_t* loop, Owner& owner, const std::string& address,
                              uint16_t port);
  /// Starts to connect to a Unix socket.
  static Result<Ptr> open_unix(uv_loop_t* loop, Owner& owner, const std::string& path);

  HiredisConnection(const HiredisConnection&) = delete;
  HiredisConnection& operator=(const HiredisConnection&) = delete;

  /// Appends one command in Redis' wire format; the bytes are copied. It leaves with the next
  /// flush(). Not for SUBSCRIBE and MONITOR, which hiredis treats differently.
  void send(const std::string& command);

  /// Writes what was appended, in one write. What the kernel does not take goes on when the socket
  /// is writable. May end in on_broken.
  void flush();

  /// Reads what has arrived, at most 16 KiB (hiredis' buffer). May end in on_redis_reply and
  /// on_broken.
  void read();

  /// True when the socket's two ends are one: behind a dead port of the ephemeral range the kernel
  /// may connect a client to itself.
  bool connected_to_itself() const;

  /// Bytes that were appended and that the kernel has not taken.
  size_t unsent_bytes() const;

 private:
  HiredisConnection(Owner& owner, redisAsyncContext* context) : owner_(&owner), context_(context) {}
  ~HiredisConnection();
  static Result<Ptr> adopt(uv_loop_t* loop, Owner& owner, redisAsyncContext* context, bool tcp);

  void close();
  void write();
  bool connected() const;
  bool unasked_data() const;
  void break_off(std::string_view reason);
  void poll_for(int events);
  void release_poll();

  static void on_poll(uv_poll_t* handle, int status, int events);
  static void on_connect(const redisAsyncContext* context, int status);
  static void on_reply(redisAsyncContext* context, void* reply, void* self);
  static void on_cleanup(void* self);

  Owner* owner_;                // null once it let go
  redisAsyncContext* context_;  // null once hiredis has freed it, or is about to
  UvPtr<uv_poll_t> poll_;       // its data is null once the connection has ended
  int polled_ = 0;              // the events asked of poll_
  bool dirty_ = false;          // commands were appended since the last write
  bool writing_ = false;        // inside redisAsyncHandleWrite
  size_t expected_ = 0;         // replies that are due
  RedisReplySlot reply_;
};

using HiredisConnectionPtr = HiredisConnection::Ptr;

}  // namespace zerogate
