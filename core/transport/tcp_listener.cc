#include "core/transport/tcp_listener.h"

#include <fmt/format.h>

#include <cassert>

namespace zerogate {

TcpListener::TcpListener(uv_loop_t* loop, Turn& turn, Dispatcher& dispatcher,
                         TransportMetrics& metrics, const TcpOptions& options)
    : loop_(loop),
      turn_(turn),
      dispatcher_(dispatcher),
      metrics_(metrics),
      options_(options),
      stall_timer_(make_uv<uv_timer_t>(loop, uv_timer_init, this)),
      read_buffer_(new char[kReadBufferBytes]) {
  turn_.add(*this);
}

TcpListener::~TcpListener() {
  turn_.remove(*this);
  close_all();
}

Status TcpListener::listen(const ListenSocket& socket) {
  is_pipe_ = socket.bound().is_path();
  accept_.reset(new UvStream);
  accept_->handle.data = this;
  const int fd = socket.duplicate();
  int error;
  if (is_pipe_) {
    uv_pipe_init(loop_, &accept_->pipe, 0);
    error = uv_pipe_open(&accept_->pipe, fd);
  } else {
    uv_tcp_init(loop_, &accept_->tcp);
    error = uv_tcp_open(&accept_->tcp, fd);
  }
  const auto on_connection = [](uv_stream_t* server, int status) {
    static_cast<TcpListener*>(server->data)->on_connection(status);
  };
  if (error == 0) error = uv_listen(&accept_->stream, ListenSocket::kBacklog, on_connection);
  if (error == 0) return ok_status();
  return Error{
      fmt::format("cannot listen on {}: {}", socket.bound().display(), uv_strerror(error))};
}

void TcpListener::stop_accepting() { accept_.reset(); }

void TcpListener::close_all() {
  for (Slot& slot : slots_) {
    if (slot.session != nullptr) slot.session->close();
  }
}

void TcpListener::on_connection(int status) {
  if (status != 0) {  // libuv has taken the connection and closed it: no descriptor was left
    metrics_.count(Rejected::descriptors);
    return;
  }
  uint32_t index = static_cast<uint32_t>(slots_.size());
  if (free_.empty()) {
    slots_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  Slot& slot = slots_[index];
  auto* session = new TcpSession(*this, {index, slot.generation}, is_pipe_);
  slot.session = session;
  metrics_.connections.add();
  if (!session->accept(&accept_->stream)) return session->close();
  metrics_.accepted.add();
  if (metrics_.connections.value() > options_.max_connections) session->reject(Rejected::limit);
}

void TcpListener::forget(TcpSession& session) {
  unsent_bytes_ -= session.unsent_bytes();
  if (!session.writing_.empty()) --unsent_sessions_;
  Slot& slot = slots_[session.key().slot];
  assert(slot.session == &session);
  slot.session = nullptr;
  ++slot.generation;
  free_.push_back(session.key().slot);
  metrics_.connections.sub();
}

TcpSession* TcpListener::find(CallerKey key) {
  const Slot& slot = slots_[key.slot];
  return slot.generation == key.generation ? slot.session : nullptr;
}

bool TcpListener::deliver(const ReturnPath& path, ByteView body) {
  TcpSession* session = find(path.caller);
  return session != nullptr && session->deliver(path.id, body);
}

// flush() may go on with frames that waited, and so make sessions dirty again; it ends because each
// round takes away from what had been read, and nothing is read in here.
void TcpListener::end_of_turn() {
  while (!dirty_.empty()) {
    flushing_.swap(dirty_);
    for (const CallerKey key : flushing_) {
      if (TcpSession* session = find(key)) session->flush();
    }
    flushing_.clear();
  }
  shed_memory();
}

void TcpListener::shed_memory() {
  const auto shed = [this](const size_t& bytes, size_t limit, Rejected reason) {
    while (bytes > limit + options_.max_message) {
      TcpSession* session = longest_waiting();
      if (session == nullptr) return;
      session->reject(reason);
    }
  };
  shed(received_bytes_, kReceiveMemory, Rejected::receive_memory);
  shed(unsent_bytes_, kSendMemory, Rejected::send_memory);
}

TcpSession* TcpListener::longest_waiting() {
  TcpSession* longest = nullptr;
  uint64_t since_ms = UINT64_MAX;
  for (const Slot& slot : slots_) {
    if (slot.session == nullptr) continue;
    for (const uint64_t ms : {slot.session->partial_since_ms(), slot.session->unread_since_ms()}) {
      if (ms == 0 || ms >= since_ms) continue;
      since_ms = ms;
      longest = slot.session;
    }
  }
  return longest;
}

// The timer runs only while somebody could stall: an idle gateway does not wake up.
void TcpListener::watch_stalls() {
  if (uv_is_active(reinterpret_cast<uv_handle_t*>(stall_timer_.get()))) return;
  const auto check = [](uv_timer_t* timer) {
    static_cast<TcpListener*>(timer->data)->check_stalls();
  };
  uv_timer_start(stall_timer_.get(), check, kStallCheckMs, kStallCheckMs);
}

void TcpListener::check_stalls() {
  const uint64_t now_ms = uv_now(loop_);
  bool watch = false;
  for (const Slot& slot : slots_) {
    if (slot.session != nullptr && slot.session->check_stall(now_ms)) watch = true;
  }
  if (!watch) uv_timer_stop(stall_timer_.get());
}

}  // namespace zerogate
