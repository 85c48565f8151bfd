#include "gateway/host/descriptors.h"

#include <sys/resource.h>

#include <algorithm>

namespace zerogate {

namespace {

/// Log, loops, libzmq's signalers, Redis, backends, and the admin server's connections.
constexpr rlim_t kReserve = 256;
constexpr rlim_t kMost = 1 << 30;

}  // namespace

uint32_t claim_descriptors() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t usable = std::min(limit.rlim_cur, kMost);
  return static_cast<uint32_t>(usable > 2 * kReserve ? usable - kReserve : usable / 2);
}

}  // namespace zerogate
