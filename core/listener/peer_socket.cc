#include "core/listener/peer_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstddef>

namespace zerogate {
namespace {

/// What the kernel has of it, which glibc's header knows only the beginning of.
struct TcpInfo {
  tcp_info known;
  uint64_t pacing_rate, max_pacing_rate, bytes_acked, bytes_received;
  uint32_t segments[2], unsent_bytes;
  uint8_t others[52];
  uint64_t bytes_sent, bytes_sent_again;  ///< the one with the other; since Linux 4.19
  uint32_t more[3], window;               ///< since Linux 5.4
};
static_assert(offsetof(TcpInfo, bytes_received) == 128);
static_assert(offsetof(TcpInfo, unsent_bytes) == 144);
static_assert(offsetof(TcpInfo, bytes_sent_again) == 208);
static_assert(offsetof(TcpInfo, window) == 228);

/// An older kernel fills in the beginning only: nothing when the value lies behind it.
template <class Value>
std::optional<TcpInfo> info_with(int fd, Value TcpInfo::*value) {
  TcpInfo info{};
  socklen_t size = sizeof info;
  const auto begin = reinterpret_cast<uintptr_t>(&info);
  const auto end = reinterpret_cast<uintptr_t>(&(info.*value)) + sizeof(Value);
  const bool known =
      getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && size >= end - begin;
  return known ? std::optional(info) : std::nullopt;
}

template <class Value>
std::optional<Value> value_of(int fd, Value TcpInfo::*value) {
  const auto info = info_with(fd, value);
  return info ? std::optional(*info.*value) : std::nullopt;
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
  return same() ? value_of(fd_, &TcpInfo::bytes_received) : std::nullopt;
}

std::optional<uint64_t> PeerSocket::acknowledged() const {
  return same() ? value_of(fd_, &TcpInfo::bytes_acked) : std::nullopt;
}

std::optional<uint64_t> PeerSocket::written() const {
  const auto info = same() ? info_with(fd_, &TcpInfo::bytes_sent_again) : std::nullopt;
  return info ? std::optional(info->bytes_sent - info->bytes_sent_again + info->unsent_bytes)
              : std::nullopt;
}

std::optional<uint32_t> PeerSocket::window() const {
  return same() ? value_of(fd_, &TcpInfo::window) : std::nullopt;
}

PeerSocket::End PeerSocket::ended() const {
  pollfd look{.fd = fd_, .events = POLLRDHUP, .revents = 0};
  if (!same() || poll(&look, 1, 0) <= 0) {
    return End::none;
  }
  return (look.revents & POLLERR) != 0 ? End::broken : End::in_order;
}

SocketMemory PeerSocket::memory() const { return same() ? socket_memory(fd_) : SocketMemory{}; }

size_t PeerSocket::unread() const {
  int bytes = 0;
  return same() && ioctl(fd_, FIONREAD, &bytes) == 0 ? static_cast<size_t>(bytes) : 0;
}

bool PeerSocket::end() const { return same() && shutdown(fd_, SHUT_RDWR) == 0; }

}  // namespace zerogate
