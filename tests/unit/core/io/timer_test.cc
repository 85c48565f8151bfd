#include "core/io/timer.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "core/io/event_loop.h"
#include "core/testing/manual_clock.h"

namespace zerogate::testing {
namespace {

class TimerTest : public ::testing::Test {
 protected:
  void pass_ms(uint64_t ms) {
    clock_.advance_ms(ms);
    queue_.run_due();
  }

  ManualClock clock_;
  TimerQueue queue_{clock_};
  std::string log_;
  Timer a_{queue_, [this] { log_ += 'a'; }};
  Timer b_{queue_, [this] { log_ += 'b'; }};
};

TEST_F(TimerTest, FiresOnceInTheOrderInWhichTheyAreDue) {
  a_.start(20);
  b_.start(10);
  EXPECT_EQ(queue_.next_ms(), clock_.now_ms() + 10);
  pass_ms(9);
  EXPECT_EQ(log_, "");
  pass_ms(1);
  EXPECT_EQ(log_, "b");
  EXPECT_FALSE(b_.active());
  pass_ms(50);
  EXPECT_EQ(log_, "ba");
  EXPECT_EQ(queue_.next_ms(), UINT64_MAX);
}

TEST_F(TimerTest, OfOneTimeTheFirstStartedIsFirst) {
  b_.start(10);
  a_.start(10);
  pass_ms(10);
  EXPECT_EQ(log_, "ba");
}

TEST_F(TimerTest, AStartReplacesTheEarlierOneAndStopEndsIt) {
  a_.start(10);
  a_.start(30);
  b_.start(10);
  b_.stop();
  pass_ms(20);
  EXPECT_EQ(log_, "");
  pass_ms(10);
  EXPECT_EQ(log_, "a");
}

TEST_F(TimerTest, AFunctionMayStartItsTimerAgainOrDestroyIt) {
  Timer again(queue_, [&] {
    log_ += 'r';
    again.start(0);
  });
  std::unique_ptr<Timer> once;
  once = std::make_unique<Timer>(queue_, [&] {
    log_ += 'd';
    once.reset();
  });
  again.start(5);
  once->start(5);
  pass_ms(5);
  EXPECT_EQ(log_, "rd") << "what is started while timers run waits for the next round";
  EXPECT_EQ(once, nullptr);
  pass_ms(1);
  EXPECT_EQ(log_, "rdr");
}

// A process that was stopped finds its timers due and the answers unread.
TEST_F(TimerTest, AfterAStallNothingIsDueUntilWhatArrivedCouldBeRead) {
  a_.start(10);
  b_.start(5'000);
  pass_ms(10 + TimerQueue::kLateMs + 1);
  EXPECT_EQ(log_, "");
  EXPECT_EQ(queue_.next_ms(), clock_.now_ms() + TimerQueue::kGraceMs);
  a_.stop();  // its answer was among what had arrived
  pass_ms(TimerQueue::kGraceMs);
  EXPECT_EQ(log_, "");
  pass_ms(5'000 - 10 - TimerQueue::kLateMs - 1 - TimerQueue::kGraceMs);
  EXPECT_EQ(log_, "b");
}

// The grace is granted anew after a time in which nothing was to be done.
TEST_F(TimerTest, EachStallHasItsGraceAlsoAfterAnIdleTime) {
  for (int stall = 0; stall < 2; ++stall) {
    pass_ms(100);
    a_.start(10);
    pass_ms(2'000);
    EXPECT_EQ(log_, "") << stall;
    a_.stop();
    pass_ms(2'000);
  }
}

TEST_F(TimerTest, AfterAStallWhatIsStillDueFiresWhenTheGraceIsOver) {
  a_.start(10);
  pass_ms(2'000);
  pass_ms(TimerQueue::kGraceMs - 1);
  EXPECT_EQ(log_, "");
  pass_ms(1);
  EXPECT_EQ(log_, "a");
}

TEST(EventLoopTimerTest, FiresAfterThePollHasBeenLookedAt) {
  EventLoop loop;
  std::string log;
  Timer timer(loop.timers(), [&] {
    log += 't';
    loop.stop();
  });
  uv_async_t readable;
  uv_async_init(loop.uv(), &readable,
                [](uv_async_t* async) { *static_cast<std::string*>(async->data) += 'r'; });
  readable.data = &log;
  timer.start(1);
  const uint64_t due_ns = uv_hrtime() + 3'000'000;
  while (uv_hrtime() < due_ns) {  // a turn that is too long
  }
  uv_async_send(&readable);
  loop.run();
  EXPECT_EQ(log, "rt");
  uv_close(reinterpret_cast<uv_handle_t*>(&readable), nullptr);
}

TEST(EventLoopTimerTest, AStoppedTimerDoesNotWakeTheLoop) {
  EventLoop loop;
  uv_async_t handle;  // something to wait for
  uv_async_init(loop.uv(), &handle, [](uv_async_t*) {});
  Timer timer(loop.timers(), [] {});
  timer.start(60'000);
  loop.run_turn();
  EXPECT_GT(uv_backend_timeout(loop.uv()), 0);
  timer.stop();
  loop.run_turn();
  EXPECT_EQ(uv_backend_timeout(loop.uv()), -1);
  uv_close(reinterpret_cast<uv_handle_t*>(&handle), nullptr);
}

TEST(EventLoopTimerTest, WakesASleepingLoopAndLetsItSleepAgain) {
  EventLoop loop;
  int fired = 0;
  Timer second(loop.timers(), [&] {
    ++fired;
    loop.stop();
  });
  Timer first(loop.timers(), [&] {
    ++fired;
    second.start(20);
  });
  first.start(10);
  const uint64_t began_ms = loop.now_ms();
  loop.run();
  EXPECT_EQ(fired, 2);
  EXPECT_GE(loop.now_ms() - began_ms, 30u);
}

}  // namespace
}  // namespace zerogate::testing
