// The certificate of an HTTPS server by libmicrohttpd, which speaks TLS by GnuTLS.
#pragma once

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

#include <memory>
#include <mutex>
#include <string>

#include "core/security/tls_material.h"

namespace zerogate {

/// Shows each newcomer the certificate that is in force by then, so that a renewed one needs no
/// restart. The server asks for no certificate of its clients.
class ServerCertificate {
 public:
  /// OpenSSL has read the material, when the configuration was checked.
  explicit ServerCertificate(std::shared_ptr<const TlsMaterial> material)
      : material_(std::move(material)) {}

  /// Handshakes that begin from now on use it. Null changes nothing. Any thread.
  void set(std::shared_ptr<const TlsMaterial> material);

  /// What may be spoken, in GnuTLS' words: TLS 1.3, and 1.2 if the first material allows it.
  std::string priorities() const;

  /// Binds a session to this certificate, which has to live longer. Before its handshake.
  void use_for(gnutls_session_t session) { gnutls_session_set_ptr(session, this); }

  /// GnuTLS' question for the certificate of a session, answered by the object it is bound to.
  static gnutls_certificate_retrieve_function3 answer;

 private:
  std::shared_ptr<const TlsMaterial> in_force() const;

  mutable std::mutex mutex_;
  std::shared_ptr<const TlsMaterial> material_;  ///< guarded
};

}  // namespace zerogate
