// How much of a container's memory the buffers of clients may take.
#pragma once

#include <cstdint>
#include <optional>

#include "gateway/host/cgroup.h"
#include "gateway/runtime/worker.h"

namespace zerogate {

/// The tightest memory limit on the way from the process' cgroup up to the root, in bytes (cgroup
/// v2's memory.max and memory.high, v1's memory.limit_in_bytes); nothing when there is none.
std::optional<uint64_t> memory_limit(const FileReader& read);

/// The limit in force as limits.memory can say it, which /config does. A cgroup may grant less or
/// more than that key takes; together with such a cgroup what is said here comes to the same.
uint64_t memory_to_say(std::optional<uint64_t> limit_bytes);

/// How many ports of each kind are listened on: 0 or 1.
struct Ports {
  uint32_t tcp = 1;
  uint32_t zmq = 1;
  uint32_t tls = 0;
  uint32_t curve = 0;
};

/// Lowers what the worker may hold, connections included, so that `threads` workers fit into
/// `limit_bytes` together, with peers of every kind at their worst at once: a peer waits or goes
/// before the kernel kills the process. Returns whether anything was lowered.
bool fit_into(uint64_t limit_bytes, uint32_t threads, Ports ports, WorkerOptions& options);

}  // namespace zerogate
