// Signals that come while the process starts.
#include "gateway/host/process.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>

namespace zerogate {
namespace {

void say(int number) {
  const char* const words = number == SIGINT ? "ended by SIGINT" : "ended by another";
  (void)!write(STDERR_FILENO, words, std::strlen(words));
}

// Each runs in a process of its own: the signals are the process'.

TEST(StartSignalsDeathTest, ASignalEndsAStartThatSomethingHoldsUp) {
  const auto start = [] {
    const HeldSignals held({kEndingSignals});
    const StartSignals signals(say);
    kill(getpid(), SIGINT);
    for (;;) {
      pause();  // for a name server, say
    }
  };
  EXPECT_EXIT(start(), ::testing::ExitedWithCode(0), "ended by SIGINT");
}

TEST(StartSignalsDeathTest, AStartThatComesToItsEndInTimeIsToldAndNothingKillsItAnyMore) {
  const auto start = [] {
    bool told = false;
    {
      const HeldSignals held({kEndingSignals});
      StartSignals signals(say);
      kill(getpid(), SIGTERM);
      sigset_t waiting;
      do {
        sigpending(&waiting);
      } while (sigismember(&waiting, SIGTERM) != 0);  // until the thread has taken it
      told = signals.end() == SIGTERM;
      std::signal(SIGTERM, SIG_DFL);  // as libuv leaves it
    }
    kill(getpid(), SIGTERM);
    exit(told ? 7 : 8);
  };
  EXPECT_EXIT(start(), ::testing::ExitedWithCode(7), "");
}

TEST(StartSignalsDeathTest, AfterTheStartSignalsGoToTheirHandlers) {
  const auto start = [] {
    HeldSignals held({kEndingSignals});
    StartSignals signals(say);
    if (signals.end()) {
      exit(8);
    }
    std::signal(SIGTERM, [](int) { _exit(7); });
    kill(getpid(), SIGTERM);
    held.release();
    exit(9);
  };
  EXPECT_EXIT(start(), ::testing::ExitedWithCode(7), "");
}

TEST(StartSignalsDeathTest, OfAStartThatFailsNoSignalChangesTheStatus) {
  const auto start = [] {
    {
      const HeldSignals held({kHarmlessSignals, kEndingSignals});
      const StartSignals signals(say);
      kill(getpid(), SIGUSR2);
    }
    kill(getpid(), SIGTERM);
    exit(7);
  };
  EXPECT_EXIT(start(), ::testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace zerogate
