#include "core/io/socket_memory.h"

#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdint>

namespace zerogate {

void limit_socket_memory(int fd, size_t bytes) {
  if (bytes == 0) {
    return;
  }
  // The kernel takes it for the bytes of data, and doubles it for their packets: socket(7).
  const auto half = static_cast<int>(std::min<size_t>(bytes / 2, INT_MAX));
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &half, sizeof half);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &half, sizeof half);
}

SocketMemory socket_memory(int fd) {
  std::array<uint32_t, SK_MEMINFO_VARS> info{};
  socklen_t size = sizeof info;
  if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info.data(), &size) != 0) {
    return {};
  }
  return {.received = info[SK_MEMINFO_RMEM_ALLOC],
          .sent = std::max(info[SK_MEMINFO_WMEM_ALLOC], info[SK_MEMINFO_WMEM_QUEUED]),
          .spare = info[SK_MEMINFO_FWD_ALLOC]};
}

void reset_at_close(int fd) {
  const linger reset{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

}  // namespace zerogate
