#include "core/listener/listen_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <memory>

#include "core/base/quote.h"
#include "core/log/log.h"

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

/// A socket's file outlives its process. True when this one is such a leftover: no process answers
/// on it. Any other kind of file holds data, and is never ours to replace.
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

/// Nothing when there is no such group.
std::optional<gid_t> find_group(const std::string& name) {
  gid_t number = 0;
  const char* const end = name.data() + name.size();
  if (const auto [stop, error] = std::from_chars(name.data(), end, number);
      error == std::errc() && stop == end) {
    return number;
  }
  constexpr size_t kGroupBytes = 64 << 10;  // a group's line, with the names of its members
  std::vector<char> text(kGroupBytes);
  group entry{};
  group* found = nullptr;
  if (getgrnam_r(name.c_str(), &entry, text.data(), text.size(), &found) != 0 || found == nullptr) {
    return std::nullopt;
  }
  return found->gr_gid;
}

/// Empty, or what went wrong and would fix it.
std::string set_rights(const char* file, const SocketRights& rights) {
  if (!rights.group.empty()) {
    const std::optional<gid_t> gid = find_group(rights.group);
    if (!gid) {
      return fmt::format("there is no group {}", quote(rights.group));
    }
    if (chown(file, static_cast<uid_t>(-1), *gid) != 0) {
      return fmt::format(
          "it cannot be given to the group {}: {}; the gateway's user has to be a member of it "
          "(systemd: SupplementaryGroups=, PrivateUsers=no and SystemCallFilter=@chown)",
          quote(rights.group), strerror(errno));
    }
  }
  return rights.mode && chmod(file, *rights.mode) != 0 ? strerror(errno) : "";
}

