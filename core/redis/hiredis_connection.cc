#include "core/redis/hiredis_connection.h"

#include <fcntl.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cassert>
#include <cstring>

namespace zerogate {

Result<RedisConnectionPtr> HiredisConnection::open_tcp(uv_loop_t* loop, Owner& owner,
                                                       const std::string& address, uint16_t port) {
  return adopt(loop, owner, redisAsyncConnect(address.c_str(), port), true);
}

Result<RedisConnectionPtr> HiredisConnection::open_unix(uv_loop_t* loop, Owner& owner,
                                                        const std::string& path) {
  // hiredis would cut the path off without a word and connect to another socket.
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return Error{"the path is longer than a Unix socket's may be, 107 bytes"};
  }
  return adopt(loop, owner, redisAsyncConnectUnix(path.c_str()), false);
}

Result<RedisConnectionPtr> HiredisConnection::adopt(uv_loop_t* loop, Owner& owner,
                                                    redisAsyncContext* context, bool tcp) {
  if (!context) {
    return Error{"out of memory"};
  }
  // An idle connection behind a firewall or to a host that vanished is noticed this way.
  if (!context->err && tcp && redisEnableKeepAlive(&context->c) != REDIS_OK) {
    context->err = context->c.err;
  }
  if (context->err) {
    Error error{context->c.errstr};
    redisAsyncFree(context);
    return error;
  }
  fcntl(context->c.fd, F_SETFD, FD_CLOEXEC);  // hiredis leaves it open across exec

  auto poll = std::make_unique<uv_poll_t>();
  if (const int status = uv_poll_init(loop, poll.get(), context->c.fd); status != 0) {
    redisAsyncFree(context);
    return Error{uv_strerror(status)};
  }
  auto* const connection = new HiredisConnection(owner, context);  // close() deletes it
  connection->poll_.reset(poll.release());
  connection->poll_->data = connection;
  connection->reply_.serve(context->c.reader);
  context->ev.data = connection;
  context->ev.addRead = [](void* data) {
    auto* self = static_cast<HiredisConnection*>(data);
    self->poll_for(self->polled_ | UV_READABLE);
  };
  context->ev.delRead = [](void* data) {
    auto* self = static_cast<HiredisConnection*>(data);
    self->poll_for(self->polled_ & ~UV_READABLE);
  };
  context->ev.addWrite = [](void* data) {
    // From a write that the kernel did not take whole, or before the socket is connected: wait for
    // the socket. From a new command: the end of the turn will write, without a poll.
    auto* self = static_cast<HiredisConnection*>(data);
    if (self->writing_ || !self->connected()) {
      return self->poll_for(self->polled_ | UV_WRITABLE);
    }
    self->dirty_ = true;
  };
  context->ev.delWrite = [](void* data) {
    auto* self = static_cast<HiredisConnection*>(data);
    self->dirty_ = false;
    self->poll_for(self->polled_ & ~UV_WRITABLE);
  };
  context->ev.cleanup = &HiredisConnection::on_cleanup;
  redisAsyncSetConnectCallback(context, &HiredisConnection::on_connect);  // asks for addWrite
  return RedisConnectionPtr(connection);
}

HiredisConnection::~HiredisConnection() { release_poll(); }

void HiredisConnection::close() {
  owner_ = nullptr;
  // Inside one of its reply callbacks hiredis frees the context only when that returns; on_cleanup
  // follows in either case and deletes us.
  if (context_) {
    redisAsyncFree(context_);
  } else {
    delete this;
  }
}

void HiredisConnection::on_cleanup(void* data) {
  auto* self = static_cast<HiredisConnection*>(data);
  assert(self->context_);
  // Copied, for the owner may let go of everything. hiredis closes the socket after this hook, so
  // it is out of the loop by then.
  const std::string reason = self->context_->c.err ? self->context_->c.errstr : "closed";
  const bool closed =
      self->context_->c.err == REDIS_ERR_EOF || self->context_->c.err == REDIS_ERR_IO;
  self->release_poll();
  self->context_ = nullptr;
  if (self->owner_) {
    self->owner_->on_broken(reason, closed);
  } else {
    delete self;
  }
}

void HiredisConnection::release_poll() {
  if (!poll_) {
    return;
  }
  poll_->data = nullptr;  // whoever is in a callback sees by it that we have ended
  poll_.reset();
}

