// The file descriptors and tasks that a configuration needs, counted before anything is opened: a
// limit that is too low is one line at the start instead of a crash under load. Any thread; all but
// take_resources() are pure functions.
#pragma once

#include <cstdint>

#include "core/base/result.h"
#include "gateway/admin/admin_server.h"
#include "gateway/config/config.h"

namespace zerogate {

/// What the host allows.
struct ResourceLimits {
  uint32_t descriptors = 0;       ///< RLIMIT_NOFILE
  uint32_t open_descriptors = 0;  ///< those that are open before the gateway opens any
};

/// How the descriptors that the gateway itself does not need are shared out.
struct DescriptorShares {
  uint32_t connections = 0;  ///< of clients, for each listener; at most limits.connections
  uint32_t admin = 0;        ///< connections of the admin port
};

/// The error says how many are needed and allowed, and what would help.
Result<DescriptorShares> share_descriptors(const Config& config, const ResourceLimits& limits);

/// Connections that the admin port may have: some for each thread that may answer them, the rest
/// waits. More would bring nothing.
inline constexpr uint32_t kMaxAdminThreads = 64;
inline constexpr uint32_t kMaxAdminConnections = 96;

/// Threads that the gateway wants besides its first one, with kMaxAdminThreads for the admin port.
uint32_t wanted_threads(const Config& config);
/// Of `startable` threads those that the admin port may have; 0 when there is none. The error says
/// how many are needed and can be had, and what would help.
Result<uint32_t> admin_threads(const Config& config, uint32_t startable);

/// What the listeners and the admin port may take.
struct Resources {
  uint32_t connections = 0;  ///< of clients, for each listener
  AdminLimits admin;
};

/// Raises the limit of descriptors, counts what this process may have, and logs when that is less
/// than was configured. Call it once, before any thread is started and anything is opened that
/// libuv or libzmq could not do without.
Result<Resources> take_resources(const Config& config);

}  // namespace zerogate
