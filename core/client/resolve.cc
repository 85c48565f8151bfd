#include "core/client/resolve.h"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/un.h>

#include <cassert>
#include <cerrno>
#include <cstring>
#include <memory>

namespace zerogate {
namespace {

std::vector<SocketAddress> local_address(const std::string& path) {
  SocketAddress local;
  auto* un = reinterpret_cast<sockaddr_un*>(&local.storage);
  assert(path.size() < sizeof un->sun_path);  // ServerUrl takes no longer ones
  un->sun_family = AF_UNIX;
  std::memcpy(un->sun_path, path.c_str(), path.size() + 1);
  local.size = sizeof *un;
  return {local};
}

}  // namespace

std::string SocketAddress::numeric() const {
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  const int status = getnameinfo(get(), size, host, sizeof host, port, sizeof port,
                                 NI_NUMERICHOST | NI_NUMERICSERV);
  if (status != 0) {
    return {};
  }
  return fmt::format(fmt::runtime(storage.ss_family == AF_INET6 ? "[{}]:{}" : "{}:{}"), host, port);
}

Result<std::vector<SocketAddress>> resolve(const Address& address) {
  if (address.is_path()) {
    return local_address(address.path);
  }
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* raw = nullptr;
  const std::string port = fmt::format("{}", address.port);
  const int status = getaddrinfo(address.host.c_str(), port.c_str(), &hints, &raw);
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> found(raw, &freeaddrinfo);
  if (status != 0) {
    const char* why = status == EAI_SYSTEM ? std::strerror(errno) : gai_strerror(status);
    return Error{fmt::format("cannot find the host {}: {}", address.host, why)};
  }
  std::vector<SocketAddress> addresses;
  for (const addrinfo* each = raw; each != nullptr; each = each->ai_next) {
    if (addresses.size() == kMaxAddresses) {
      break;
    }
    SocketAddress next;
    std::memcpy(&next.storage, each->ai_addr, each->ai_addrlen);
    next.size = each->ai_addrlen;
    addresses.push_back(next);
  }
  return addresses;
}

}  // namespace zerogate
