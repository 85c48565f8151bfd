#include "core/listener/peer_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstddef>

namespace zerogate {
namespace {

/// What the kernel has of it, which glibc's header knows only the beginning of.
struct TcpInfo {
  tcp_info known;
  uint64_t pacing_rate, max_pacing_rate, bytes_acked, bytes_received;
};
static_assert(offsetof(TcpInfo, bytes_received) == 128);

std::optional<TcpInfo> info_of(int fd) {
  TcpInfo info{};
  socklen_t size = sizeof info;
  const bool known =
      getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && size == sizeof info;
  return known ? std::optional(info) : std::nullopt;
}

/// 0: it is no socket.
ino_t inode_of(int fd) {
  struct stat status {};
  return fd >= 0 && fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode) ? status.st_ino : 0;
}

}  // namespace

PeerSocket::PeerSocket(int fd) : fd_(fd), inode_(inode_of(fd)) {}

bool PeerSocket::same() const { return inode_ != 0 && inode_of(fd_) == inode_; }

std::optional<uint64_t> PeerSocket::received() const {
  const auto info = same() ? info_of(fd_) : std::nullopt;
  return info ? std::optional(info->bytes_received) : std::nullopt;
}

std::optional<uint64_t> PeerSocket::acknowledged() const {
  const auto info = same() ? info_of(fd_) : std::nullopt;
  return info ? std::optional(info->bytes_acked) : std::nullopt;
}

bool PeerSocket::end() const { return same() && shutdown(fd_, SHUT_RDWR) == 0; }

}  // namespace zerogate
