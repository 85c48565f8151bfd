// Threads that the system lets this process have. The limits are several (pids.max of the cgroup,
// RLIMIT_NPROC of the user, memory), and some count what others start.
#pragma once

#include <cstdint>

namespace zerogate {

/// How many of `wanted` more threads can be there at once, found out by starting them: libzmq and
/// libuv abort the process when one of theirs cannot be started. They have ended on return. Takes
/// some 20 us each; call it once, before any thread is started.
uint32_t startable_threads(uint32_t wanted);

}  // namespace zerogate
