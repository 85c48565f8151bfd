// Where a connection comes from.
#pragma once

#include <netinet/in.h>

#include <optional>
#include <string>
#include <string_view>

#include "core/base/address_range.h"

namespace zerogate {

/// To be taken when a connection is accepted, and kept: the kernel forgets it once the peer has
/// reset the connection, though what the peer has sent before can still be read.
class PeerAddress {
 public:
  /// Of a connected socket; nothing when it is none, or is reset already. A system call.
  static std::optional<PeerAddress> of(int fd);

  /// Address and port, as in "10.0.0.1:4711" or "[::1]:4711"; "unix" for a Unix socket.
  std::string text() const;
  /// Nothing for a Unix socket.
  std::optional<IpAddress> ip() const;

 private:
  bool is_unix() const { return name_.sin6_family == AF_UNIX; }
  /// In numbers, without the port.
  std::string host() const;

  sockaddr_in6 name_{};  ///< or a sockaddr_in, or of a Unix socket no more than the family
};

/// "10.0.0.1" of "::ffff:10.0.0.1", as a socket for IPv6 and IPv4 calls an IPv4 peer.
std::string_view without_v4_prefix(std::string_view address);

/// PeerAddress::text() of a connected socket, "gone" when it has none any more. A system call.
std::string peer_of(int fd);

}  // namespace zerogate
