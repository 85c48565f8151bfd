#include "gateway/admin/admin_listener.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cctype>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "core/client/resolve.h"

namespace zerogate {
namespace {

Error cannot_listen(const Address& address, std::string reason) {
  if (!reason.empty()) {
    reason[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(reason[0])));
  }
  return Error{fmt::format("cannot listen on admin {}: {}; choose another with admin: or --admin",
                           address.display(), reason)};
}

Result<UniqueFd> bind_to(const Address& address) {
  const Result<std::vector<SocketAddress>> candidates = resolve(address);
  if (!candidates) {
    return cannot_listen(address, candidates.error());
  }
  int error = EADDRNOTAVAIL;
  for (const SocketAddress& candidate : candidates.value()) {
    const int family = candidate.storage.ss_family;
    UniqueFd fd(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int on = 1, off = 0;
    if (fd && setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        // [::] takes IPv4 too, like the other listeners.
        (family != AF_INET6 ||
         setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) == 0) &&
        bind(fd.get(), candidate.get(), candidate.size) == 0 &&
        listen(fd.get(), ListenSocket::kBacklog) == 0) {
      return fd;
    }
    error = errno;
    if (error != EAFNOSUPPORT && error != EADDRNOTAVAIL) {
      break;
    }
  }
  if (error == EAFNOSUPPORT && address.host == "::") {
    return bind_to({"0.0.0.0", address.port, ""});  // a kernel without IPv6
  }
  return cannot_listen(address, std::strerror(error));
}

}  // namespace

Result<AdminListener> AdminListener::open(const Address& address, const SocketRights& rights) {
  AdminListener listener;
  if (address.is_path()) {
    Result<ListenSocket> file = ListenSocket::open_unix(address, rights);
    if (!file) {
      return Error{"admin: " + file.error()};
    }
    listener.file_.emplace(std::move(file).value());
    return listener;
  }
  Result<UniqueFd> fd = bind_to(address);
  if (!fd) {
    return Error{fd.error()};
  }
  listener.fd_ = std::move(fd).value();
  return listener;
}

uint16_t AdminListener::port() const {
  return file_ ? 0 : bound_address(fd_.get(), Address{}).port;
}

}  // namespace zerogate
