// A RedisConnection over a socket: a hiredis asynchronous context and its place in the libuv loop.
//
// The adapter that hiredis 0.14.1 ships for libuv is not used: it ignores poll errors, so a refused
// connect is never reported, and it polls for writability after every command, which costs two
// epoll_ctl and one turn of the loop per batch.
#pragma once

#include <uv.h>

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/io/uv_ptr.h"
#include "core/redis/redis_connection.h"
#include "core/redis/reply_slot.h"

struct redisAsyncContext;

namespace zerogate {

/// hiredis uses write(2), so writing to a socket that the peer has closed raises SIGPIPE: the
/// process must ignore that signal.
class HiredisConnection final : public RedisConnection {
 public:
  /// Starts to connect to a numeric address (hiredis would block on a name).
  static Result<RedisConnectionPtr> open_tcp(uv_loop_t* loop, Owner& owner,
                                             const std::string& address, uint16_t port);
  /// Starts to connect to a Unix socket.
  static Result<RedisConnectionPtr> open_unix(uv_loop_t* loop, Owner& owner,
                                              const std::string& path);

  void send(const std::string& command) override;
  void flush() override;
  size_t unsent_bytes() const override;
  bool connected_to_itself() const override;

 private:
  HiredisConnection(Owner& owner, redisAsyncContext* context) : owner_(&owner), context_(context) {}
  ~HiredisConnection() override;
  static Result<RedisConnectionPtr> adopt(uv_loop_t* loop, Owner& owner, redisAsyncContext* context,
                                          bool tcp);

  void close() override;
  /// Reads what has arrived, at most 16 KiB (hiredis' buffer).
  void read();
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

}  // namespace zerogate
