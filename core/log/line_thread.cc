#include "core/log/line_thread.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace zerogate::log {

bool write_to_stderr(std::string line) {
  line += '\n';
  for (std::string_view rest = line; !rest.empty();) {
    const ssize_t size = ::write(STDERR_FILENO, rest.data(), rest.size());
    if (size < 0 && errno == EINTR) {
      continue;
    }
    if (size < 0) {
      return false;
    }
    rest.remove_prefix(static_cast<size_t>(size));
  }
  return true;
}

LineThread::LineThread(size_t max_lines) : max_lines_(max_lines) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

LineThread::~LineThread() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  added_.notify_one();
  thread_.join();
}

void LineThread::add(std::string line) {
  {
    const std::lock_guard lock(mutex_);
    if (lines_.size() == max_lines_) {
      lines_.pop_front();
      ++dropped_;
    }
    lines_.push_back(std::move(line));
  }
  added_.notify_one();
}

size_t LineThread::waiting() const {
  const std::lock_guard lock(mutex_);
  return lines_.size();
}

bool LineThread::wait_until_written(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  return written_.wait_for(lock, patience, [this] { return lines_.empty() && !writing_; });
}

uint64_t LineThread::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

void LineThread::run() {
  pthread_setname_np(pthread_self(), "log");
  std::unique_lock lock(mutex_);
  for (;;) {
    added_.wait(lock, [this] { return !lines_.empty() || ending_; });
    if (lines_.empty()) {
      return;
    }
    std::string line = lines_.pop_front();
    writing_ = true;
    lock.unlock();
    const bool whole = write_to_stderr(std::move(line));
    lock.lock();
    writing_ = false;
    dropped_ += whole ? 0 : 1;  // the metrics can still tell it
    if (lines_.empty()) {
      written_.notify_all();
    }
  }
}

}  // namespace zerogate::log
