#include "gateway/host/process.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <exception>
#include <future>
#include <system_error>
#include <utility>

namespace zerogate {
namespace {

/// end() wakes the thread by it.
constexpr int kWakeUp = SIGALRM;

/// The next of the ending ones, or kWakeUp.
int wait_for_signal() {
  sigset_t awaited;
  sigemptyset(&awaited);
  sigaddset(&awaited, kWakeUp);
  for (const int number : kEndingSignals) {
    sigaddset(&awaited, number);
  }
  int number = 0;
  while (sigwait(&awaited, &number) != 0) {
    // a debugger's stop interrupts it
  }
  return number;
}

/// Nothing serves any more, or yet: a signal would only change the status.
void ignore_signals() {
  for (const auto& set : {kHarmlessSignals, kEndingSignals}) {
    for (const int number : set) {
      std::signal(number, SIG_IGN);
    }
  }
}

}  // namespace

void open_standard_descriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (fcntl(fd, F_GETFD) < 0) {
      (void)open("/dev/null", O_RDWR);  // takes the lowest number that is free: fd
    }
  }
}

void expect_write_errors() {
  for (const int number : {SIGPIPE, SIGXFSZ}) {
    std::signal(number, SIG_IGN);
  }
}

HeldSignals::HeldSignals(std::initializer_list<std::initializer_list<int>> sets) {
  sigset_t held;
  sigemptyset(&held);
  for (const auto& set : sets) {
    for (const int number : set) {
      sigaddset(&held, number);
    }
  }
  pthread_sigmask(SIG_BLOCK, &held, &before_);
}

void HeldSignals::release() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

StartSignals::StartSignals(std::function<void(int signal)> last_words)
    : last_words_(std::move(last_words)) {
  // One that is not held would kill.
  const HeldSignals held({kEndingSignals, {kWakeUp}});
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error&) {
    // The start itself finds out that it cannot have its threads, and says so.
  }
}

StartSignals::~StartSignals() {
  const bool has_started = over_ && !asked_;
  if (!over_) {
    end();
  }
  if (!has_started) {
    ignore_signals();
  }
}

std::optional<int> StartSignals::end() {
  {
    const std::lock_guard lock(mutex_);  // for good once the last words are being said
    over_ = true;
    over_changed_.notify_all();
  }
  if (thread_.joinable()) {
    pthread_kill(thread_.native_handle(), kWakeUp);
    thread_.join();
  }
  return asked_;
}

// A signal says its number and no more: what else comes with it is lost where the user has too many
// waiting (RLIMIT_SIGPENDING).
void StartSignals::run() {
  int number = wait_for_signal();
  std::unique_lock lock(mutex_);
  while (number == kWakeUp && !over_) {  // another process sent it
    lock.unlock();
    number = wait_for_signal();
    lock.lock();
  }
  if (number == kWakeUp) {
    return;  // an ending one that comes now waits for the process
  }
  asked_ = number;
  if (!over_changed_.wait_for(lock, kPatience, [this] { return over_; })) {
    end_process(number);
  }
}

// Another thread says them: this one must not wait for the reader of stderr, nor for the main
// thread, which may wait for it, too. Without a thread or memory to be had they are left out.
void StartSignals::end_process(int number) const {
  try {
    static std::promise<void> said;  // the thread may still be at it behind this block
    std::thread([this, number] {
      last_words_(number);
      said.set_value();
    }).detach();
    said.get_future().wait_for(kLongestWords);
  } catch (const std::exception&) {
    // As above.
  }
  _exit(0);
}

}  // namespace zerogate
