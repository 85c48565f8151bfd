#include "core/sdk/blocking_pool.h"

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <system_error>
#include <thread>
#include <utility>

namespace zerogate {

struct BlockingPool::Shared : std::enable_shared_from_this<Shared> {
  struct Entry {
    std::unique_ptr<BlockingJob> job;
    std::shared_ptr<BlockingLane::Back> back;
  };

  explicit Shared(BlockingOptions the_options) : options(the_options) {
    metrics.threads = options.threads;
  }

  bool submit(Entry entry);
  bool has_thread();
  void serve();
  static void give_back(Entry entry);

  const BlockingOptions options;
  BlockingMetrics metrics;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Entry> queue;  // guarded, as is what follows
  uint32_t threads = 0;
  uint32_t idle = 0;
  bool stopping = false;
};

bool BlockingPool::Shared::submit(Entry entry) {
  const std::lock_guard lock(mutex);
  if (queue.size() >= options.queue || !has_thread()) {
    ++metrics.refused;
    return false;
  }
  queue.push_back(std::move(entry));
  ++metrics.waiting;
  changed.notify_one();
  return true;
}

// Starts one when all are busy. The lock is held.
bool BlockingPool::Shared::has_thread() {
  if (idle > queue.size() || threads == options.threads) {
    return threads > 0;
  }
  try {
    std::thread([self = shared_from_this()] { self->serve(); }).detach();
    ++threads;
  } catch (const std::system_error&) {
    // Those that are there go on with it.
  }
  return threads > 0;
}

void BlockingPool::Shared::serve() {
  pthread_setname_np(pthread_self(), "blocking");
  std::unique_lock lock(mutex);
  while (true) {
    ++idle;
    changed.wait(lock, [this] { return stopping || !queue.empty(); });
    --idle;
    if (stopping) {
      break;
    }
    Entry entry = std::move(queue.front());
    queue.pop_front();
    --metrics.waiting;
    ++metrics.running;
    lock.unlock();
    entry.job->run();
    --metrics.running;
    ++metrics.finished;
    give_back(std::move(entry));
    lock.lock();
  }
  --threads;
  changed.notify_all();
}

void BlockingPool::Shared::give_back(Entry entry) {
  const std::lock_guard lock(entry.back->mutex);
  if (entry.back->signal != nullptr) {
    entry.back->jobs.push_back(std::move(entry.job));
    uv_async_send(entry.back->signal);
  }
}

BlockingPool::BlockingPool(BlockingOptions options) : shared_(std::make_shared<Shared>(options)) {}

BlockingPool::~BlockingPool() {
  std::unique_lock lock(shared_->mutex);
  shared_->stopping = true;
  shared_->changed.notify_all();
  shared_->changed.wait_for(lock, kPatience, [this] { return shared_->threads == 0; });
  std::deque<Shared::Entry> left;
  left.swap(shared_->queue);
  lock.unlock();  // before the jobs that never ran are destroyed
}

const BlockingMetrics& BlockingPool::metrics() const { return shared_->metrics; }
const BlockingOptions& BlockingPool::options() const { return shared_->options; }

BlockingLane::BlockingLane(uv_loop_t* loop, BlockingPool& pool) : pool_(pool) {
  const auto init_async = [](uv_loop_t* on, uv_async_t* handle) {
    uv_async_init(on, handle,
                  [](uv_async_t* async) { static_cast<BlockingLane*>(async->data)->on_signal(); });
    uv_unref(reinterpret_cast<uv_handle_t*>(handle));
  };
  signal_ = make_uv<uv_async_t>(loop, init_async, this);
  back_->signal = signal_.get();
}

BlockingLane::~BlockingLane() {
  std::vector<std::unique_ptr<BlockingJob>> jobs;
  const std::lock_guard lock(back_->mutex);
  back_->signal = nullptr;
  jobs.swap(back_->jobs);
}

bool BlockingLane::submit(std::unique_ptr<BlockingJob> job) {
  const bool taken = pool_.shared_->submit({std::move(job), back_});
  under_way_ += taken ? 1 : 0;
  return taken;
}

void BlockingLane::on_signal() {
  std::vector<std::unique_ptr<BlockingJob>> jobs;
  {
    const std::lock_guard lock(back_->mutex);
    jobs.swap(back_->jobs);
  }
  under_way_ -= jobs.size();
  for (const auto& job : jobs) {
    job->finish();
  }
}

}  // namespace zerogate
