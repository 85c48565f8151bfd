// Threads for work that blocks: a library without an asynchronous interface, a long computation.
#pragma once

#include <uv.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "core/io/uv_ptr.h"
#include "core/metrics/blocking_metrics.h"

namespace zerogate {

/// One piece of work. It is made and finished on the loop, and runs on a thread of the pool.
class BlockingJob {
 public:
  virtual ~BlockingJob() = default;
  /// Pool thread. Must not throw.
  virtual void run() = 0;
  /// Loop thread, after run().
  virtual void finish() = 0;
};

struct BlockingOptions {
  uint32_t threads = 4;    ///< started when they are first needed
  uint32_t queue = 1'000;  ///< jobs that wait for a thread; more are refused
};

class BlockingLane;

/// One for the process; it outlives the workers' lanes. Any thread.
class BlockingPool {
 public:
  /// How long the destructor waits for jobs that run. A thread that is still busy then is left to
  /// the end of the process: nothing can interrupt it.
  static constexpr std::chrono::milliseconds kPatience{1'000};

  explicit BlockingPool(BlockingOptions options = {});
  ~BlockingPool();
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  const BlockingMetrics& metrics() const;
  const BlockingOptions& options() const;

 private:
  friend class BlockingLane;
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

/// A loop's way to the pool and back. Loop thread only.
class BlockingLane {
 public:
  /// `pool` outlives it.
  BlockingLane(uv_loop_t* loop, BlockingPool& pool);
  /// Jobs that come back later are destroyed by the pool, unfinished.
  ~BlockingLane();
  BlockingLane(const BlockingLane&) = delete;
  BlockingLane& operator=(const BlockingLane&) = delete;

  /// False when the pool is full, or no thread can be had: the job is destroyed.
  bool submit(std::unique_ptr<BlockingJob> job);
  /// Jobs that have not come back.
  size_t under_way() const { return under_way_; }

 private:
  friend struct BlockingPool::Shared;
  /// Jobs that have run, on their way back to the loop.
  struct Back {
    std::mutex mutex;
    std::vector<std::unique_ptr<BlockingJob>> jobs;  ///< guarded
    uv_async_t* signal = nullptr;                    ///< guarded; null: the lane has ended
  };
  void on_signal();

  BlockingPool& pool_;
  const std::shared_ptr<Back> back_ = std::make_shared<Back>();
  UvPtr<uv_async_t> signal_;
  size_t under_way_ = 0;
};

}  // namespace zerogate
