// One TLS connection without a socket: encrypted bytes in, bytes out, and the other way round.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/out_buffer.h"
#include "core/security/openssl_ptr.h"
#include "core/security/tls_context.h"
#include "core/security/tls_result.h"

namespace zerogate {

/// OpenSSL reads what feed() gave, where it lies, and appends what is to be sent to sealed(): no
/// socket and no copy of its own are between. The owner bounds both. It never blocks and
/// has no callbacks. One thread.
class TlsSession {
 public:
  /// Of a peer that makes us answer and reads nothing: an alert, and answers to key updates.
  static constexpr size_t kMaxUnaskedBytes = 64 << 10;

  /// Of a client, until its handshake is done. OpenSSL takes 160 KiB, and 70 ms for a hello that
  /// offers 64 KiB of keys or for a chain of 100 KiB. Four certificates with 4096 bits of RSA have
  /// 8 KiB.
  static constexpr size_t kMaxHandshakeBytes = 16 << 10;
  /// Of the handshake's protocol that follow it within one feed(). A new key of the peer's is three
  /// of them, or five when it asks for one of ours, and takes 20 or 40 us for 27 bytes.
  static constexpr int kMaxLateSteps = 100;

  enum class Status : uint8_t {
    ok,
    wants_more,  ///< bytes of the peer
    ended,       ///< the peer has said that it sends no more
    failed,      ///< see result() and reason(); sealed() may have an alert for the peer
  };

  /// `name` is the DNS name or address that a backend's certificate must have; empty: its
  /// allow-list alone is asked.
  TlsSession(std::shared_ptr<const TlsContext> context, const std::string& name);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  /// The next bytes of the peer. They stay valid until unread() is empty, or are fed again.
  void feed(ByteView encrypted) {
    in_ = encrypted;
    late_steps_ = 0;
  }
  /// Those that OpenSSL has not asked for yet.
  ByteView unread() const { return in_; }
  /// read() has something to work on, or to tell, without more bytes of the peer.
  bool has_pending() const {
    return !in_.empty() || SSL_pending(ssl_.get()) > 0 ||
           (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
  }

  /// Goes on with the handshake; ok: it is done. Up to some milliseconds.
  Status shake_hands();
  bool open() const { return open_; }
  /// Steps of the handshake that took work, so far.
  int steps() const { return steps_; }

  struct Read {
    Status status;
    size_t size;  ///< bytes that were read, also when the status is not ok
  };
  /// Decrypts until `room` is full or a status says otherwise.
  Read read(char* to, size_t room);
  /// Encrypts all of it, in records as large as they may be. False: it failed.
  bool write(ByteView plain);
  /// Bytes that write() makes of so many, at most: a record has beside its content 22 bytes
  /// in TLS 1.3, and up to 85 with the ciphers of TLS 1.2.
  static constexpr size_t most_sealed(size_t plain) {
    return plain + (plain / (16 << 10) + 1) * 96;
  }
  /// Says that no more is sent.
  void end();

  /// What is to be sent. The owner takes it from here.
  OutBuffer& sealed() { return sealed_; }

  TlsResult result() const { return result_; }
  /// Of a failure, for people.
  const std::string& reason() const { return reason_; }
  /// After its handshake the peer said what is no TLS, or more of it than it may. Not set when it
  /// ends by an alert: that is its right.
  bool garbled() const { return garbled_; }
  /// The peer's name, as its certificate says it; empty: it showed none.
  const std::string& peer_name() const { return peer_name_; }
  /// Both ends are gateways (TlsContext::kGatewayProtocol).
  bool between_gateways() const;
  const TlsContext& context() const { return *context_; }
  /// Whether `next`, which takes the context's place, would let this peer in.
  bool passes(const TlsContext& next) const;

 private:
  friend struct SessionBio;
  bool shook_too_long() const {
    return !open_ && shaken_bytes_ > kMaxHandshakeBytes && context_->side() == TlsSide::listener;
  }
  Status status_of(int result);
  Status fail(TlsResult result, std::string reason);
  Status fail_by_error();
  TlsResult result_of(long verified) const;

  const std::shared_ptr<const TlsContext> context_;
  SslPtr ssl_;
  ByteView in_;
  OutBuffer sealed_;
  bool open_ = false;
  bool failed_ = false;
  bool refused_ = false;  ///< by an alert of the peer
  bool garbled_ = false;
  int steps_ = 0;
  size_t shaken_bytes_ = 0;  ///< of the peer's, read before the handshake was done
  int late_steps_ = 0;       ///< since the last feed()
  TlsResult result_ = TlsResult::ok;
  std::string reason_;
  std::string peer_name_;
};

}  // namespace zerogate