/// Locked when no process has it; the lock goes with the descriptor.
struct FolderLock {
  explicit FolderLock(const std::string& file)
      : fd(::open((std::filesystem::path(file).parent_path() / ".").c_str(),
                  O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
        is_busy(fd && flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {}
  const UniqueFd fd;
  const bool is_busy;  ///< another process takes a file of this folder over, or binds one
};

Result<UniqueFd> bind_unix(const Address& address, const SocketRights& rights) {
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  if (address.path.size() >= sizeof where.sun_path) {
    return Error{fmt::format("cannot listen on {}: the path is longer than {} bytes",
                             address.display(), sizeof where.sun_path - 1)};
  }
  std::memcpy(where.sun_path, address.path.data(), address.path.size());
  // A socket that is bound and does not listen yet looks stale to others: hence the lock.
  const FolderLock lock(address.path);
  UniqueFd fd = make_socket(AF_UNIX);
  const auto try_bind = [&] {
    const auto* generic = reinterpret_cast<const sockaddr*>(&where);
    return fd && bind(fd.get(), generic, sizeof where) == 0 ? 0 : errno;
  };
  int error = try_bind();
  if (error == EADDRINUSE && !lock.is_busy && is_stale_socket(where)) {
    unlink(where.sun_path);
    error = try_bind();
  }
  if (error != 0) {
    return cannot_listen(address, error);
  }
  // No client can connect before listen().
  std::string problem = set_rights(where.sun_path, rights);
  if (problem.empty() && listen(fd.get(), ListenSocket::kBacklog) != 0) {
    problem = strerror(errno);
  }
  if (!problem.empty()) {
    unlink(where.sun_path);
    return Error{fmt::format("cannot listen on {}: {}", address.display(), problem)};
  }
  return fd;
}

bool is_name(std::string host) {
  host.resize(std::min(host.find('%'), host.size()));  // without the zone
  in6_addr bytes;
  return inet_pton(AF_INET, host.c_str(), &bytes) != 1 &&
         inet_pton(AF_INET6, host.c_str(), &bytes) != 1;
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
  if (!fd && errno == EAFNOSUPPORT && address.host == "::") {
    return open_tcp({"0.0.0.0", address.port, ""}, reuse_port);  // a kernel without IPv6
  }
  if (!fd) {
    return cannot_listen(address, errno);
  }
  // [::] takes IPv4's connections too, whatever the system's default is. A socket of IPv4 refuses
  // the option.
  const int off = 0;
  setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (reuse_port) {
    setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  }
  const int error = bind_and_listen(fd, found->ai_addr, found->ai_addrlen);
  if (error != 0) {
    return cannot_listen(address, error);
  }
  if (found->ai_next != nullptr) {
    log::warn("only the first address of a name is listened on",
              {{"name", address.host},
               {"address", bound_address(fd.get(), address).display()},
               {"fix", "write the address that clients call"}});
  }
  return fd;
}

}  // namespace

Address bound_address(int fd, Address address) {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  auto* generic = reinterpret_cast<sockaddr*>(&name);
  getsockname(fd, generic, &size);
  address.port = ntohs(name.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(name).sin6_port
                                                  : reinterpret_cast<sockaddr_in&>(name).sin_port);
  char host[NI_MAXHOST];
  if (is_name(address.host) &&
      getnameinfo(generic, size, host, sizeof host, nullptr, 0, NI_NUMERICHOST) == 0) {
    address.host = host;
  }
  return address;
}

bool is_group(const std::string& group) { return find_group(group).has_value(); }

Result<ListenSocket> ListenSocket::open(const Address& address, bool reuse_port) {
  if (address.is_path()) {
    return open_unix(address, {});
  }
  Result<UniqueFd> fd = open_tcp(address, reuse_port);
  if (!fd) {
    return Error{fd.error()};
  }
  Address bound = bound_address(fd.value().get(), address);
  return ListenSocket(std::move(fd).value(), std::move(bound), std::nullopt);
}

Result<ListenSocket> ListenSocket::open_unix(const Address& address, const SocketRights& rights) {
  Result<UniqueFd> fd = bind_unix(address, rights);
  if (!fd) {
    return Error{fd.error()};
  }
  return ListenSocket(std::move(fd).value(), address, file_of(address.path));
}

Result<std::vector<ListenSocket>> ListenSocket::open_group(const Address& address, uint32_t count,
                                                           const SocketRights& rights) {
  if (address.is_path()) {
    return open_unix_group(address, count, rights);
  }
  std::vector<ListenSocket> sockets;
  Address bound;
  {
    // Bound without sharing, so that a port which another process holds is noticed.
    Result<ListenSocket> first = open(address, false);
    if (!first) {
      return Error{first.error()};
    }
    if (count == 1) {
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
  join(sockets, std::make_shared<AcceptBalancer>(std::move(fds)));
  return sockets;
}

Result<std::vector<ListenSocket>> ListenSocket::open_unix_group(const Address& address,
                                                                uint32_t count,
                                                                const SocketRights& rights) {
  Result<ListenSocket> first = open_unix(address, rights);
  if (!first) {
    return Error{first.error()};
  }
  std::vector<ListenSocket> sockets;
  sockets.push_back(std::move(first).value());
  while (sockets.size() < count) {
    UniqueFd fd(sockets.front().duplicate());
    if (!fd) {
      return cannot_listen(address, errno);
    }
    sockets.push_back(ListenSocket(std::move(fd), address, std::nullopt));
  }
  if (count > 1) {
    join(sockets, std::make_shared<AcceptBalancer>(count));
  }
  return sockets;
}

void ListenSocket::join(std::vector<ListenSocket>& sockets,
                        const std::shared_ptr<AcceptBalancer>& balancer) {
  for (size_t i = 0; i < sockets.size(); ++i) {
    sockets[i].member_ = {balancer, i};
  }
}

ListenSocket::~ListenSocket() {
  if (fd_) {
    remove_file();
  }
}

std::optional<ListenSocket::File> ListenSocket::file_of(const std::string& path) {
  struct stat status;
  if (lstat(path.c_str(), &status) != 0) {
    return std::nullopt;
  }
  return File{status.st_dev, status.st_ino};
}

void ListenSocket::remove_file() {
  if (!file_) {
    return;
  }
  // With the lock no other process takes the path over between the look and the unlink. Another may
  // have the lock already; the look is all that tells then.
  const FolderLock lock(bound_.path);
  const std::optional<File> there = file_of(bound_.path);
  if (there && there->device == file_->device && there->inode == file_->inode) {
    unlink(bound_.path.c_str());
  }
  file_.reset();
}

// A filter on a listening socket sees each packet from the TCP header on. It must let the last
// packet of a handshake pass, for its client holds the connection to be there.
void ListenSocket::hold_newcomers() {
  if (bound_.is_path()) {
    remove_file();
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
