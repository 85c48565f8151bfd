// What the kernel keeps of each client's connection.
#pragma once

#include <vector>

#include "core/io/socket_memory.h"
#include "core/metrics/worker_metrics.h"
#include "core/rpc/return_path.h"

namespace zerogate {

struct SocketHoard {
  SocketMemory memory;
  int fd = -1;         ///< of the connection
  CallerKey caller{};  ///< of a StreamListener's session
};

/// Why its client is ended when that is too much.
inline Rejected reason_to_end(const SocketMemory& memory) {
  return memory.sent > memory.received ? Rejected::send_memory : Rejected::receive_memory;
}

inline size_t all_bytes(const std::vector<SocketHoard>& hoards) {
  size_t all = 0;
  for (const SocketHoard& hoard : hoards) {
    all += hoard.memory.all();
  }
  return all;
}

}  // namespace zerogate
