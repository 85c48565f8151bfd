// Resolves names to socket addresses, for the blocking client and the admin server. Any thread;
// blocks.
#pragma once

#include <sys/socket.h>

#include <string>
#include <vector>

#include "core/base/address.h"
#include "core/base/result.h"

namespace zerogate {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  /// "127.0.0.1:5559" or "[::1]:5559". Not for a local socket.
  std::string numeric() const;
};

/// More addresses of one name than this are not tried.
inline constexpr size_t kMaxAddresses = 8;

/// All addresses to try for a host and port, in the system's order of preference, or the one of a
/// local socket. Blocks while the name is looked up, for as long as the system's resolver likes.
Result<std::vector<SocketAddress>> resolve(const Address& address);

}  // namespace zerogate
