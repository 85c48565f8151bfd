#include "core/log/line_thread.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/core/log/stderr_pipe.h"

namespace zerogate::log {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using ::testing::EndsWith;

/// Until the thread has taken the last line off the queue.
void wait_until_taken(const LineThread& thread) {
  while (thread.waiting() > 0) {
    std::this_thread::yield();
  }
}

TEST(LineThreadTest, WritesWhatWaitsBeforeItEnds) {
  StderrPipe pipe;
  {
    LineThread thread(3);
    thread.add("one");
    thread.add("two");
    thread.add("three");
  }
  EXPECT_EQ(pipe.read_lines(3), "one\ntwo\nthree\n");
}

TEST(LineThreadTest, OfAFullQueueTheOldestLineGoes) {
  StderrPipe pipe;
  pipe.fill();
  LineThread thread(2);
  thread.add("one");
  wait_until_taken(thread);
  EXPECT_FALSE(thread.wait_until_written(milliseconds(1))) << "it is being written";
  thread.add("two");
  thread.add("three");
  EXPECT_EQ(thread.waiting(), 2u);
  EXPECT_EQ(thread.dropped(), 0u);
  thread.add("four");
  EXPECT_EQ(thread.waiting(), 2u);
  EXPECT_EQ(thread.dropped(), 1u);
  EXPECT_FALSE(thread.wait_until_written(milliseconds(1)));
  EXPECT_THAT(pipe.read_lines(3), EndsWith("one\nthree\nfour\n"));
  EXPECT_TRUE(thread.wait_until_written(minutes(1)));
  EXPECT_EQ(thread.waiting(), 0u);
  EXPECT_EQ(thread.dropped(), 1u);
}

TEST(LineThreadTest, ALineThatIsNotWrittenToItsEndCountsAsDropped) {
  StderrPipe pipe;
  pipe.be_impatient(true);
  LineThread thread(2);
  thread.add("whole");
  ASSERT_TRUE(thread.wait_until_written(minutes(1)));
  EXPECT_EQ(thread.dropped(), 0u);
  thread.add(std::string(1 << 20, 'x'));  // a pipe takes 64 KiB of it
  ASSERT_TRUE(thread.wait_until_written(minutes(1)));
  EXPECT_EQ(thread.dropped(), 1u);
  thread.add("none of it");
  ASSERT_TRUE(thread.wait_until_written(minutes(1)));
  EXPECT_EQ(thread.dropped(), 2u);
}

TEST(LineThreadTest, ToldToWriteALineOneSaysWhetherItDid) {
  StderrPipe pipe;
  pipe.be_impatient(true);
  EXPECT_TRUE(write_to_stderr("one"));
  EXPECT_TRUE(write_to_stderr(""));
  EXPECT_EQ(pipe.read_lines(2), "one\n\n");
  pipe.fill();
  pipe.be_impatient(true);
  EXPECT_FALSE(write_to_stderr("two"));
}

}  // namespace
}  // namespace zerogate::log
