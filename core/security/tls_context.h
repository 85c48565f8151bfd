// What the TLS sessions of one use (a port, or a backend) share: certificate, CA, and who may
// speak.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/result.h"
#include "core/security/openssl_ptr.h"
#include "core/security/tls_allow.h"
#include "core/security/tls_material.h"
#include "core/security/tls_result.h"

namespace zerogate {

/// Which part of the material is at fault, so that the error can name its file.
struct TlsFault {
  enum class Part : uint8_t { certificate, key, authorities };
  Part part;
  std::string message;  ///< what is wrong, and what would fix it
};

/// What is hardly meant, though handshakes may succeed all the same.
struct TlsDoubt {
  TlsFault::Part part;
  bool is_note = false;  ///< it may well be meant
  std::string message;   ///< as above
};

/// When the certificate holds, in seconds since 1970.
struct TlsValidity {
  int64_t not_before_s = 0;
  int64_t not_after_s = 0;
};

/// Of the first certificate of a text in PEM; nothing when there is none.
std::optional<TlsValidity> validity_of(std::string_view certificate);

/// Owns an SSL_CTX. A handshake is always a full one: without tickets, session cache, early data
/// and renegotiation nothing passes by the CA and the allow-list, which both are asked while the
/// handshake runs. One for each worker and use, for OpenSSL counts references of it; immutable.
class TlsContext {
 public:
  /// What two gateways agree on by ALPN: the server reads on while calls are under way.
  static constexpr std::string_view kGatewayProtocol = "zerogate/1";

  static std::variant<std::shared_ptr<const TlsContext>, TlsFault> make(
      TlsSide side, const TlsMaterial& material);

  TlsSide side() const { return side_; }
  const TlsAllow& allow() const { return allow_; }
  TlsClients clients() const { return clients_; }
  /// Of the own certificate; nothing when there is none.
  const std::optional<TlsValidity>& validity() const { return validity_; }
  /// Of the material it was made of.
  const std::vector<TlsDoubt>& doubts() const { return doubts_; }
  SSL_CTX* get() const { return context_.get(); }

  /// Whether a peer that was let in earlier would be let in by this one: its CA, its time, its
  /// names. `chain` may be null. Costs a verification of signatures, a tenth of a millisecond.
  bool accepts(X509* certificate, STACK_OF(X509) * chain) const;

 private:
  TlsContext(TlsSide side, const TlsMaterial& material);
  std::optional<TlsFault> load(const TlsMaterial& material);
  std::optional<TlsFault> load_own(const TlsMaterial& material);
  std::optional<TlsFault> load_authorities(const TlsMaterial& material);
  void doubt_chain(const std::vector<X509Ptr>& chain);
  std::optional<TlsFault> judge_trust(const std::vector<X509Ptr>& authorities);

  const TlsSide side_;
  const TlsClients clients_;
  const TlsAllow allow_;
  std::optional<TlsValidity> validity_;
  std::vector<TlsDoubt> doubts_;
  SslCtxPtr context_;
};

}  // namespace zerogate
