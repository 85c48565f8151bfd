// Signals that come while the process starts.
#include "gateway/host/process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "core/base/unique_fd.h"

namespace zerogate {
namespace {

void say(int number) {
  const char* const words = number == SIGINT ? "ended by SIGINT" : "ended by another";
  (void)!write(STDERR_FILENO, words, std::strlen(words));
}

/// From here on no signal has more than its number: the user has as many waiting as may wait.
void let_no_signal_wait() {
  const rlimit none = {0, 0};
  setrlimit(RLIMIT_SIGPENDING, &none);
}

void wait_until_taken(int number) {
  sigset_t waiting;
  do {
    sigpending(&waiting);
  } while (sigismember(&waiting, number) != 0);
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
      wait_until_taken(SIGTERM);
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

TEST(StartSignalsDeathTest, AStartThatIsOverIsNotTakenForOneThatASignalEnds) {
  const auto start = [] {
    let_no_signal_wait();
    const HeldSignals held({kEndingSignals});
    StartSignals signals(say);
    exit(signals.end() ? 8 : 7);
  };
  EXPECT_EXIT(start(), ::testing::ExitedWithCode(7), "");
}

TEST(StartSignalsDeathTest, ASignalThatHasNothingButItsNumberEndsAStart) {
  const auto start = [] {
    let_no_signal_wait();
    const HeldSignals held({kEndingSignals});
    const StartSignals signals(say);
    kill(getpid(), SIGINT);
    for (;;) {
      pause();
    }
  };
  EXPECT_EXIT(start(), ::testing::ExitedWithCode(0), "ended by SIGINT");
}

TEST(StartSignalsDeathTest, AHarmlessSignalDoesNotEndAStart) {
  const auto start = [] {
    HeldSignals held({kHarmlessSignals, kEndingSignals});
    StartSignals signals(say);
    kill(getpid(), SIGALRM);
    wait_until_taken(SIGALRM);
    kill(getpid(), SIGTERM);
    wait_until_taken(SIGTERM);  // it is still watched
    exit(signals.end() == SIGTERM ? 7 : 8);
  };
  EXPECT_EXIT(start(), ::testing::ExitedWithCode(7), "");
}

TEST(StartSignalsDeathTest, LastWordsThatNobodyHearsHoldUpNoEnd) {
  const auto start = [] {
    alarm(10);  // kills it
    const HeldSignals held({kEndingSignals});
    const StartSignals signals([](int) {
      for (;;) {
        pause();  // stderr is full
      }
    });
    kill(getpid(), SIGTERM);
    for (;;) {
      pause();
    }
  };
  EXPECT_EXIT(start(), ::testing::ExitedWithCode(0), "");
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

TEST(WriteErrorsDeathTest, NeitherAReaderThatHasGoneNorAFileAtItsLimitKills) {
  const auto write_in_vain = [] {
    expect_write_errors();
    int ends[2];
    (void)!pipe(ends);
    close(ends[0]);
    const bool no_reader = write(ends[1], "x", 1) < 0 && errno == EPIPE;
    const rlimit none = {0, 0};
    setrlimit(RLIMIT_FSIZE, &none);
    const UniqueFd file(open("/tmp", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
    const bool no_room = write(file.get(), "x", 1) < 0 && errno == EFBIG;
    _exit(no_reader && no_room ? 7 : 1);
  };
  EXPECT_EXIT(write_in_vain(), ::testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace zerogate
