// The order in which the process ends.
#include "gateway/runtime/shutdown.h"

#include <gmock/gmock.h>

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "core/log/log.h"

namespace zerogate {
namespace {

using ::testing::ElementsAre;

class ShutdownTest : public ::testing::Test {
 protected:
  ShutdownTest() {
    log::set_level(log::Level::off);
    uv_loop_init(&loop_);
  }
  ~ShutdownTest() override {
    shutdown_.reset();
    uv_run(&loop_, UV_RUN_DEFAULT);
    EXPECT_EQ(uv_loop_close(&loop_), 0);
  }
  void make(uint32_t delay_ms) {
    ShutdownSteps steps;
    steps.on_begin = [this](uint32_t ms) { done_.push_back("begin " + std::to_string(ms)); };
    steps.drain = [this] { done_.emplace_back("drain"); };
    steps.stop = [this] { done_.emplace_back("stop"); };
    shutdown_ = std::make_unique<Shutdown>(&loop_, ShutdownOptions{delay_ms, 60'000}, steps);
  }
  /// Turns the loop until that many steps were done. It does not sleep: a timer that is due at once
  /// runs before the poll, which would then last until the end by force.
  void run_until(size_t steps) {
    while (done_.size() < steps) {
      uv_run(&loop_, UV_RUN_NOWAIT);
    }
  }

  uv_loop_t loop_{};
  std::unique_ptr<Shutdown> shutdown_;
  std::vector<std::string> done_;
};

TEST_F(ShutdownTest, WithoutADelayTheFirstSignalDrains) {
  make(0);
  EXPECT_FALSE(shutdown_->begun());
  shutdown_->on_signal(SIGTERM);
  EXPECT_TRUE(shutdown_->begun());
  EXPECT_THAT(done_, ElementsAre("begin 60000", "drain"));
}

TEST_F(ShutdownTest, ADelayComesBetween) {
  make(1);
  shutdown_->on_signal(SIGTERM);
  EXPECT_TRUE(shutdown_->begun());
  EXPECT_THAT(done_, ElementsAre("begin 60001"));
  run_until(2);
  EXPECT_THAT(done_, ElementsAre("begin 60001", "drain"));
}

TEST_F(ShutdownTest, ARequestBeginsItOnTheLoopAndOnlyOnce) {
  make(0);
  shutdown_->request();
  EXPECT_FALSE(shutdown_->begun());
  run_until(2);
  shutdown_->request();
  uv_run(&loop_, UV_RUN_NOWAIT);
  EXPECT_THAT(done_, ElementsAre("begin 60000", "drain"));
}

TEST_F(ShutdownTest, ASecondSignalStopsAtOnceAlsoWithinTheDelay) {
  make(3'600'000);
  shutdown_->on_signal(SIGTERM);
  shutdown_->on_signal(SIGINT);
  EXPECT_THAT(done_, ElementsAre("begin 3660000", "stop"));
}

TEST_F(ShutdownTest, ASignalAfterARequestLetsTheDrainGoOnAndASecondOneStops) {
  make(0);
  shutdown_->request();
  run_until(2);
  shutdown_->on_signal(SIGTERM);
  EXPECT_THAT(done_, ElementsAre("begin 60000", "drain"));
  shutdown_->request();
  shutdown_->on_signal(SIGTERM);
  EXPECT_THAT(done_, ElementsAre("begin 60000", "drain", "stop"));
}

using ShutdownDeathTest = ShutdownTest;

TEST_F(ShutdownDeathTest, AWorkerThatIsStuckDoesNotHoldTheEndUp) {
  make(0);
  const auto end = [&] {
    shutdown_->on_signal(SIGTERM);
    shutdown_->on_signal(SIGTERM);
    uv_run(&loop_, UV_RUN_DEFAULT);  // the workers say nothing
  };
  EXPECT_EXIT(end(), ::testing::ExitedWithCode(1), "");
}

}  // namespace
}  // namespace zerogate