void HiredisConnection::break_off(std::string_view reason) {
  if (owner_) {
    owner_->on_broken(reason, false);
  }
}

void HiredisConnection::send(const std::string& command) {
  assert(context_ && owner_);
  [[maybe_unused]] const int status = redisAsyncFormattedCommand(
      context_, &HiredisConnection::on_reply, this, command.data(), command.size());
  assert(status == REDIS_OK);  // fails only on a context that is being freed
  ++expected_;
}

bool HiredisConnection::connected_to_itself() const {
  sockaddr_storage ours{};
  sockaddr_storage theirs{};
  socklen_t our_size = sizeof ours;
  socklen_t their_size = sizeof theirs;
  if (getsockname(context_->c.fd, reinterpret_cast<sockaddr*>(&ours), &our_size) != 0 ||
      getpeername(context_->c.fd, reinterpret_cast<sockaddr*>(&theirs), &their_size) != 0) {
    return false;
  }
  // The client's end of a Unix socket has no name, nor has the server's in an odd case.
  return ours.ss_family != AF_UNIX && our_size == their_size &&
         std::memcmp(&ours, &theirs, our_size) == 0;
}

void HiredisConnection::flush() {
  if (dirty_ && !(polled_ & UV_WRITABLE)) {
    write();
  }
}

void HiredisConnection::write() {
  uv_poll_t* const handle = poll_.get();  // outlives us until the loop's next turn
  writing_ = true;
  redisAsyncHandleWrite(context_);
  if (handle->data) {
    writing_ = false;
  }
}

void HiredisConnection::read() {
  if (unasked_data()) {
    return break_off("Redis sent a reply that nobody had asked for");
  }
  if (owner_) {
    owner_->on_bytes();
  }
  redisAsyncHandleRead(context_);
}

size_t HiredisConnection::unsent_bytes() const { return sdslen(context_->c.obuf); }

bool HiredisConnection::connected() const { return context_->c.flags & REDIS_CONNECTED; }

/// hiredis 0.14.1 aborts the process (an assert, which Debian builds in) when a reply comes that no
/// command waits for, except an error: that one it reports ("max number of clients reached").
bool HiredisConnection::unasked_data() const {
  if (expected_ > 0 || !connected()) {
    return false;
  }
  char first = 0;
  return recv(context_->c.fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) == 1 && first != '-';
}

void HiredisConnection::poll_for(int events) {
  if (events == polled_) {
    return;
  }
  polled_ = events;
  if (events) {
    uv_poll_start(poll_.get(), events, &HiredisConnection::on_poll);
  } else {
    uv_poll_stop(poll_.get());
  }
}

void HiredisConnection::on_poll(uv_poll_t* handle, int status, int events) {
  auto* self = static_cast<HiredisConnection*>(handle->data);
  if (status != 0) {
    // libuv has stopped the handle and says EBADF for any EPOLLERR. hiredis finds the real error
    // (of connect, too) only when it is told to read and write.
    self->polled_ = 0;
    events = UV_READABLE | UV_WRITABLE;
  }
  if (events & UV_READABLE) {
    self->read();
    if (!handle->data) {
      return;
    }
  }
  if (events & UV_WRITABLE) {
    self->write();
    if (!handle->data) {
      return;
    }
  }
  if (status != 0) {
    self->break_off(uv_strerror(status));
  }
}

void HiredisConnection::on_connect(const redisAsyncContext* context, int status) {
  // A failed connect goes on to on_cleanup. (The disconnect callback would not follow it.)
  auto* self = static_cast<HiredisConnection*>(context->ev.data);
  if (status == REDIS_OK && self->owner_) {
    self->owner_->on_connected();
  }
}

void HiredisConnection::on_reply(redisAsyncContext* context, void* reply, void* data) {
  if (!reply) {
    return;  // the context is being freed: on_cleanup follows
  }
  auto* self = static_cast<HiredisConnection*>(data);
  assert(self->expected_ > 0);
  --self->expected_;
  const redisReader* reader = context->c.reader;
  const bool more_than_asked = self->expected_ == 0 && reader->pos < reader->len;
  if (self->owner_) {
    self->owner_->on_redis_reply(*static_cast<const redisReply*>(reply));
  }
  // We still exist, even if the owner let go: hiredis frees the context after this callback.
  if (more_than_asked) {
    self->break_off("Redis sent a reply that nobody had asked for");
  }
}

}  // namespace zerogate
