#include "core/io/tls_layer.h"

namespace zerogate {

TlsLayer::TlsLayer(const TlsUse& use, TlsLoop::Waiter& waiter)
    : loop_(use.loop), observer_(use.observer), waiter_(waiter), session_(use.context, use.name) {}

TlsLayer::~TlsLayer() {
  loop_.forget(waiter_);
  if (state_ == State::shaking) {
    state_ = State::ended;
    if (session_.context().side() == TlsSide::listener) {
      loop_.end_handshake();
    }
  } else if (state_ == State::open) {
    observer_.on_end();
  }
}

void TlsLayer::begin() {
  state_ = State::shaking;
  began_ns_ = uv_hrtime();
  if (session_.context().side() == TlsSide::listener) {
    loop_.begin_handshake();
  }
}

void TlsLayer::end_handshake(TlsResult result) {
  if (state_ != State::shaking) {
    return;
  }
  state_ = result == TlsResult::ok ? State::open : State::ended;
  if (session_.context().side() == TlsSide::listener) {
    loop_.end_handshake();
  }
  observer_.on_handshake(result, uv_hrtime() - began_ns_);
}

TlsSession::Status TlsLayer::shake_hands() {
  if (!loop_.may_step()) {
    loop_.wait(waiter_, true);
    return TlsSession::Status::wants_more;
  }
  const int before = session_.steps();
  const TlsSession::Status status = session_.shake_hands();
  loop_.count_steps(session_.steps() - before);
  if (status == TlsSession::Status::ok) {
    end_handshake(TlsResult::ok);
  } else if (status == TlsSession::Status::failed) {
    end_handshake(session_.result());
  }
  return status;
}

void TlsLayer::feed(ByteView encrypted) {
  if (held_.empty()) {
    return session_.feed(encrypted);
  }
  ByteBuffer all;
  all.append(session_.unread());
  all.append(encrypted);
  held_ = std::move(all);
  session_.feed(held_.view());
}

void TlsLayer::hold() {
  const ByteView rest = session_.unread();
  if (rest.empty()) {
    held_.release();
    return;
  }
  const ByteView held = held_.view();
  if (!held.empty() && rest.data() >= held.data() && rest.data() < held.data() + held.size()) {
    return;  // it is there already
  }
  ByteBuffer copy;
  copy.append(rest);
  held_ = std::move(copy);
  session_.feed(held_.view());
}

namespace {

/// Memory beyond this was one large reply's.
constexpr size_t kSpareBytes = 256 << 10;

}  // namespace

// Before the handshake is done the bytes wait where they are. OpenSSL seals record by record:
// memory that grew with each would be up to twice what a long reply takes, for as long as its peer
// reads it.
bool TlsLayer::seal(OutBuffer& plain) {
  OutBuffer& sealed = session_.sealed();
  if (sealed.empty()) {
    sealed.swap(loop_.spare());
  }
  if (!session_.open()) {
    return true;
  }
  if (const size_t size = TlsSession::most_sealed(plain.size()); size > kSpareBytes) {
    if (sealed.empty() && sealed.capacity() < size) {
      sealed.release();
    }
    sealed.make_room(size);
  }
  const bool written = session_.write(plain.view());
  plain.clear();
  return written;
}

void TlsLayer::sent() {
  session_.sealed().clear(kSpareBytes);
  if (loop_.spare().capacity() < session_.sealed().capacity()) {
    session_.sealed().swap(loop_.spare());
  }
}

}  // namespace zerogate
