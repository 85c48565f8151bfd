// The TLS of one stream: what is between its socket and its owner.
#pragma once

#include <uv.h>

#include <cstdint>
#include <utility>

#include "core/base/byte_buffer.h"
#include "core/io/stream_writer.h"
#include "core/io/tls_use.h"
#include "core/security/tls_session.h"

namespace zerogate {

/// Part of a TcpStream, which moves the bytes. Loop thread only.
class TlsLayer final : public StreamWriter::Sealer {
 public:
  /// `waiter` is the stream: has its turn when more can be done.
  TlsLayer(const TlsUse& use, TlsLoop::Waiter& waiter);
  ~TlsLayer();
  TlsLayer(const TlsLayer&) = delete;
  TlsLayer& operator=(const TlsLayer&) = delete;

  TlsSession& session() { return session_; }
  const TlsSession& session() const { return session_; }
  TlsLoop& loop() { return loop_; }

  /// The connection is there: the handshake's time runs from now on.
  void begin();
  /// A step, unless the turn has had its share: then wants_more, and the stream's turn follows.
  TlsSession::Status shake_hands();
  /// The handshake was not done, and is given up with this result. Once.
  void give_up(TlsResult result) { end_handshake(result); }
  bool shaking() const { return state_ == State::shaking; }
  /// The next step of the handshake is the peer's.
  bool awaits_peer() const { return shaking() && !waiter_.waits; }

  /// Bytes of the peer, behind those that were held.
  void feed(ByteView encrypted);
  /// Copies what OpenSSL has not taken: the memory it is in is for another stream now.
  void hold();
  size_t held() const { return held_.capacity(); }
  bool has_pending() const { return session_.has_pending(); }
  /// The stream has its turn in the next one.
  void come_back() {
    if (!waiter_.waits) {
      loop_.wait(waiter_, false);
    }
  }
  void stop_waiting() { loop_.forget(waiter_); }

  // Sealer.
  bool seal(OutBuffer& plain) override;
  OutBuffer& sealed() override { return session_.sealed(); }
  void sent() override;

 private:
  enum class State : uint8_t { idle, shaking, open, ended };

  void end_handshake(TlsResult result);

  TlsLoop& loop_;
  TlsObserver& observer_;
  TlsLoop::Waiter& waiter_;
  TlsSession session_;
  State state_ = State::idle;
  uint64_t began_ns_ = 0;
  ByteBuffer held_;  ///< what session_ is fed with when a read's memory is gone
};

}  // namespace zerogate
