// What other threads want to know of a worker, worked out on the worker's own thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <vector>

namespace zerogate {

/// A queue of questions with a bounded wait. A question only reads and is soon done: other threads
/// that ask wait for it.
class Questions {
 public:
  /// Any thread but the worker's. Has answer_all() run `question`, whom `wake` makes come soon.
  /// False when it did not come within `patience`, or the question threw: then it never runs, or
  /// never again.
  bool ask(const std::function<void()>& question, const std::function<void()>& wake,
           std::chrono::milliseconds patience) {
    Asked mine{&question};
    std::unique_lock lock(mutex_);
    waiting_.push_back(&mine);
    wake();
    answered_.wait_for(lock, patience, [&mine] { return mine.done; });
    std::erase(waiting_, &mine);
    return mine.done;
  }

  /// The worker's thread.
  void answer_all() {
    const std::lock_guard lock(mutex_);
    for (Asked* asked : waiting_) {
      try {
        (*asked->question)();
        asked->done = true;
      } catch (const std::exception&) {  // no memory: it was not answered
      }
    }
    waiting_.clear();
    answered_.notify_all();
  }

 private:
  struct Asked {
    const std::function<void()>* question;
    bool done = false;
  };

  std::mutex mutex_;
  std::condition_variable answered_;
  std::vector<Asked*> waiting_;
};

}  // namespace zerogate
