// A few threads that make the answers of the admin port which may take a while.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace zerogate {

/// Owned by the admin server, which bounds the queue.
class AnswerThreads {
 public:
  /// A reload may take seconds, and a scrape must not wait for it; each waits for one at a time.
  static constexpr unsigned kThreads = 4;

  AnswerThreads();
  /// stop(), if that was not done.
  ~AnswerThreads();
  AnswerThreads(const AnswerThreads&) = delete;
  AnswerThreads& operator=(const AnswerThreads&) = delete;

  /// Runs the job, which may not throw, on one of the threads. False after stop(): then it never
  /// runs. Any thread.
  bool run(std::function<void()> job);
  /// Those that were taken and have not ended. Any thread.
  size_t under_way();
  /// Waits for the jobs that were taken.
  void stop();

 private:
  void work();

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  size_t running_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;  // last: they use the rest
};

}  // namespace zerogate
