// How newcomers are shared out over the workers, and what becomes of them at the connection limit.
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "core/listener/stream_listener.h"

namespace zerogate {

void StreamListener::open_inbox() {
  const auto init = [](uv_loop_t* loop, uv_async_t* handle) {
    uv_async_init(loop, handle, [](uv_async_t* async) {
      static_cast<StreamListener*>(async->data)->adopt_passed_on();
    });
  };
  inbox_ = make_uv<uv_async_t>(loop_.uv(), init, this);
  member_.balancer->open_inbox(member_.index, options().max_connections,
                               [async = inbox_.get()] { uv_async_send(async); });
}

void StreamListener::tell_connections() {
  if (!member_.tell(sessions_.size())) {
    tell_timer_.start(1);
  }
}

void StreamListener::watch_newcomers() {
  uv_poll_start(accept_.get(), UV_READABLE, [](uv_poll_t* poll, int, int) {
    static_cast<StreamListener*>(poll->data)->accept_newcomers(kAcceptedAtOnce);
  });
}

void StreamListener::accept_newcomers(int most) {
  while (most-- > 0 && accept_next()) {
  }
}

// Without a place in the port it is taken only to be refused, unless it may wait.
bool StreamListener::accept_next() {
  UniqueFd connection(accept4(socket_->fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!connection) {
    return accept_failed(errno);
  }
  if (place(connection)) {
    return true;
  }
  if (options().newcomers_wait) {
    hold_back(std::move(connection));
    return false;
  }
  take(std::move(connection), false);
  return true;
}

bool StreamListener::accept_failed(int error) {
  switch (error) {
    case EAGAIN:
      return false;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      // The socket stays ready, and the loop would turn for nothing.
      refusals_.count(Rejected::descriptors, [] { return "unknown"; });
      uv_poll_stop(accept_.get());
      rest_timer_.start(kAcceptAgainMs);
      return false;
    default:
      return true;  // this one has gone (accept(2)), and others may wait behind it
  }
}

bool StreamListener::place(UniqueFd& connection) {
  const bool placed = member_.balancer != nullptr
                          ? member_.balancer->place(member_.index, connection)
                          : sessions_.size() < options().max_connections;
  if (placed && connection) {
    take(std::move(connection));
  }
  return placed;
}

void StreamListener::adopt_passed_on() {
  while (UniqueFd connection = member_.balancer->take(member_.index)) {
    take(std::move(connection));
  }
}

void StreamListener::hold_back(UniqueFd connection) {
  held_back_ = std::move(connection);
  uv_poll_stop(accept_.get());
  metrics_.count(Rejected::limit);
  room_->set(false, "new connections wait");
  watch_others();
}

// No other worker says that it has room now.
void StreamListener::watch_others() {
  if (member_.balancer != nullptr) {
    held_timer_.start(kHeldAgainMs);
  }
}

void StreamListener::accept_held_back() {
  if (!held_back_) {
    return;
  }
  if (!place(held_back_)) {
    return watch_others();
  }
  room_->set(true);
  watch_newcomers();
}

}  // namespace zerogate
