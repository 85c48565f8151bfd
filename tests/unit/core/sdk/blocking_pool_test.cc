// Work on threads, and its way back to the loop. Jobs run until the test lets them end, so nothing
// here depends on who is quicker.
#include "core/sdk/blocking_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "core/io/event_loop.h"

namespace zerogate {
namespace {

using namespace std::chrono_literals;

class BlockingPoolTest : public ::testing::Test {
 protected:
  /// What has become of the jobs. Loop thread, but for `gone`.
  struct Log {
    std::vector<std::thread::id> ran_on;
    int finished = 0;
    std::atomic<int> gone = 0;
  };
  /// Runs until `go` is there.
  struct Job final : BlockingJob {
    Job(Log& to, std::shared_future<void> until) : log(to), go(std::move(until)) {}
    ~Job() override {
      if (on_end) {
        on_end();
      }
      ++log.gone;
    }
    void run() override {
      began.set_value();
      go.wait();
      thread = std::this_thread::get_id();
    }
    void finish() override {
      log.ran_on.push_back(thread);
      ++log.finished;
    }

    Log& log;
    std::shared_future<void> go;
    std::promise<void> began;
    std::thread::id thread;
    std::function<void()> on_end;
  };

  void begin(BlockingOptions options) {
    pool_.emplace(options);
    lane_.emplace(loop_.uv(), *pool_);
  }
  /// Whether it was taken. Once it runs, the future is ready.
  bool submit(std::future<void>* running = nullptr, std::function<void()> on_end = {}) {
    auto job = std::make_unique<Job>(log_, go_future_);
    job->on_end = std::move(on_end);
    if (running != nullptr) {
      *running = job->began.get_future();
    }
    return lane_->submit(std::move(job));
  }
  void run_until_finished(int jobs) {
    // The lane's handle keeps no loop alive: this one does.
    const auto awake = make_uv<uv_idle_t>(loop_.uv(), uv_idle_init, nullptr);
    uv_idle_start(awake.get(), [](uv_idle_t*) { std::this_thread::yield(); });
    while (log_.finished < jobs) {
      loop_.run_turn();
    }
  }

  void wait_until_gone(int jobs) const {
    while (log_.gone < jobs) {
      std::this_thread::yield();
    }
  }

  EventLoop loop_;
  std::promise<void> go_;
  std::shared_future<void> go_future_ = go_.get_future().share();
  Log log_;
  std::optional<BlockingPool> pool_;
  std::optional<BlockingLane> lane_;
};

TEST_F(BlockingPoolTest, JobsRunOnThreadsAndFinishOnTheLoop) {
  begin({.threads = 2, .queue = 10});
  std::future<void> first, second;
  ASSERT_TRUE(submit(&first));
  ASSERT_TRUE(submit(&second));
  first.wait();
  second.wait();
  EXPECT_EQ(pool_->metrics().threads, 2u);
  EXPECT_EQ(pool_->metrics().running, 2u);
  EXPECT_EQ(log_.finished, 0);
  go_.set_value();
  run_until_finished(2);
  EXPECT_NE(log_.ran_on[0], log_.ran_on[1]);
  EXPECT_NE(log_.ran_on[0], std::this_thread::get_id());
  EXPECT_EQ(pool_->metrics().finished, 2u);
  EXPECT_EQ(pool_->metrics().running, 0u);
  EXPECT_EQ(log_.gone, 2);
}

// One that has waited for work is busy again, and counts as that.
TEST_F(BlockingPoolTest, AJobGetsAThreadOfItsOwnWhileAllOthersAreBusy) {
  begin({.threads = 3, .queue = 10});
  for (int i = 0; i < 3; ++i) {
    std::future<void> running;
    ASSERT_TRUE(submit(&running));
    ASSERT_EQ(running.wait_for(20s), std::future_status::ready) << i;
  }
  EXPECT_EQ(pool_->metrics().running, 3u);
  ASSERT_TRUE(submit());
  EXPECT_EQ(pool_->metrics().waiting, 1u) << "there are no more than three";
  go_.set_value();
  run_until_finished(4);
}

TEST_F(BlockingPoolTest, MoreThanMayWaitAreRefused) {
  begin({.threads = 1, .queue = 2});
  std::future<void> running;
  ASSERT_TRUE(submit(&running));
  running.wait();
  EXPECT_TRUE(submit());
  EXPECT_TRUE(submit());
  EXPECT_EQ(pool_->metrics().waiting, 2u);
  EXPECT_FALSE(submit());
  EXPECT_EQ(log_.gone, 1) << "the one that was refused";
  EXPECT_EQ(pool_->metrics().refused, 1u);
  go_.set_value();
  run_until_finished(3);
  EXPECT_EQ(pool_->metrics().waiting, 0u);
  EXPECT_EQ(pool_->metrics().finished, 3u);
}

// A thread that is busy is not waited for without end. What a job holds may use the pool when it
// goes, as a function's own objects may.
TEST_F(BlockingPoolTest, JobsThatNeverRanGoWithThePool) {
  begin({.threads = 1, .queue = 2});
  std::future<void> running;
  ASSERT_TRUE(submit(&running));
  running.wait();
  ASSERT_TRUE(submit(nullptr, [&] { submit(); }));
  pool_.reset();
  EXPECT_EQ(log_.gone, 1) << "the one that waited";
  lane_.reset();
  go_.set_value();
  wait_until_gone(3);
  EXPECT_EQ(log_.finished, 0);
}

TEST_F(BlockingPoolTest, JobsOfALaneThatHasEndedDoNotFinish) {
  begin({.threads = 1, .queue = 2});
  std::future<void> running;
  ASSERT_TRUE(submit(&running));
  running.wait();
  lane_.reset();
  go_.set_value();
  wait_until_gone(1);
  EXPECT_EQ(log_.finished, 0);
}

}  // namespace
}  // namespace zerogate
