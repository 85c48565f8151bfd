// Prepares a long-running process: standard descriptors and signals. Called first in main. Main
// thread only.
#pragma once

#include <signal.h>

#include <initializer_list>

namespace zerogate {

/// Opens /dev/null in the place of each of the descriptors 0 to 2 that is closed: libuv's own
/// would take their numbers, get the log's lines, and abort the process when they are closed.
void open_standard_descriptors();

/// Signals that kill a process that has no handler for them, and that are meant otherwise here.
inline constexpr std::initializer_list<int> kHarmlessSignals = {SIGHUP, SIGUSR1, SIGUSR2, SIGALRM};
/// Those that end the gateway.
inline constexpr std::initializer_list<int> kEndingSignals = {SIGTERM, SIGINT, SIGQUIT};

/// Keeps signals waiting for the calling thread, and for threads that it starts meanwhile, until
/// release(). A handler that changes while no thread takes its signal leaves no gap in which the
/// signal would kill.
class HeldSignals {
 public:
  explicit HeldSignals(std::initializer_list<std::initializer_list<int>> sets);
  ~HeldSignals() { release(); }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

  void release();

 private:
  sigset_t before_;
};

}  // namespace zerogate
