// What the pool for blocking work counts.
#pragma once

#include <atomic>
#include <cstdint>

namespace zerogate {

/// Of the process. Any thread.
struct BlockingMetrics {
  std::atomic<uint64_t> threads = 0;   ///< gauge: those that there may be
  std::atomic<uint64_t> running = 0;   ///< gauge: jobs
  std::atomic<uint64_t> waiting = 0;   ///< gauge: jobs
  std::atomic<uint64_t> finished = 0;  ///< jobs that have run
  std::atomic<uint64_t> refused = 0;   ///< jobs: the queue was full
};

}  // namespace zerogate
