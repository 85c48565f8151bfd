// Prepares a long-running process: standard descriptors and signals. Called first in main. Main
// thread only.
#pragma once

#include <signal.h>

namespace zerogate {

/// Opens /dev/null in the place of each of the descriptors 0 to 2 that is closed: libuv's own
/// would take their numbers, get the log's lines, and abort the process when they are closed.
void open_standard_descriptors();

/// Keeps signals that would kill at once (SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM) waiting until
/// release(), when their handlers are there. SIGTERM and SIGINT still end a start: there are no
/// calls to drain yet. Threads that are started meanwhile never take one of them.
class HeldSignals {
 public:
  HeldSignals();
  ~HeldSignals() { release(); }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

  void release();

 private:
  sigset_t before_;
};

}  // namespace zerogate
