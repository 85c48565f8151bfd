// Two ends of TLS, whose bytes a test carries from one to the other: no socket, no time.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "core/security/tls_session.h"
#include "tests/unit/core/security/authority.h"

namespace zerogate::tls_ends {

/// What one end has done in a handshake, and its session.
struct End {
  End(const std::shared_ptr<const TlsContext>& context, const std::string& name = "")
      : session(context, name) {}
  TlsSession session;
  TlsSession::Status status = TlsSession::Status::wants_more;
};

inline std::string take_sealed(TlsSession& session) {
  return std::string(std::exchange(session.sealed(), {}).view());
}

/// Takes what `from` has to send, and gives it to `to` in pieces of at most `piece` bytes.
inline void carry(End& from, End& to, size_t piece) {
  const std::string bytes = take_sealed(from.session);
  for (size_t at = 0; at < bytes.size() && to.status != TlsSession::Status::failed; at += piece) {
    to.session.feed(ByteView(bytes).substr(at, piece));
    if (!to.session.open()) {
      to.status = to.session.shake_hands();
    }
    if (to.session.open()) {  // an alert that came late
      char none[1];
      const TlsSession::Status read = to.session.read(none, sizeof none).status;
      to.status = read == TlsSession::Status::wants_more ? TlsSession::Status::ok : read;
    }
  }
}

inline void shake_hands(End& client, End& server, size_t piece = 1 << 20) {
  client.status = client.session.shake_hands();
  while (!client.session.sealed().empty() || !server.session.sealed().empty()) {
    carry(client, server, piece);
    carry(server, client, piece);
  }
}

/// A client that can be made to do what a gateway never does.
struct FreeClient {
  explicit FreeClient(const TlsMaterial& material)
      : context(make_context(TlsSide::backend, material)) {
    SSL_CTX_set_msg_callback(context->get(),
                             [](int, int, int, const void*, size_t, SSL* of, void* self) {
                               static_cast<FreeClient*>(self)->ssl = of;
                             });
    SSL_CTX_set_msg_callback_arg(context->get(), this);
  }
  /// New keys, `count` times, as bytes.
  std::string new_keys(End& end, int count, int kind) const {
    for (int i = 0; i < count; ++i) {
      SSL_key_update(ssl, kind);
      SSL_do_handshake(ssl);
    }
    return take_sealed(end.session);
  }

  const std::shared_ptr<const TlsContext> context;
  SSL* ssl = nullptr;  ///< of the session that was made last
};

/// A server and such a client, behind their handshake.
struct FreeEnds {
  explicit FreeEnds(const Authority& authority)
      : free(authority.material({})),
        server(make_context(TlsSide::listener, authority.material({}))),
        client(free.context) {
    shake_hands(client, server);
  }

  FreeClient free;
  End server;
  End client;
};

}  // namespace zerogate::tls_ends
