// What a worker must not hold any more.
#pragma once

#include <fmt/format.h>

#include "core/base/memory_account.h"
#include "core/metrics/worker_metrics.h"
#include "tests/simulation/world.h"

namespace zerogate::simulation {

/// Of clients that wait for nothing, and of those that have gone, no bytes are left.
inline void judge_leftovers(const WorkerMetrics& metrics) {
  for (const MemoryUse use :
       {MemoryUse::requests, MemoryUse::replies, MemoryUse::zmq_requests, MemoryUse::zmq_replies,
        MemoryUse::forwarded, MemoryUse::backend_replies}) {
    const auto index = static_cast<size_t>(use);
    if (const uint64_t held = metrics.memory[index].value(); held != 0) {
      violated(fmt::format("{} bytes of {} are held, and of none that is there", held,
                           kMemoryUseNames[index]));
    }
  }
}

}  // namespace zerogate::simulation
