// What the kernel keeps of a connection: bytes that were not read here, and others that the peer
// has not acknowledged.
#pragma once

#include <cstddef>

namespace zerogate {

/// From now on the kernel keeps about so many bytes of each direction of the socket, with what each
/// packet costs it, and no longer as many as it finds good for the way there: 4 MiB of what is
/// sent, and 6 (Linux 6.18: 32) MiB of what comes (net.ipv4.tcp_wmem, tcp_rmem). What the system
/// allows at most (net.core.wmem_max, rmem_max) stays the limit. 0: nothing changes. Any thread.
void limit_socket_memory(int fd, size_t bytes);

/// Bytes of memory that the kernel has taken for the socket, as cgroup v2 charges them. 0 when it
/// does not say, as before Linux 4.12. Any thread.
struct SocketMemory {
  size_t received = 0;  ///< by what was not read
  size_t sent = 0;      ///< by what was not acknowledged
  size_t spare = 0;     ///< kept for what comes next
  size_t all() const { return received + sent + spare; }
};
SocketMemory socket_memory(int fd);

/// When it is closed, what it has not sent is thrown away and its peer gets a reset. Else the
/// kernel keeps it until the peer has taken it, also of a process that has ended. Any thread.
void reset_at_close(int fd);

}  // namespace zerogate
