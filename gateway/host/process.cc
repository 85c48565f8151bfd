#include "gateway/host/process.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <system_error>
#include <utility>

namespace zerogate {
namespace {

/// The next one that asks for an end; nothing when it came with `own`: end() wakes the thread by
/// it. That one goes to this thread alone, so that one from outside still waits for the process.
std::optional<int> wait_for_signal(const void* own) {
  sigset_t ending;
  sigemptyset(&ending);
  for (const int number : kEndingSignals) {
    sigaddset(&ending, number);
  }
  siginfo_t info{};
  int number = 0;
  do {
    number = sigwaitinfo(&ending, &info);
  } while (number < 0);  // a debugger's stop interrupts it
  const bool is_own = info.si_code == SI_QUEUE && info.si_value.sival_ptr == own;
  return is_own ? std::nullopt : std::optional(number);
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
    pthread_sigqueue(thread_.native_handle(), SIGTERM, {.sival_ptr = this});
    thread_.join();
  }
  return asked_;
}

void StartSignals::run() {
  const std::optional<int> number = wait_for_signal(this);
  std::unique_lock lock(mutex_);
  asked_ = number;
  if (number && !over_changed_.wait_for(lock, kPatience, [this] { return over_; })) {
    last_words_(*number);
    _exit(0);
  }
}

}  // namespace zerogate
