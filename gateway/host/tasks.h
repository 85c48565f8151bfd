// How many threads the system lets this process have. There are several limits (pids.max of the
// cgroup, RLIMIT_NPROC of the user, memory), and some count other processes, too.
#pragma once

#include <cstdint>

namespace zerogate {

/// How many of `wanted` more threads can exist at once. It starts them to find out, since libzmq
/// and libuv abort the process when a thread of theirs cannot be started; all have ended on return.
/// Takes some 20 us each. Call it once, before any of them is started.
uint32_t startable_threads(uint32_t wanted);

}  // namespace zerogate
