#include "core/client/connect.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cctype>
#include <cerrno>
#include <cstring>

#include "core/client/resolve.h"

namespace zerogate {
namespace {

/// Connects to one address. Returns 0 or an errno.
int connect_socket(const SocketAddress& address, const Deadline& deadline, UniqueFd& out) {
  const int family = address.storage.ss_family;
  UniqueFd fd(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) {
    return errno;
  }
  int error = connect(fd.get(), address.get(), address.size) == 0 ? 0 : errno;
  if (error == EINPROGRESS || error == EINTR) {
    if (!wait_for(fd.get(), POLLOUT, deadline)) {
      return ETIMEDOUT;
    }
    socklen_t size = sizeof error;
    if (getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
      return errno;
    }
  }
  if (error != 0) {
    return error;
  }
  if (family != AF_UNIX) {
    const int on = 1;  // a request is one write: nothing to gain from waiting for more
    setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  out = std::move(fd);
  return 0;
}

}  // namespace

std::string errno_text(int error) {
  std::string text = std::strerror(error);
  if (text.size() > 1 && std::islower(static_cast<unsigned char>(text[1]))) {
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  }
  return text;
}

bool wait_for(int fd, short events, const Deadline& deadline) {
  for (;;) {
    pollfd polled{fd, events, 0};
    const int ready = poll(&polled, 1, deadline.left_ms());
    if (ready > 0) {
      return true;
    }
    if (ready == 0 && deadline.passed()) {
      return false;
    }
    if (ready < 0 && errno != EINTR && errno != EAGAIN) {
      return true;  // the next call will tell
    }
  }
}

Result<UniqueFd> connect_to(const Address& address, uint32_t timeout_ms) {
  const auto addresses = resolve(address);
  if (!addresses) {
    return Error{addresses.error()};
  }
  const Deadline deadline(timeout_ms);
  int error = EADDRNOTAVAIL;  // replaced: there is at least one address
  size_t left = addresses.value().size();
  for (const SocketAddress& each : addresses.value()) {
    // An address that swallows packets must leave time for those behind it.
    const Deadline share(static_cast<uint32_t>(deadline.left_ms()) / static_cast<uint32_t>(left--));
    UniqueFd fd;
    error = connect_socket(each, share, fd);
    if (error == 0) {
      return fd;
    }
  }
  const std::string why =
      error == ETIMEDOUT ? fmt::format("no answer within {} ms", timeout_ms) : errno_text(error);
  return Error{why + "; is the gateway running?"};
}

}  // namespace zerogate
