#include "gateway/http/answer_threads.h"

#include <utility>

namespace zerogate {

AnswerThreads::AnswerThreads() {
  try {
    for (unsigned i = 0; i < kThreads; ++i) {
      threads_.emplace_back([this] { work(); });
    }
  } catch (...) {
    stop();  // the system refused a thread: those that run are joined
    throw;
  }
}

AnswerThreads::~AnswerThreads() { stop(); }

bool AnswerThreads::run(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      return false;
    }
    jobs_.push_back(std::move(job));
  }
  changed_.notify_one();
  return true;
}

size_t AnswerThreads::under_way() {
  const std::lock_guard lock(mutex_);
  return jobs_.size() + running_;
}

void AnswerThreads::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) {
    thread.join();
  }
  threads_.clear();
}

void AnswerThreads::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) {
      return;
    }
    const std::function<void()> job = std::move(jobs_.front());
    jobs_.pop_front();
    ++running_;
    lock.unlock();
    job();
    lock.lock();
    --running_;
  }
}

}  // namespace zerogate
