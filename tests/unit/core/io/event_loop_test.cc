#include "core/io/event_loop.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace zerogate {
namespace {

struct Client final : EndOfTurn {
  explicit Client(std::function<void()> f) : on_end(std::move(f)) {}
  void end_of_turn() override { on_end(); }
  std::function<void()> on_end;
};

class EventLoopTest : public ::testing::Test {
 protected:
  EventLoop loop_;  // its end asserts that no handle was left open
  std::string log_;
};

TEST(EventLoopFaultTest, WithoutADescriptorThereIsNone) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  std::string said;
  try {
    const EventLoop loop;
  } catch (const std::runtime_error& error) {
    said = error.what();
  }
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(said, "no event loop: too many open files");
}

TEST_F(EventLoopTest, CallsItsClientsInTheirOrder) {
  Client a([this] { log_ += 'a'; }), b([this] { log_ += 'b'; }), c([this] { log_ += 'c'; });
  loop_.add(b);
  loop_.add(a);
  loop_.add(c);
  uv_run(loop_.uv(), UV_RUN_NOWAIT);
  ASSERT_GE(log_.size(), 3u);
  for (size_t i = 0; i < log_.size(); ++i) {
    EXPECT_EQ(log_[i], "bac"[i % 3]);
  }
}

TEST_F(EventLoopTest, ARemovedClientIsNotCalled) {
  Client a([this] { log_ += 'a'; }), b([this] { log_ += 'b'; });
  loop_.add(a);
  loop_.add(b);
  loop_.remove(a);
  uv_run(loop_.uv(), UV_RUN_NOWAIT);
  EXPECT_NE(log_.find('b'), log_.npos);
  EXPECT_EQ(log_.find('a'), log_.npos);
}

// What a timer has gathered must not wait for the next socket to become readable.
TEST_F(EventLoopTest, EndsATurnBetweenTimersAndSleep) {
  const auto timer = make_uv<uv_timer_t>(loop_.uv(), uv_timer_init, &log_);
  Client client([this] { log_ += 'e'; });
  loop_.add(client);
  uv_timer_start(
      timer.get(), [](uv_timer_t* t) { *static_cast<std::string*>(t->data) += 'T'; }, 0, 0);
  const auto far = make_uv<uv_timer_t>(loop_.uv(), uv_timer_init, nullptr);
  // There is something to sleep for, also when this process did not run for a while and it is due.
  uv_timer_start(
      far.get(), [](uv_timer_t*) {}, 1, 1);
  uv_run(loop_.uv(), UV_RUN_ONCE);
  const size_t fired = log_.find('T');
  ASSERT_NE(fired, log_.npos);
  EXPECT_EQ(log_.substr(fired, 2), "Te");
}

// What a socket has brought is dealt with in the same turn.
TEST_F(EventLoopTest, EndsATurnBehindThePoll) {
  const auto init = [](uv_loop_t* loop, uv_async_t* handle) {
    uv_async_init(loop, handle,
                  [](uv_async_t* async) { *static_cast<std::string*>(async->data) += 'R'; });
  };
  const auto readable = make_uv<uv_async_t>(loop_.uv(), init, &log_);
  Client client([this] { log_ += 'e'; });
  loop_.add(client);
  uv_async_send(readable.get());
  uv_run(loop_.uv(), UV_RUN_ONCE);
  EXPECT_EQ(log_, "eRe") << "before the poll and behind it";
}

// Who gives new work to clients that have had their turn asks for another round.
TEST_F(EventLoopTest, GoesRoundAgainWhenAsked) {
  int rounds = 3;
  Client a([this] { log_ += 'a'; });
  Client b([&] {
    log_ += 'b';
    if (rounds-- > 1) {
      loop_.again();
    }
  });
  loop_.add(a);
  loop_.add(b);
  uv_run(loop_.uv(), UV_RUN_NOWAIT);
  EXPECT_EQ(log_.substr(0, 6), "ababab");
  EXPECT_EQ(log_.size(), 8u) << "three rounds, and the turn's other end";
}

struct Observer final : TurnObserver {
  void on_turn_begin(uint64_t began_ns) override {
    busy_since_ns = began_ns;
    ++begun;
  }
  void on_turn_end(uint64_t began_ns, uint64_t ended_ns) override {
    busy_since_ns = 0;
    turns_ns.push_back(ended_ns - began_ns);
  }
  uint64_t last_ns() const { return turns_ns.back(); }
  std::atomic<uint64_t> busy_since_ns = 0;
  std::vector<uint64_t> turns_ns;
  size_t begun = 0;
};

constexpr uint64_t kNsPerMs = 1'000'000;

