// The copy that writes a process' counters, when it cannot: it has the __gcov_dump() of this file.

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

/// Waits for a lock of a thread that was not copied.
extern "C" void __gcov_dump() {
  for (;;) {
    pause();
  }
}

namespace {

/// As a gateway does that starts, or ends.
void hold_the_alarm_off() {
  sigset_t alarm_only;
  sigemptyset(&alarm_only);
  sigaddset(&alarm_only, SIGALRM);
  sigprocmask(SIG_BLOCK, &alarm_only, nullptr);
  std::signal(SIGALRM, SIG_IGN);
}

TEST(CoverageExit, ACopyThatHangsEndsAllTheSameAndKeepsNothingOpen) {
  ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0) << "to be told of the copy's end";
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t process = fork();
  ASSERT_GE(process, 0);
  if (process == 0) {
    hold_the_alarm_off();
    _exit(7);
  }
  close(ends[1]);
  int status = 0;
  ASSERT_EQ(waitpid(process, &status, 0), process);
  EXPECT_EQ(WEXITSTATUS(status), 7);
  char byte = 0;
  EXPECT_EQ(read(ends[0], &byte, 1), 0) << "whoever reads what it wrote waits for the copy";
  EXPECT_GT(wait(&status), 0);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGALRM);
  close(ends[0]);
}

}  // namespace
