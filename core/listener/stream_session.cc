#include "core/listener/stream_session.h"

#include "core/io/tls_layer.h"

namespace zerogate {

namespace {

/// Without traffic for so long the kernel asks whether the peer is still there.
constexpr uint32_t kKeepAliveMs = 60'000;
/// A vanished peer is given up after this: its replies would wait for a quarter of an hour.
constexpr uint32_t kVanishedMs = StreamOptions::kStallTimeoutMs;

}  // namespace

StreamSession::StreamSession(Shared& shared, Owner& owner, CallerKey key)
    : shared_(shared),
      owner_(owner),
      key_(key),
      stream_(shared.loop.uv(), *this, shared.read_buffer, &shared.in) {
  stream_.take_turns(shared.turns);
  if (shared.tls) {
    stream_.secure({shared.tls->context, shared.tls->loop, shared.tls->observer});
  }
  stream_.charge(shared.memory, MemoryUse::requests);
  stream_.set_kept_capacity(shared.options.kept_capacity);
}

bool StreamSession::begin() {
  peer_ = PeerAddress::of(fd());
  if (!peer_) {
    return false;
  }
  activity_.begin(shared_.clock.now_ms());
  if (shared_.tls) {
    shaking_since_ms_ = shared_.clock.now_ms();
    owner_.watch_stalls();
  }
  if (shared_.options.greeting_ms != 0) {
    greeting_since_ms_ = shared_.clock.now_ms();
    owner_.watch_stalls();
  }
  stream_.watch_peer(kKeepAliveMs, kVanishedMs);
  reading_ = stream_.start_reading() == 0;
  return reading_;
}

const Caller& StreamSession::caller() {
  if (caller_ == nullptr && stream_.tls() != nullptr &&
      !stream_.tls()->session().peer_name().empty()) {
    caller_ = std::make_unique<Caller>(Caller{stream_.tls()->session().peer_name(), true});
  }
  if (caller_ == nullptr) {
    const auto address = peer_->ip();
    caller_ = std::make_unique<Caller>(Caller{address ? address->host() : "unix"});
  }
  return *caller_;
}

bool StreamSession::awaits_handshake() const {
  return shakes_hands() && stream_.tls()->awaits_peer();
}

void StreamSession::stop_reading() {
  stream_.stop_reading();
  reading_ = false;
  owner_.watch_stalls();
}

// Of TLS only: the handshake is done. It may have begun before a reload.
void StreamSession::on_connected() {
  shaking_since_ms_ = 0;
  check_certificate();
}

void StreamSession::on_bytes(ByteView bytes) {
  if (!leaving_) {
    consume(bytes, shared_.loop.began_ns());
    // A long frame's memory is claimed until this returns, beside that of its reply.
    if (shared_.gathered + shared_.in.kept > shared_.grown && !stream_.holds_claim()) {
      owner_.on_growth();
    }
  }
}

// After the end of what the peer sends, what it asked before is still answered, as the real server
// does.
void StreamSession::on_closed(int error) {
  if (shaking_since_ms_ != 0) {
    const TlsResult result = stream_.tls()->session().result();
    return refuse(result == TlsResult::ok ? TlsResult::protocol : result, stream_.why(error));
  }
  if (stream_.tls() != nullptr && stream_.tls()->session().garbled()) {
    shared_.refusals.count(Malformed::bad_tls, [this] { return peer(); });
  }
  if (error != UV_EOF || leaving_) {
    return close();
  }
  if (!stream_.reader().empty()) {
    return malformed(greeting_since_ms_ != 0 ? Malformed::bad_handshake : Malformed::truncated);
  }
  end();
}

void StreamSession::consume(ByteView bytes, uint64_t received_ns) {
  size_t frame_size = 0;
  const ByteView rest = shared_.protocol.consume(*this, bytes, received_ns, frame_size);
  if (rest.empty() && ready()) {
    stands_since_ms_ = 0;
  } else if (open_) {
    keep(bytes, rest, frame_size);
  }
}

void StreamSession::keep(ByteView bytes, ByteView rest, size_t frame_size) {
  const bool before = std::exchange(behind_calls_, blocked());
  if (stands_since_ms_ == 0 || behind_calls_ != before || rest.size() != bytes.size()) {
    stands_since_ms_ = shared_.clock.now_ms();
  }
  if (behind_calls_) {
    stop_reading();
  }
  if (!rest.empty()) {
    stream_.keep(rest, frame_size);
    owner_.watch_stalls();
  }
}

void StreamSession::flush_later() {
  dirty_ = true;
  shared_.dirty.push_back(key_);
}

void StreamSession::account_sent() {
  const StreamWriter& writer = stream_.writer();
  const uint64_t written = stream_.written();
  shared_.sent += written - std::exchange(written_, written);
  if (const size_t held = writer.held(); held != 0 || held_ != 0) {
    shared_.held += held - std::exchange(held_, held);
    const bool waiting = writer.waiting();
    shared_.waiting += static_cast<uint32_t>(waiting) - std::exchange(waiting_, waiting);
  }
}

void StreamSession::flush() {
  dirty_ = false;
  if (stream_.flush() != 0) {
    return close_after_flush();
  }
  account_sent();
  if (waiting_ && unread_since_ms_ == 0) {
    unread_since_ms_ = reads_slowly_since_ms_ = shared_.clock.now_ms();
    queued_at_check_ = unsent_bytes();
    owner_.watch_stalls();
  }
  if (!open_ && in_flight_ == 0 && held_ == 0) {
    return close_after_flush();
  }
  if (!reading_ && ready()) {
    go_on();
  }
  if (shared_.draining) {
    leave_if_idle();
  }
}

void StreamSession::leave_if_idle() {
  if (in_flight_ == 0 && !dirty_ && unsent_bytes() == 0 && stream_.reader().empty() &&
      !stream_.has_encrypted()) {
    leave();
  }
}

void StreamSession::leave() {
  if (!open_) {
    return;  // it ends anyway
  }
  open_ = false;
  leaving_ = true;
  stream_.release_kept();
  stands_since_ms_ = 0;
  stream_.end_writing();
  if (!reading_) {
    reading_ = stream_.start_reading() == 0;
  }
  if (!reading_) {
    close();
  }
}

void StreamSession::pause() {
  if (open_) {
    held_up_ |= kPaused;
    stop_reading();
  }
}

void StreamSession::yield() {
  if (open_ && (held_up_ & kYielding) == 0) {
    held_up_ |= kYielding;
    shared_.turns.wait(*this);
  }
}

void StreamSession::go_on() {
  if (stream_.reader().empty()) {
    resume();
  } else {
    yield();  // what was read is taken in another turn, so that none is long
  }
}

void StreamSession::leave_turns() {
  if ((held_up_ & kYielding) != 0) {
    held_up_ &= static_cast<uint8_t>(~kYielding);
    shared_.turns.leave(*this);
  }
}

void StreamSession::take_turn() {
  held_up_ &= static_cast<uint8_t>(~kYielding);
  if (!reading_ && ready()) {
    resume();
  }
}

void StreamSession::finish() {
  bool read = false;
  for (int turns = kLastTurns; turns > 0 && open_; --turns) {
    leave_turns();
    held_up_ = 0;
    if (const ByteBuffer waiting = stream_.release_kept(); !waiting.empty()) {
      consume(waiting.view(), shared_.loop.read_ns());
    }
    if (ready() && !std::exchange(read, true)) {  // else what waits may be more than one read takes
      stream_.read_now(kLastBytes);
    }
    if (ready() || !open_ || stream_.flush() != 0 || stream_.writer().waiting()) {
      break;  // all is taken, or the peer does not read
    }
  }
  leave_turns();
  held_up_ = kPaused;
}

void StreamSession::on_writable() {
  account_sent();
  unread_since_ms_ = 0;
  mark_dirty();
}

void StreamSession::resume() {
  const ByteBuffer waiting = stream_.release_kept();
  if (!waiting.empty()) {
    consume(waiting.view(), shared_.loop.read_ns());
  }
  if (!ready()) {
    return;
  }
  reading_ = stream_.start_reading() == 0;
  if (!reading_) {
    close();
  }
}

void StreamSession::malformed(Malformed reason) {
  shared_.refusals.count(reason, [this] { return peer(); });
  end();
}

void StreamSession::end() {
  stream_.release_kept();
  stands_since_ms_ = 0;
  stop_reading();
  open_ = false;
  mark_dirty();  // flush() closes it, now or when the last reply is out
}

void StreamSession::refuse(TlsResult result, std::string_view why) {
  shared_.refusals.tell_handshake(result, why, [this] { return peer(); });
  close();
}

void StreamSession::check_certificate() {
  const TlsSession& session = stream_.tls()->session();
  const TlsContext& now = *shared_.tls->context;
  if (!open_ || !session.open() || &session.context() == &now || session.passes(now)) {
    return;
  }
  shared_.refusals.count(Rejected::certificate, [this] { return peer(); });
  end();
}

void StreamSession::reject(Rejected reason) {
  shared_.refusals.count(reason, [this] { return peer(); });
  // The kernel would keep what such a peer has not read for another half a minute.
  thrown_away_ = reason == Rejected::slow_reader || reason == Rejected::send_memory ||
                 reason == Rejected::receive_memory;
  close();
}

void StreamSession::close_after_flush() {
  dirty_ = true;  // in this turn it was
  close();
}

void StreamSession::close() {
  if (std::exchange(closed_, true)) {
    return;
  }
  if (dirty_) {
    owner_.remember(*this);
  }
  open_ = false;
  leave_turns();
  stream_.say_end();
  account_sent();  // what the kernel had taken of replies that break off, too
  shared_.held -= held_;
  shared_.waiting -= static_cast<uint32_t>(waiting_);
  if (thrown_away_) {
    stream_.reset_at_close();
  } else {
    owner_.linger(fd());
  }
  stream_.close();
  owner_.forget(*this);
}

}  // namespace zerogate
