#include "core/transport/tcp_session.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "core/wire/utf8.h"
#include "core/transport/tcp_listener.h"
#include "core/wire/t3.h"

namespace zerogate {

namespace {

/// A reply buffer keeps its memory between turns up to here; a connection that once had a large
/// reply does not hold on to it.
constexpr size_t kKeptCapacity = 4 << 10;
/// Seconds without traffic after which the kernel asks whether the peer is still there.
constexpr unsigned kKeepAliveSeconds = 60;

void empty_buffer(std::string& buffer) {
  buffer.clear();
  if (buffer.capacity() > kKeptCapacity) std::string().swap(buffer);
}

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
    : listener_(listener), key_(key) {
  if (is_pipe) {
    uv_pipe_init(listener.loop_, &handle_.pipe, 0);
  } else {
    uv_tcp_init(listener.loop_, &handle_.tcp);
  }
  handle_.handle.data = this;
  write_.data = this;
}

bool TcpSession::accept(uv_stream_t* server) {
  if (uv_accept(server, stream()) != 0) return false;
  if (handle_.handle.type == UV_TCP) {
    uv_tcp_nodelay(&handle_.tcp, 1);
    uv_tcp_keepalive(&handle_.tcp, 1, kKeepAliveSeconds);
  }
  start_reading();
  return reading_;
}

void TcpSession::start_reading() {
  const auto alloc = [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
    *buffer = static_cast<TcpSession*>(handle->data)->read_space();
  };
  const auto read = [](uv_stream_t* stream, ssize_t size, const uv_buf_t*) {
    static_cast<TcpSession*>(stream->data)->on_read(size);
  };
  reading_ = uv_read_start(stream(), alloc, read) == 0;
  if (!reading_) close();
}

void TcpSession::stop_reading() {
  uv_read_stop(stream());
  reading_ = false;
}

bool TcpSession::blocked() const {
  return in_flight_ >= kMaxCallsInFlight || unsent_bytes() > listener_.options_.write_buffer;
}

// An unfinished frame that will fit into the shared buffer goes back there, so that the rest of it
// and the frames behind it arrive in one read. A longer one gets memory of its own, which grows
// with the bytes that have come, not with the length that the peer claims.
uv_buf_t TcpSession::read_space() {
  char* const shared = listener_.read_buffer_.get();
  if (frame_size_ <= TcpListener::kReadBufferBytes) {
    const ByteView begun = partial_.view();
    if (!begun.empty()) std::memcpy(shared, begun.data(), begun.size());
    return uv_buf_init(shared + begun.size(),
                       static_cast<unsigned>(TcpListener::kReadBufferBytes - begun.size()));
  }
  const size_t room = std::min(frame_size_ - partial_.size(),
                               std::max(partial_.size(), TcpListener::kReadBufferBytes));
  listener_.received_bytes_ -= partial_.capacity();
  char* const own = partial_.prepare(room);
  listener_.received_bytes_ += partial_.capacity();
  return uv_buf_init(own, static_cast<unsigned>(room));
}

void TcpSession::on_read(ssize_t size) {
  if (size > 0) return on_bytes(static_cast<size_t>(size));
  if (size == 0) return;  // nothing to read after all
  if (size != UV_EOF) return close();
  // The peer has sent all it will. What it asked before is still answered, as the real server does.
  if (!partial_.empty()) return malformed(Malformed::truncated);
  end();
}

void TcpSession::on_bytes(size_t size) {
  listener_.metrics_.received_bytes.add(size);
  const uint64_t received_ns = uv_hrtime();
  if (frame_size_ <= TcpListener::kReadBufferBytes) {
    const size_t begun = take_partial().size();
    consume({listener_.read_buffer_.get(), begun + size}, received_ns);
  } else {
    partial_.commit(size);
    if (partial_.size() < frame_size_) return;
    const ByteBuffer frame = take_partial();
    consume(frame.view(), received_ns);
  }
}

void TcpSession::consume(ByteView bytes, uint64_t received_ns) {
  while (!bytes.empty() && !blocked()) {
    const wire::t3::Frame frame = wire::t3::parse_frame(bytes, listener_.options_.max_message);
    if (frame.status == wire::t3::FrameStatus::incomplete) {
      frame_size_ = frame.size;
      if (partial_since_ms_ == 0) partial_since_ms_ = uv_now(listener_.loop_);
      return keep(bytes);
    }
    if (frame.status != wire::t3::FrameStatus::whole) return malformed(reason_of(frame.status));
    partial_since_ms_ = 0;
    bytes.remove_prefix(frame.size);
    dispatch(frame.payload, frame.id, received_ns);
    if (closed_ || ending_) return;
  }
  partial_since_ms_ = 0;
  if (blocked()) stop_reading();
  keep(bytes);
}

void TcpSession::dispatch(ByteView payload, uint32_t id, uint64_t received_ns) {
  using wire::t3::EnvelopeStatus;
  const wire::t3::Envelope envelope = wire::t3::parse_envelope(payload);
  if (envelope.status == EnvelopeStatus::malformed) return malformed(Malformed::bad_msgpack);
  if (envelope.status == EnvelopeStatus::too_deep) return malformed(Malformed::too_deep);
  if (!wire::is_utf8(envelope.function)) return malformed(Malformed::bad_name);

  const Incoming incoming{{&listener_, key_, Wire::t3, to_request_id(id)},
                          {envelope.function, envelope.argument},
                          received_ns};
  Dispatcher& dispatcher = listener_.dispatcher_;
  ++in_flight_;  // each way out of here answers through deliver(), now or later
  switch (envelope.status) {
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

void TcpSession::keep(ByteView rest) {
  if (rest.empty()) return;
  listener_.received_bytes_ -= partial_.capacity();
  partial_.append(rest);
  listener_.received_bytes_ += partial_.capacity();
  listener_.watch_stalls();
}

ByteBuffer TcpSession::take_partial() {
  listener_.received_bytes_ -= partial_.capacity();
  frame_size_ = 0;
  return std::exchange(partial_, ByteBuffer());
}

bool TcpSession::deliver(const RequestId& id, ByteView body) {
  assert(in_flight_ > 0);
  --in_flight_;
  const TcpOptions& options = listener_.options_;
  if (unsent_bytes() + body.size() > options.write_buffer + 2 * options.max_message) {
    reject(Rejected::slow_reader);
    return false;
  }
  const size_t before = out_.size();
  wire::t3::write_frame(out_, from_request_id(id), wire::is_error_body(body), body);
  listener_.unsent_bytes_ += out_.size() - before;
  mark_dirty();
  return true;
}

void TcpSession::mark_dirty() {
  if (std::exchange(dirty_, true)) return;
  listener_.dirty_.push_back(key_);
}

void TcpSession::flush() {
  dirty_ = false;
  if (writing_.empty() && !out_.empty()) {
    const uv_buf_t buffer = uv_buf_init(out_.data(), static_cast<unsigned>(out_.size()));
    const int result = uv_try_write(stream(), &buffer, 1);
    if (result < 0 && result != UV_EAGAIN) return close();
    const size_t taken = result < 0 ? 0 : static_cast<size_t>(result);
    listener_.metrics_.sent_bytes.add(taken);
    listener_.unsent_bytes_ -= taken;
    if (taken == out_.size()) {
      empty_buffer(out_);
    } else {
      writing_.swap(out_);
      written_ = taken;
      write_rest();
    }
  }
  if (closed_) return;
  if (ending_ && in_flight_ == 0 && unsent_bytes() == 0) return close();
  resume();
}

void TcpSession::write_rest() {
  const uv_buf_t rest = uv_buf_init(writing_.data() + written_,
                                    static_cast<unsigned>(writing_.size() - written_));
  const auto done = [](uv_write_t* write, int status) {
    static_cast<TcpSession*>(write->data)->on_written(status);
  };
  ++listener_.unsent_sessions_;
  if (uv_write(&write_, stream(), &rest, 1, done) != 0) return close();
  unread_since_ms_ = uv_now(listener_.loop_);
  queued_at_check_ = rest.len;
  listener_.watch_stalls();
}

void TcpSession::on_written(int status) {
  if (closed_) return;
  if (status != 0) return close();
  const size_t rest = writing_.size() - written_;
  listener_.metrics_.sent_bytes.add(rest);
  listener_.unsent_bytes_ -= rest;
  --listener_.unsent_sessions_;
  empty_buffer(writing_);
  written_ = 0;
  unread_since_ms_ = 0;
  mark_dirty();
}

void TcpSession::resume() {
  if (reading_ || ending_ || blocked()) return;
  const ByteBuffer waiting = take_partial();
  consume(waiting.view(), uv_hrtime());
  if (!closed_ && !ending_ && !blocked()) start_reading();
}

bool TcpSession::check_stall(uint64_t now_ms) {
  const uint64_t slow_ms = frame_size_ / TcpListener::kSlowestBytesPerSecond * 1'000;
  if (partial_since_ms_ != 0 &&
      now_ms - partial_since_ms_ > TcpListener::kStallTimeoutMs + slow_ms) {
    reject(Rejected::stalled);
    return false;
  }
  if (unread_since_ms_ != 0) {
    const size_t queued = uv_stream_get_write_queue_size(stream());
    if (std::exchange(queued_at_check_, queued) > queued) unread_since_ms_ = now_ms;
    if (now_ms - unread_since_ms_ > TcpListener::kStallTimeoutMs) {
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
  take_partial();
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
  if (std::exchange(closed_, true)) return;
  take_partial();
  listener_.forget(*this);
  // From here on the listener may be gone: the callbacks that still come only free the memory.
  uv_close(&handle_.handle,
           [](uv_handle_t* handle) { delete static_cast<TcpSession*>(handle->data); });
}

}  // namespace zerogate
