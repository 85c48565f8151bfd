#include "core/listener/listen_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <iterator>
#include <memory>

namespace zerogate {

namespace {

const char* fix(int error) {
  switch (error) {
    case EADDRINUSE:
      return "; is another gateway running? Stop it or choose another address";
    case EACCES:
      return "; choose a port above 1023 or a path that this user may write";
    case EADDRNOTAVAIL:
      return "; no interface of this machine has that address";
    case ENOENT:
      return "; create the directory first";
    default:
      return "";
  }
}

Error cannot_listen(const Address& address, int error) {
  return {fmt::format("cannot listen on {}: {}{}", address.display(), strerror(error), fix(error))};
}

UniqueFd make_socket(int family) {
  return UniqueFd(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

/// 0 or errno.
int bind_and_listen(const UniqueFd& fd, const sockaddr* address, socklen_t size) {
  if (bind(fd.get(), address, size) != 0) {
    return errno;
  }
  return listen(fd.get(), ListenSocket::kBacklog) == 0 ? 0 : errno;
}

/// A socket's file outlives its process. True when this one is such a leftover: nobody answers on
/// it. Any other kind of file is somebody's data and never ours to replace.
bool is_stale_socket(const sockaddr_un& address) {
  struct stat file {};
  if (lstat(address.sun_path, &file) != 0 || !S_ISSOCK(file.st_mode)) {
    return false;
  }
  // Non-blocking: to connect to a socket whose owner is too busy to accept would wait for it.
  const UniqueFd probe = make_socket(AF_UNIX);
  return connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
         errno == ECONNREFUSED;
}

Result<UniqueFd> open_unix(const Address& address) {
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  if (address.path.size() >= sizeof where.sun_path) {
    return Error{fmt::format("cannot listen on {}: the path is longer than {} bytes",
                             address.display(), sizeof where.sun_path - 1)};
  }
  std::memcpy(where.sun_path, address.path.data(), address.path.size());
  const auto* generic = reinterpret_cast<const sockaddr*>(&where);
  UniqueFd fd = make_socket(AF_UNIX);
  int error = fd ? bind_and_listen(fd, generic, sizeof where) : errno;
  if (error == EADDRINUSE && is_stale_socket(where)) {
    unlink(where.sun_path);
    error = bind_and_listen(fd, generic, sizeof where);
  }
  if (error != 0) {
    return cannot_listen(address, error);
  }
  return fd;
}

Result<UniqueFd> open_tcp(const Address& address, bool reuse_port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failed =
      getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
  if (failed != 0) {
    return Error{fmt::format("cannot listen on {}: {}; write a numeric address or a known name",
                             address.display(), gai_strerror(failed))};
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, freeaddrinfo);
  const int on = 1;
  UniqueFd fd = make_socket(found->ai_family);
  if (!fd) {
    return cannot_listen(address, errno);
  }
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (reuse_port) {
    setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  }
  const int error = bind_and_listen(fd, found->ai_addr, found->ai_addrlen);
  if (error != 0) {
    return cannot_listen(address, error);
  }
  return fd;
}

uint16_t bound_port(int fd) {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size);
  return ntohs(name.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(name).sin6_port
                                          : reinterpret_cast<sockaddr_in&>(name).sin_port);
}

}  // namespace

Result<ListenSocket> ListenSocket::open(const Address& address, bool reuse_port) {
  Result<UniqueFd> fd = address.is_path() ? open_unix(address) : open_tcp(address, reuse_port);
  if (!fd) {
    return Error{fd.error()};
  }
  Address bound = address;
  if (!address.is_path()) {
    bound.port = bound_port(fd.value().get());
  }
  return ListenSocket(std::move(fd).value(), bound, address.path);
}

Result<std::vector<ListenSocket>> ListenSocket::open_group(const Address& address, uint32_t count) {
  std::vector<ListenSocket> sockets;
  Address bound;
  {
    // Bound without sharing, so that a port which another process holds is noticed.
    Result<ListenSocket> first = open(address, false);
    if (!first) {
      return Error{first.error()};
    }
    if (count == 1 || address.is_path()) {
      sockets.push_back(std::move(first).value());
      return sockets;
    }
    bound = first.value().bound();
  }
  std::vector<int> fds;
  for (uint32_t i = 0; i < count; ++i) {
    Result<ListenSocket> socket = open(bound, true);
    if (!socket) {
      return Error{socket.error()};
    }
    fds.push_back(socket.value().fd());
    sockets.push_back(std::move(socket).value());
  }
  const auto balancer = std::make_shared<AcceptBalancer>(std::move(fds));
  for (size_t i = 0; i < sockets.size(); ++i) {
    sockets[i].member_ = {balancer, i};
  }
  return sockets;
}

ListenSocket::~ListenSocket() {
  if (fd_ && !file_.empty()) {
    unlink(file_.c_str());
  }
}

// A filter on a listening socket sees each packet from the TCP header on. It must let the last
// packet of a handshake pass, for its client holds the connection to be there.
void ListenSocket::hold_newcomers() {
  if (bound_.is_path()) {
    unlink(file_.c_str());
    file_.clear();
    return;
  }
  constexpr uint32_t kFlagsOffset = 13;
  constexpr uint32_t kSyn = 0x02;
  constexpr uint32_t kAck = 0x10;
  sock_filter drop_syn[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kFlagsOffset),
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, kSyn | kAck),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kSyn, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
  };
  const sock_fprog program = {std::size(drop_syn), drop_syn};
  setsockopt(fd_.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

int ListenSocket::duplicate() const { return fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0); }

}  // namespace zerogate
