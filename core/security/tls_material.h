// What a TLS context is made from.
#pragma once

#include <cstdint>
#include <string>

#include "core/security/tls_allow.h"

namespace zerogate {

/// What a port asks of its clients.
enum class TlsClients : uint8_t { required, optional, none };

/// Texts in PEM, and rules. Immutable once it is shared by the workers.
struct TlsMaterial {
  std::string certificate{};  ///< with its chain, the own one first; empty: a client without one
  std::string key{};          ///< without a passphrase
  /// CAs that sign peers, roots or intermediates, and peers' certificates that are trusted by
  /// themselves; empty: those of the system, for a client only.
  std::string authorities{};
  TlsClients clients = TlsClients::required;
  TlsAllow allow{};
  bool allow_tls12 = false;  ///< TLS 1.3 only otherwise
  bool operator==(const TlsMaterial&) const = default;
};

}  // namespace zerogate
