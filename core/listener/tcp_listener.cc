#include "core/listener/tcp_listener.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cassert>

namespace zerogate {

namespace {

/// True when the handle has one of the last descriptors that the process may open. When there is
/// none, libuv closes new connections and tells nobody (1.44, uv__emfile_trick): we do it a few
/// earlier, and count.
bool is_one_of_the_last(const uv_handle_t& handle) {
  uv_os_fd_t fd;
  rlimit limit;
  if (uv_fileno(&handle, &fd) != 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return false;
  }
  return static_cast<rlim_t>(fd) + TcpListener::kSpareDescriptors >= limit.rlim_cur;
}

}  // namespace

TcpListener::TcpListener(EventLoop& loop, Dispatcher& dispatcher, ListenerMetrics& metrics,
                         const TcpOptions& options)
    : loop_(loop),
      dispatcher_(dispatcher),
      metrics_(metrics),
      options_(options),
      stall_timer_(loop.timers(), [this] { check_stalls(); }),
      tell_timer_(loop.timers(), [this] { tell_connections(); }),
      read_buffer_(new char[FrameReader::kSharedBytes]) {
  loop_.add(*this);
}

TcpListener::~TcpListener() {
  loop_.remove(*this);
  stop_accepting();
  close_all();
}

Status TcpListener::listen(const ListenSocket& socket) {
  metrics_.connections_limit.set(options_.max_connections);
  is_pipe_ = socket.bound().is_path();
  member_ = socket.member();
  accept_.reset(new UvStream);
  accept_->handle.data = this;
  const int fd = socket.duplicate();
  int error;
  if (is_pipe_) {
    uv_pipe_init(loop_.uv(), &accept_->pipe, 0);
    error = uv_pipe_open(&accept_->pipe, fd);
  } else {
    uv_tcp_init(loop_.uv(), &accept_->tcp);
    error = uv_tcp_open(&accept_->tcp, fd);
  }
  const auto on_connection = [](uv_stream_t* server, int status) {
    static_cast<TcpListener*>(server->data)->on_connection(status);
  };
  if (error == 0) {
    error = uv_listen(&accept_->stream, ListenSocket::kBacklog, on_connection);
  }
  if (error == 0 && member_.balancer != nullptr) {
    open_inbox();
  }
  if (error == 0) {
    return ok_status();
  }
  return Error{
      fmt::format("cannot listen on {}: {}", socket.bound().display(), uv_strerror(error))};
}

void TcpListener::stop_accepting() {
  accept_.reset();
  if (inbox_ != nullptr) {
    member_.balancer->close_inbox(member_.index);
  }
  inbox_.reset();
  tell_timer_.stop();
  member_ = {};
}

void TcpListener::open_inbox() {
  const auto init = [](uv_loop_t* loop, uv_async_t* handle) {
    uv_async_init(loop, handle, [](uv_async_t* async) {
      static_cast<TcpListener*>(async->data)->adopt_passed_on();
    });
  };
  inbox_ = make_uv<uv_async_t>(loop_.uv(), init, this);
  member_.balancer->open_inbox(member_.index, [async = inbox_.get()] { uv_async_send(async); });
}

void TcpListener::tell_connections() {
  const uint64_t connections = metrics_.connections.value();
  if (!member_.tell(connections < options_.max_connections ? connections : AcceptBalancer::kFull)) {
    tell_timer_.start(1);
  }
}

void TcpListener::close_all() {
  sessions_.for_each([](uint32_t, TcpSession* session) { session->close(); });
}

void TcpListener::on_connection(int status) {
  if (status != 0) {
    metrics_.count(Rejected::descriptors);
    return;
  }
  if (member_.balancer != nullptr) {
    const size_t to = member_.balancer->taker(member_.index);
    if (to != member_.index) {
      return pass_on(to);
    }
  }
  TcpSession& session = make_session();
  if (!session.accept(&accept_->stream)) {
    return session.close();
  }
  admit(session);
}

void TcpListener::pass_on(size_t to) {
  UvPtr<UvStream> accepted(new UvStream);
  uv_tcp_init(loop_.uv(), &accepted->tcp);
  uv_os_fd_t fd = -1;
  if (uv_accept(&accept_->stream, &accepted->stream) != 0) {
    return;
  }
  if (uv_fileno(&accepted->handle, &fd) != 0) {
    return;
  }
  UniqueFd connection(fcntl(fd, F_DUPFD_CLOEXEC, 0));  // libuv keeps the one that it accepted
  if (!connection) {
    return metrics_.count(Rejected::descriptors);
  }
  if (!member_.balancer->pass_on(to, connection)) {
    adopt(std::move(connection));
  }
}

void TcpListener::adopt_passed_on() {
  for (UniqueFd& connection : member_.balancer->take(member_.index)) {
    adopt(std::move(connection));
  }
}

void TcpListener::adopt(UniqueFd connection) {
  TcpSession& session = make_session();
  if (!session.adopt(std::move(connection))) {
    return session.close();
  }
  admit(session);
}

TcpSession& TcpListener::make_session() {
  const CallerKey key = sessions_.take();
  auto* session = new TcpSession(*this, key, is_pipe_);
  sessions_[key.slot] = session;
  metrics_.connections.add();
  return *session;
}

void TcpListener::admit(TcpSession& session) {
  metrics_.accepted.add();
  tell_connections();
  if (metrics_.connections.value() > options_.max_connections) {
    session.reject(Rejected::limit);
  } else if (is_one_of_the_last(session.handle_.handle)) {
    session.reject(Rejected::descriptors);
  }
}

void TcpListener::forget(TcpSession& session) {
  received_bytes_ -= session.accounted_.received;
  unsent_bytes_ -= session.accounted_.unsent;
  unsent_sessions_ -= session.accounted_.waiting;
  assert(find(session.key()) == &session);
  sessions_.release(session.key().slot);
  metrics_.connections.sub();
  tell_connections();
}

TcpSession* TcpListener::find(CallerKey key) {
  TcpSession** session = sessions_.find(key);
  return session != nullptr ? *session : nullptr;
}

bool TcpListener::deliver(const ReturnPath& path, ByteView body) {
  TcpSession* session = find(path.caller);
  return session != nullptr && session->deliver(path, body);
}

bool TcpListener::gone(CallerKey caller) const { return sessions_.find(caller) == nullptr; }

std::string TcpListener::peer(CallerKey caller) const {
  return gone(caller) ? "gone" : sessions_[caller.slot]->peer();
}

// flush() may go on with frames that waited, and so make sessions dirty again; it ends because each
// round takes away from what had been read, and nothing is read in here.
void TcpListener::end_of_turn() {
  while (!dirty_.empty()) {
    flushing_.swap(dirty_);
    for (const CallerKey key : flushing_) {
      if (TcpSession* session = find(key)) {
        session->flush();
      }
    }
    flushing_.clear();
  }
  shed_memory();
}

void TcpListener::shed_memory() {
  const auto shed = [this](const size_t& sum, size_t limit, auto bytes, Rejected reason) {
    while (sum > limit + options_.max_message) {
      TcpSession* session = longest_waiting(bytes);
      if (session == nullptr) {
        return;
      }
      session->reject(reason);
    }
  };
  shed(received_bytes_, options_.receive_memory, &TcpSession::received_bytes,
       Rejected::receive_memory);
  shed(unsent_bytes_, options_.send_memory, &TcpSession::unsent_bytes, Rejected::send_memory);
}

// Among those that hold some of the `bytes` in question: closing any other would free nothing.
TcpSession* TcpListener::longest_waiting(size_t (TcpSession::*bytes)() const) {
  TcpSession* longest = nullptr;
  uint64_t since_ms = UINT64_MAX;
  sessions_.for_each([&](uint32_t, TcpSession* session) {
    if ((session->*bytes)() == 0) {
      return;
    }
    for (const uint64_t ms : {session->partial_since_ms(), session->unread_since_ms()}) {
      if (ms != 0 && ms < since_ms) {
        since_ms = ms;
        longest = session;
      }
    }
  });
  return longest;
}

// The timer runs only while somebody could stall: an idle gateway does not wake up.
void TcpListener::watch_stalls() {
  if (!stall_timer_.active()) {
    stall_timer_.start(std::min(kStallCheckMs, options_.stall_timeout_ms));
  }
}

void TcpListener::check_stalls() {
  const uint64_t now_ms = loop_.now_ms();
  bool watch = false;
  sessions_.for_each([&](uint32_t, TcpSession* session) { watch |= session->check_stall(now_ms); });
  if (watch) {
    watch_stalls();
  }
}

}  // namespace zerogate
