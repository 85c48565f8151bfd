#include "core/security/tls_purpose.h"

#include <fmt/format.h>
#include <openssl/x509v3.h>

namespace zerogate {
namespace {

struct Role {
  int purpose;
  uint32_t extended_usage;
  const char* usage_name;
  const char* plural;
};
constexpr Role kServer = {X509_PURPOSE_SSL_SERVER, XKU_SSL_SERVER, "serverAuth", "servers"};
constexpr Role kClient = {X509_PURPOSE_SSL_CLIENT, XKU_SSL_CLIENT, "clientAuth", "clients"};

const Role& own_role(TlsSide side) { return side == TlsSide::listener ? kServer : kClient; }
const Role& peer_role(TlsSide side) { return side == TlsSide::listener ? kClient : kServer; }

// Answers above 1 are for CAs of old kinds, which OpenSSL takes.
bool is_for(X509& certificate, const Role& role, bool as_ca) {
  return X509_check_purpose(&certificate, role.purpose, as_ca ? 1 : 0) > 0;
}

bool is_ca(X509& certificate) { return X509_check_ca(&certificate) > 0; }

}  // namespace

std::optional<std::string> doubt_of_own(X509& certificate, TlsSide side) {
  const Role& role = own_role(side);
  if (is_for(certificate, role, false)) {
    return std::nullopt;
  }
  const bool by_usage = (X509_get_extended_key_usage(&certificate) & role.extended_usage) != 0;
  return fmt::format(
      "is not for {}: its {}; peers that look at that refuse it: ask its CA for one "
      "with {}",
      role.plural,
      by_usage ? "keyUsage does not let it sign handshakes"
               : fmt::format("extendedKeyUsage lacks {}", role.usage_name),
      by_usage ? "digitalSignature" : role.usage_name);
}

std::optional<std::string> doubt_of_chain(X509& certificate, TlsSide side, size_t number) {
  const Role& role = own_role(side);
  if (is_for(certificate, role, true)) {
    return std::nullopt;
  }
  return fmt::format(
      "certificate {} in it is no CA for {}: a chain over it is refused; put the "
      "CAs behind the certificate which signed it, and no others",
      number, role.plural);
}

TlsTrust trust_of(const std::vector<X509Ptr>& authorities, TlsSide side) {
  const Role& role = peer_role(side);
  TlsTrust trust;
  for (size_t i = 0; i < authorities.size(); ++i) {
    X509& authority = *authorities[i];
    const bool signs = is_ca(authority);
    if (!is_for(authority, role, signs)) {
      trust.first_useless = trust.useless == 0 ? i + 1 : trust.first_useless;
      ++trust.useless;
    } else if (!signs) {
      trust.first_peer = trust.peers == 0 ? i + 1 : trust.first_peer;
      ++trust.peers;
    }
  }
  return trust;
}

std::string peers_of(TlsSide side) {
  const Role& role = peer_role(side);
  return fmt::format("{}, for whom extendedKeyUsage says {}", role.plural, role.usage_name);
}

}  // namespace zerogate