/// Runs `work` as a callback of the loop's poll, and the loop on to the poll after it, which begins
/// one more turn.
class EventLoopClockTest : public EventLoopTest {
 protected:
  EventLoopClockTest() {
    loop_.set_observer(observer_);
    const auto init = [](uv_loop_t* loop, uv_async_t* handle) {
      uv_async_init(loop, handle, [](uv_async_t* async) {
        static_cast<EventLoopClockTest*>(async->data)->work_();
      });
    };
    readable_ = make_uv<uv_async_t>(loop_.uv(), init, this);
    uv_run(loop_.uv(), UV_RUN_NOWAIT);
  }
  void in_a_turn(std::function<void()> work) {
    work_ = std::move(work);
    uv_async_send(readable_.get());
    uv_run(loop_.uv(), UV_RUN_ONCE);
    uv_run(loop_.uv(), UV_RUN_NOWAIT);
  }
  /// As a handler would that computes for too long.
  static void hold_up(uint64_t ms) {
    for (const uint64_t end_ns = uv_hrtime() + ms * kNsPerMs; uv_hrtime() < end_ns;) {
      continue;
    }
  }

  Observer observer_;
  UvPtr<uv_async_t> readable_;
  std::function<void()> work_;
};

TEST_F(EventLoopClockTest, OneReadingIsTheBeginningForAll) {
  uint64_t first = 0, second = 0, now = 0;
  in_a_turn([&] {
    first = loop_.began_ns();
    hold_up(1);
    second = loop_.began_ns();
    now = loop_.read_ns();
  });
  EXPECT_EQ(first, second);
  EXPECT_GE(now, first + kNsPerMs);
  uint64_t next = 0;
  in_a_turn([&] { next = loop_.began_ns(); });
  EXPECT_GT(next, now) << "another turn";
}

TEST_F(EventLoopClockTest, ATurnLastsFromItsFirstReadingToTheNextPoll) {
  in_a_turn([&] {
    loop_.began_ns();
    hold_up(5);
  });
  EXPECT_GE(observer_.last_ns(), 5 * kNsPerMs);
  EXPECT_EQ(observer_.begun, observer_.turns_ns.size() + 1);
}

// A callback that asks for no time, and holds the loop up before anybody does.
TEST_F(EventLoopClockTest, WhatComesBeforeTheFirstReadingIsSeenToo) {
  in_a_turn([] { hold_up(50); });
  EXPECT_GE(observer_.last_ns(), 47 * kNsPerMs) << "to libuv's milliseconds";
}

// What is due is judged by times that callbacks of the same turn have taken.
TEST_F(EventLoopClockTest, DoesNotGoBackWithinATurn) {
  uint64_t in_callback = 0, in_timer = 0;
  Timer timer(loop_.timers(), [&] { in_timer = loop_.now_ns(); });
  timer.start(1);
  in_a_turn([&] {
    hold_up(20);
    in_callback = loop_.now_ns();
  });
  while (in_timer == 0) {  // after a stall it has a moment's grace
    loop_.run_turn();
  }
  EXPECT_GE(in_timer, in_callback);
}

// It belongs to the turn that began with the poll before: what arrives meanwhile waits for it.
TEST_F(EventLoopClockTest, TimersAreInIt) {
  const auto timer = make_uv<uv_timer_t>(loop_.uv(), uv_timer_init, nullptr);
  uv_timer_start(
      timer.get(), [](uv_timer_t*) { hold_up(5); }, 0, 0);
  const size_t turn = observer_.turns_ns.size();
  uv_run(loop_.uv(), UV_RUN_NOWAIT);
  ASSERT_EQ(observer_.turns_ns.size(), turn + 1);
  EXPECT_GE(observer_.last_ns(), 5 * kNsPerMs);
}

TEST_F(EventLoopClockTest, WaitingIsNotInIt) {
  const auto timer = make_uv<uv_timer_t>(loop_.uv(), uv_timer_init, nullptr);
  uv_timer_start(
      timer.get(), [](uv_timer_t*) {}, 200, 0);
  const size_t before = observer_.turns_ns.size();
  const uint64_t begin_ns = uv_hrtime();
  uv_run(loop_.uv(), UV_RUN_ONCE);
  uv_run(loop_.uv(), UV_RUN_NOWAIT);
  EXPECT_GE(uv_hrtime() - begin_ns, 190 * kNsPerMs) << "it has waited";
  ASSERT_GT(observer_.turns_ns.size(), before);
  EXPECT_LT(*std::max_element(observer_.turns_ns.begin() + before, observer_.turns_ns.end()),
            150 * kNsPerMs);
}

// A turn that never ends has no duration: who looks from outside sees since when it has gone on.
TEST_F(EventLoopClockTest, AnotherThreadSeesALoopThatIsStuck) {
  std::promise<void> stuck, go_on;
  std::thread loop([&] {
    in_a_turn([&] {
      loop_.began_ns();
      stuck.set_value();
      go_on.get_future().wait();
    });
  });
  stuck.get_future().wait();
  const uint64_t since_ns = observer_.busy_since_ns;
  EXPECT_NE(since_ns, 0u);
  EXPECT_LE(since_ns, uv_hrtime());
  go_on.set_value();
  loop.join();
  EXPECT_NE(observer_.busy_since_ns, since_ns) << "it has gone on";
}

}  // namespace
}  // namespace zerogate
