// How newcomers are shared out over the workers, and what becomes of them at the connection limit.
#include <fcntl.h>

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

// Without a place in the port they are accepted only to be refused, unless they may wait. libuv
// polls the socket no more until the connection that it has accepted is taken.
void StreamListener::on_connection(int status) {
  if (status != 0) {
    refusals_.count(Rejected::descriptors, [] { return "unknown"; });
    return rest();
  }
  if (const auto place = reserve()) {
    return accept_for(*place);
  }
  if (options().newcomers_wait) {
    return hold_back();
  }
  accept_here(false);
}

// libuv (1.44, uv__server_io) would try again at once, for as long as there is no descriptor or no
// memory, and everybody whom this loop serves would wait. Closing is the only way to stop it.
void StreamListener::rest() {
  accept_.reset();
  rest_timer_.start(kAcceptAgainMs);
}

void StreamListener::accept_again() {
  if (!begin_to_accept()) {
    rest();
  }
}

// Decided before the connection is accepted: afterwards it cannot wait any more.
std::optional<size_t> StreamListener::reserve() {
  if (member_.balancer != nullptr) {
    return member_.balancer->reserve(member_.index);
  }
  return full() ? std::nullopt : std::optional(member_.index);
}

void StreamListener::accept_for(size_t place) {
  if (place != member_.index) {
    return pass_on(place);
  }
  accept_here(true);
}

void StreamListener::accept_here(bool has_place) {
  StreamSession& session = make_session();
  if (!session.accept(&accept_->stream)) {
    return session.close();
  }
  admit(session, has_place);
}

void StreamListener::pass_on(size_t to) {
  UniqueFd connection = accept_alone();
  if (!connection) {
    return member_.balancer->give_back(to);
  }
  while (!member_.balancer->pass_on(to, connection)) {
    // The other worker takes its leave.
    const auto next = reserve();
    if (!next) {
      return refusals_.count(Rejected::draining, [&] { return peer_of(connection.get()); });
    }
    if (*next == member_.index) {
      return adopt(std::move(connection));
    }
    to = *next;
  }
}

UniqueFd StreamListener::accept_alone() {
  UvPtr<UvStream> accepted(new UvStream);
  uv_tcp_init(loop_.uv(), &accepted->tcp);
  uv_os_fd_t fd = -1;
  if (uv_accept(&accept_->stream, &accepted->stream) != 0 ||
      uv_fileno(&accepted->handle, &fd) != 0) {
    return {};
  }
  UniqueFd connection(fcntl(fd, F_DUPFD_CLOEXEC, 0));  // libuv keeps the one that it accepted
  if (!connection) {
    refusals_.count(Rejected::descriptors, [fd] { return peer_of(fd); });
  }
  return connection;
}

void StreamListener::adopt_passed_on() {
  while (UniqueFd connection = member_.balancer->take(member_.index)) {
    adopt(std::move(connection));
  }
}

void StreamListener::hold_back() {
  held_back_ = true;
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
  if (!held_back_ || accept_ == nullptr) {
    return;
  }
  const auto place = reserve();
  if (!place) {
    return watch_others();
  }
  held_back_ = false;
  room_->set(true);
  accept_for(*place);
}

}  // namespace zerogate
