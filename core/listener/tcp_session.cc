#include "core/listener/tcp_session.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "core/base/utf8.h"
#include "core/io/tcp_stream.h"
#include "core/listener/tcp_listener.h"
#include "core/wire/tcp_wire.h"

namespace zerogate {

namespace {

/// Without traffic for so long the kernel asks whether the peer is still there.
constexpr uint32_t kKeepAliveMs = 60'000;

/// The request id is opaque to everybody but the client: four bytes in, the same four bytes out.
RequestId to_request_id(uint32_t id) {
  return RequestId(ByteView(reinterpret_cast<const char*>(&id), sizeof id));
}
uint32_t from_request_id(const RequestId& id) {
  uint32_t value;
  assert(id.view().size() == sizeof value);
  std::memcpy(&value, id.view().data(), sizeof value);
  return value;
}

Malformed reason_of(wire::t3::FrameStatus status) {
  switch (status) {
    case wire::t3::FrameStatus::bad_length:
      return Malformed::bad_length;
    case wire::t3::FrameStatus::empty:
      return Malformed::empty;
    case wire::t3::FrameStatus::other_protocol:
      return Malformed::other_protocol;
    default:
      return Malformed::too_large;
  }
}

}  // namespace

TcpSession::TcpSession(TcpListener& listener, CallerKey key, bool is_pipe)
    : listener_(listener), key_(key), writer_(this, [](void* session, int status) {
        static_cast<TcpSession*>(session)->on_written(status);
      }) {
  if (is_pipe) {
    uv_pipe_init(listener.loop_.uv(), &handle_.pipe, 0);
  } else {
    uv_tcp_init(listener.loop_.uv(), &handle_.tcp);
  }
  handle_.handle.data = this;
}

bool TcpSession::accept(uv_stream_t* server) { return uv_accept(server, stream()) == 0 && begin(); }

bool TcpSession::adopt(UniqueFd connection) {
  if (uv_tcp_open(&handle_.tcp, connection.get()) != 0) {
    return false;
  }
  connection.release();  // it is the handle's
  return begin();
}

bool TcpSession::begin() {
  if (handle_.handle.type == UV_TCP) {
    uv_tcp_nodelay(&handle_.tcp, 1);
    uv_os_fd_t fd = -1;
    if (uv_fileno(&handle_.handle, &fd) == 0) {
      watch_tcp_peer(fd, kKeepAliveMs, static_cast<uint32_t>(TcpOptions::kStallTimeoutMs));
    }
  }
  start_reading();
  return reading_;
}

std::string TcpSession::peer() const {
  if (handle_.handle.type != UV_TCP) {
    return "unix";
  }
  sockaddr_storage address{};
  int size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (uv_tcp_getpeername(&handle_.tcp, generic, &size) != 0 ||
      uv_ip_name(generic, text.data(), text.size()) != 0) {
    return "gone";  // a connection that was reset while its call was under way
  }
  const bool v6 = address.ss_family == AF_INET6;
  const uint16_t port = ntohs(v6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                                 : reinterpret_cast<const sockaddr_in&>(address).sin_port);
  return fmt::format("{}{}{}:{}", v6 ? "[" : "", text.data(), v6 ? "]" : "", port);
}

void TcpSession::start_reading() {
  const auto alloc = [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
    *buffer = static_cast<TcpSession*>(handle->data)->read_space();
  };
  const auto read = [](uv_stream_t* stream, ssize_t size, const uv_buf_t*) {
    static_cast<TcpSession*>(stream->data)->on_read(size);
  };
  reading_ = uv_read_start(stream(), alloc, read) == 0;
  if (!reading_) {
    close();
  }
}

void TcpSession::stop_reading() {
  uv_read_stop(stream());
  reading_ = false;
}

bool TcpSession::blocked() const {
  return in_flight_ >= max_in_flight_ || unsent_bytes() > listener_.options_.write_buffer;
}

uv_buf_t TcpSession::read_space() {
  const uv_buf_t space = reader_.space(listener_.read_buffer_.get());
  account_received();
  return space;
}

void TcpSession::on_read(ssize_t size) {
  if (size > 0) {
    return on_bytes(static_cast<size_t>(size));
  }
  if (size == 0) {
    return;  // nothing to read after all
  }
  if (size != UV_EOF) {
    return close();
  }
  // The peer has sent all it will. What it asked before is still answered, as the real server does.
  if (!reader_.empty()) {
    return malformed(Malformed::truncated);
  }
  end();
}

void TcpSession::on_bytes(size_t size) {
  listener_.metrics_.received_bytes.add(size);
  const FrameReader::Chunk chunk = reader_.take(listener_.read_buffer_.get(), size);
  account_received();
  if (!chunk.bytes.empty()) {
    consume(chunk.bytes, listener_.loop_.began_ns());
  }
}

void TcpSession::consume(ByteView bytes, uint64_t received_ns) {
  while (!bytes.empty() && !blocked()) {
    const wire::TcpFrame frame = wire::parse_tcp_frame(bytes, listener_.options_.max_message);
    if (frame.status == wire::t3::FrameStatus::incomplete) {
      if (partial_since_ms_ == 0) {
        partial_since_ms_ = listener_.loop_.now_ms();
      }
      return keep(bytes, frame.size);
    }
    if (frame.status != wire::t3::FrameStatus::whole) {
      return malformed(reason_of(frame.status));
    }
    partial_since_ms_ = 0;
    bytes.remove_prefix(frame.size);
    dispatch(frame, received_ns);
    if (closed_ || ending_) {
      return;
    }
  }
  partial_since_ms_ = 0;
  if (blocked()) {
    stop_reading();
  }
  keep(bytes, 0);
}

void TcpSession::dispatch(const wire::TcpFrame& frame, uint64_t received_ns) {
  using wire::t3::EnvelopeStatus;
  const wire::t3::Envelope envelope = wire::t3::parse_envelope(frame.payload);
  if (envelope.status == EnvelopeStatus::malformed) {
    return malformed(Malformed::bad_msgpack);
  }
  const bool long_name = envelope.function.size() > kMaxFunctionNameBytes;
  if (!long_name && !is_utf8(envelope.function)) {
    return malformed(Malformed::bad_name);
  }
  if (frame.wire == Wire::t1) {
    max_in_flight_ = 1;
  }
  const IncomingRequest incoming{{&listener_, key_, frame.wire, to_request_id(frame.id)},
                                 {long_name ? ByteView() : envelope.function, envelope.argument},
                                 received_ns};
  Dispatcher& dispatcher = listener_.dispatcher_;
  ++in_flight_;  // each way out of here answers through deliver(), now or later
  if (long_name) {
    listener_.metrics_.count(Malformed::bad_name);
    return dispatcher.refuse(incoming, Outcome::invalid, wire::ErrorKey::server_exception,
                             wire::kLongName);
  }
  switch (envelope.status) {
    case EnvelopeStatus::too_deep:
      listener_.metrics_.count(Malformed::too_deep);
      return dispatcher.refuse(incoming, Outcome::invalid, wire::ErrorKey::server_exception,
                               wire::kTooDeep);
    case EnvelopeStatus::not_a_map:
      return dispatcher.refuse(incoming, Outcome::invalid, wire::ErrorKey::server_exception,
                               "Request must be a dict");
    case EnvelopeStatus::no_function:
      return dispatcher.refuse(incoming, Outcome::invalid, wire::ErrorKey::server_exception,
                               "Missing function name");
    case EnvelopeStatus::function_no_str:
      return dispatcher.refuse(incoming, Outcome::not_found, wire::ErrorKey::function_not_found,
                               "Function name must be a str");
    default:
      return dispatcher.dispatch(incoming);
  }
}

void TcpSession::keep(ByteView rest, size_t frame_size) {
  if (rest.empty()) {
    return;
  }
  reader_.keep(rest, frame_size);
  account_received();
  listener_.watch_stalls();
}

void TcpSession::account_received() {
  const size_t received = reader_.memory();
  listener_.received_bytes_ += received - std::exchange(accounted_.received, received);
}

void TcpSession::account_sent() {
  const size_t unsent = writer_.unsent();
  const uint64_t written = writer_.written();
  const bool waiting = writer_.waiting();
  listener_.unsent_bytes_ += unsent - std::exchange(accounted_.unsent, unsent);
  listener_.metrics_.sent_bytes.add(written - std::exchange(accounted_.written, written));
  listener_.unsent_sessions_ +=
      static_cast<uint32_t>(waiting) - std::exchange(accounted_.waiting, waiting);
}

bool TcpSession::deliver(const ReturnPath& path, ByteView body) {
  assert(in_flight_ > 0);
  --in_flight_;
  const TcpOptions& options = listener_.options_;
  if (unsent_bytes() + body.size() > options.write_buffer + 2 * options.max_message) {
    reject(Rejected::slow_reader);
    return false;
  }
  wire::write_tcp_reply(writer_.out(), path.wire, from_request_id(path.id), body);
  mark_dirty();
  return true;
}

void TcpSession::mark_dirty() {
  if (std::exchange(dirty_, true)) {
    return;
  }
  listener_.dirty_.push_back(key_);
}

void TcpSession::flush() {
  dirty_ = false;
  if (writer_.flush(stream()) != 0) {
    return close();
  }
  account_sent();
  if (writer_.waiting() && unread_since_ms_ == 0) {
    unread_since_ms_ = listener_.loop_.now_ms();
    queued_at_check_ = writer_.unsent();
    listener_.watch_stalls();
  }
  if (ending_ && in_flight_ == 0 && unsent_bytes() == 0) {
    return close();
  }
  resume();
}

void TcpSession::on_written(int status) {
  if (closed_) {
    return;
  }
  if (status != 0) {
    return close();
  }
  account_sent();
  unread_since_ms_ = 0;
  mark_dirty();
}

void TcpSession::resume() {
  if (reading_ || ending_ || blocked()) {
    return;
  }
  const ByteBuffer waiting = reader_.release();
  account_received();
  if (!waiting.empty()) {
    listener_.loop_.again();  // others may have had their turn already
  }
  consume(waiting.view(), listener_.loop_.read_ns());
  if (!closed_ && !ending_ && !blocked()) {
    start_reading();
  }
}

bool TcpSession::check_stall(uint64_t now_ms) {
  const uint64_t slow_ms = reader_.frame_size() / TcpListener::kSlowestBytesPerSecond * 1'000;
  if (partial_since_ms_ != 0 &&
      now_ms - partial_since_ms_ > listener_.options_.stall_timeout_ms + slow_ms) {
    reject(Rejected::stalled);
    return false;
  }
  if (unread_since_ms_ != 0) {
    const size_t queued = uv_stream_get_write_queue_size(stream());
    if (std::exchange(queued_at_check_, queued) > queued) {
      unread_since_ms_ = now_ms;
    }
    if (now_ms - unread_since_ms_ > listener_.options_.stall_timeout_ms) {
      reject(Rejected::slow_reader);
      return false;
    }
  }
  return partial_since_ms_ != 0 || unread_since_ms_ != 0;
}

void TcpSession::malformed(Malformed reason) {
  listener_.metrics_.count(reason);
  end();
}

void TcpSession::end() {
  reader_.release();
  account_received();
  partial_since_ms_ = 0;
  stop_reading();
  ending_ = true;
  mark_dirty();  // flush() closes it, now or when the last reply is out
}

void TcpSession::reject(Rejected reason) {
  listener_.metrics_.count(reason);
  close();
}

void TcpSession::close() {
  if (std::exchange(closed_, true)) {
    return;
  }
  listener_.forget(*this);
  // From here on the listener may be gone: the callbacks that still come only free the memory.
  uv_close(&handle_.handle,
           [](uv_handle_t* handle) { delete static_cast<TcpSession*>(handle->data); });
}

}  // namespace zerogate
