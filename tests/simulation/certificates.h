// What the ends of the simulation's TLS connections show each other.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "core/security/openssl_ptr.h"
#include "core/security/tls_material.h"

namespace zerogate::simulation {

/// Of the gateway by its own files, of the models in OpenSSL's form. Made once for a process.
struct Certificates {
  /// The gateway's, of its port and of its connections to b: every client may call.
  std::shared_ptr<const TlsMaterial> own;
  std::shared_ptr<const TlsMaterial> narrow;  ///< the same, but of `clients` the first alone may
  struct Client {
    std::string name;
    SslCtxPtr tls;
  };
  std::array<Client, 2> clients;
  /// Clients without a certificate, with one of another CA, and with one that has expired.
  std::array<SslCtxPtr, 3> strangers;
  SslCtxPtr zero;      ///< of servers
  SslCtxPtr gateways;  ///< of servers that are gateways
  /// Servers of another CA, with a certificate that has expired, and with another server's name.
  std::array<SslCtxPtr, 3> impostors;
};
const Certificates& certificates();

}  // namespace zerogate::simulation
