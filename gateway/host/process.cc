#include "gateway/host/process.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

namespace zerogate {

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

}  // namespace zerogate
