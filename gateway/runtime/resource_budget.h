// The file descriptors and tasks that a configuration needs, counted before anything is opened: a
// limit that is too low is one line at the start instead of a crash under load. Any thread; all but
// take_resources() and admin_access() are pure functions.
#pragma once

#include <cstdint>

#include "core/base/result.h"
#include "gateway/admin/admin_access.h"
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

/// Connections that the admin port may have. Newcomers take the places of silent ones, so more
/// would bring nothing.
inline constexpr uint32_t kMaxAdminConnections = 128;

/// Threads that the gateway needs besides its first one.
uint32_t needed_threads(const Config& config);
/// Whether `startable` threads are enough. The error says how many are needed and can be had, and
/// what would help.
Status check_threads(const Config& config, uint32_t startable);

/// Who may ask what of the admin port. The error is that of its token's file, which is read.
Result<AdminAccess> admin_access(const Config& config);

/// What the listeners and the admin port may take.
struct Resources {
  uint32_t connections = 0;  ///< of clients, for each listener
  AdminLimits admin;
  AdminAccess access;  ///< to the admin port
};

/// Raises the limit of descriptors, counts what this process may have, and logs when that is less
/// than was configured. Call it once, before any thread is started and anything is opened that
/// libuv or libzmq could not do without. `access` is what admin_access() gave; `watches_start`: but
/// for the thread of StartSignals, which is there.
Result<Resources> take_resources(const Config& config, AdminAccess access, bool watches_start);

}  // namespace zerogate
