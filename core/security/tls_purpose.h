// What certificates are for, judged when they are read as OpenSSL does in each handshake: by their
// basicConstraints, keyUsage and extendedKeyUsage. Pure functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/security/openssl_ptr.h"
#include "core/security/tls_result.h"

namespace zerogate {

/// Whether peers that look at purposes take the own certificate of this side. They need not look,
/// so this is no fault; what is wrong, and what would fix it, otherwise.
std::optional<std::string> doubt_of_own(X509& certificate, TlsSide side);

/// The same of a CA's that is shown behind it, the `number`th of its file.
std::optional<std::string> doubt_of_chain(X509& certificate, TlsSide side, size_t number);

/// What certificates that are trusted by themselves let in.
struct TlsTrust {
  size_t useless = 0;        ///< for other purposes: no peer is let in by them
  size_t first_useless = 0;  ///< its number in the file, from 1 on
  size_t peers = 0;          ///< no CAs: each lets in the one peer that shows it
  size_t first_peer = 0;
};
TlsTrust trust_of(const std::vector<X509Ptr>& authorities, TlsSide side);

/// "clients, for whom extendedKeyUsage says clientAuth": those whom this side has to do with.
std::string peers_of(TlsSide side);

}  // namespace zerogate
