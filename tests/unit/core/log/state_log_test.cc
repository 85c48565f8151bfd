#include "core/log/state_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/log/log.h"

namespace zerogate {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class StateLogTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kRefillMs = 20;
  static constexpr uint64_t kLongRefillMs = 500;
  static constexpr uint64_t kNever = 1'000'000;

  StateLogTest() {
    uv_loop_init(&loop_);
    log::configure(log::Level::info, log::Format::logfmt,
                   [this](std::string_view line) { lines_.emplace_back(line); });
  }
  ~StateLogTest() override {
    log::configure(log::Level::info, log::Format::logfmt);
    uv_run(&loop_, UV_RUN_DEFAULT);
    EXPECT_EQ(uv_loop_close(&loop_), 0) << "a handle was left open";
  }
  WatchedState endpoint(const std::string& name = "10.0.0.2:5559") const {
    return {"endpoint up", "endpoint down", when_, {{"backend", "orders"}, {"endpoint", name}}};
  }

  uv_loop_t loop_;
  WatchedState::When when_ = WatchedState::When::up_for_any;
  std::vector<std::string> lines_;
};

TEST_F(StateLogTest, AChangeIsOneLineHoweverOftenItIsSaid) {
  StateReporter one(&loop_, std::make_shared<StateLog>(kNever), endpoint());
  EXPECT_THAT(lines_, IsEmpty());
  for (int i = 0; i < 10; ++i) {
    one.set(false, "connection refused");
  }
  ASSERT_THAT(lines_, SizeIs(1));
  EXPECT_THAT(lines_[0], HasSubstr("level=warn event=\"endpoint down\" backend=orders "
                                   "endpoint=10.0.0.2:5559 reason=\"connection refused\""));
  for (int i = 0; i < 10; ++i) {
    one.set(true, "not told");
  }
  ASSERT_THAT(lines_, SizeIs(2));
  EXPECT_THAT(lines_[1], HasSubstr("level=info event=\"endpoint up\" backend=orders"));
  EXPECT_THAT(lines_[1], Not(HasSubstr("reason")));
}

TEST_F(StateLogTest, ForAllWorkersTogetherThatAnySeesUp) {
  const auto log = std::make_shared<StateLog>(kNever);
  StateReporter one(&loop_, log, endpoint()), two(&loop_, log, endpoint());
  one.set(true);
  two.set(true);
  one.set(false, "ejected");
  EXPECT_THAT(lines_, SizeIs(1)) << "the other still uses it";
  two.set(false, "refused");
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("endpoint up"), HasSubstr("reason=refused")));
}

TEST_F(StateLogTest, ForAllWorkersTogetherThatAllMustSeeUp) {
  when_ = WatchedState::When::up_for_all;
  const auto log = std::make_shared<StateLog>(kNever);
  StateReporter one(&loop_, log, endpoint()), two(&loop_, log, endpoint());
  one.set(true);
  two.set(true);
  one.set(false, "reset");
  two.set(false, "reset too");
  one.set(true);
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("endpoint up"), HasSubstr("reason=reset")));
  two.set(true);
  EXPECT_THAT(lines_, SizeIs(3));
}

TEST_F(StateLogTest, ThingsAreToldApart) {
  const auto log = std::make_shared<StateLog>(kNever);
  StateReporter one(&loop_, log, endpoint("a:1")), two(&loop_, log, endpoint("b:1"));
  one.set(true);
  two.set(true);
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("endpoint=a:1"), HasSubstr("endpoint=b:1")));
}

TEST_F(StateLogTest, AViewThatHasGoneCountsNoMore) {
  const auto log = std::make_shared<StateLog>(kNever);
  StateReporter one(&loop_, log, endpoint());
  {
    StateReporter two(&loop_, log, endpoint());
    two.set(true);
  }
  one.set(false, "refused");
  EXPECT_THAT(lines_, SizeIs(2));
}

TEST_F(StateLogTest, OneThatHasGoneKeepsNothingDownThatAllMustSeeUp) {
  when_ = WatchedState::When::up_for_all;
  const auto log = std::make_shared<StateLog>(kNever);
  StateReporter one(&loop_, log, endpoint()), three(&loop_, log, endpoint());
  one.set(true);
  {
    StateReporter two(&loop_, log, endpoint());
    two.set(false, "reset");
  }
  three.set(true);
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("endpoint up"), HasSubstr("endpoint down"),
                                  HasSubstr("endpoint up")));
}

TEST_F(StateLogTest, OneThatFlapsGetsABoundedNumberOfLines) {
  StateReporter one(&loop_, std::make_shared<StateLog>(kNever), endpoint());
  for (int i = 0; i < 1'000; ++i) {
    one.set(i % 2 == 0, "flaps");
  }
  EXPECT_THAT(lines_, SizeIs(StateLog::kBurst));
}

TEST_F(StateLogTest, TheLastStateIsToldInTheEnd) {
  StateReporter one(&loop_, std::make_shared<StateLog>(kRefillMs), endpoint());
  bool up = false;
  for (size_t told = 0; told == lines_.size(); ++told) {
    one.set(up = !up, "flaps");
  }
  const size_t told = lines_.size();  // and one change is not
  const auto ticker = make_uv<uv_timer_t>(&loop_, uv_timer_init, nullptr);
  uv_timer_start(
      ticker.get(), [](uv_timer_t*) {}, 5, 5);
  for (int turns = 0; lines_.size() == told && turns < 10'000; ++turns) {
    uv_run(&loop_, UV_RUN_ONCE);
  }
  ASSERT_GT(lines_.size(), told);
  EXPECT_THAT(lines_.back(), HasSubstr(up ? "endpoint up" : "endpoint down"));
}

TEST_F(StateLogTest, ALineSaysHowManyChangesItStandsFor) {
  StateReporter one(&loop_, std::make_shared<StateLog>(kLongRefillMs), endpoint());
  for (uint32_t i = 0; i < StateLog::kBurst + 10; ++i) {
    one.set(i % 2 == 0, "flaps");
  }
  ASSERT_THAT(lines_, SizeIs(StateLog::kBurst));
  const auto ticker = make_uv<uv_timer_t>(&loop_, uv_timer_init, nullptr);
  uv_timer_start(
      ticker.get(), [](uv_timer_t*) {}, 5, 5);
  while (lines_.size() == StateLog::kBurst) {
    uv_run(&loop_, UV_RUN_ONCE);
  }
  EXPECT_THAT(lines_.back(), HasSubstr("reason=flaps changes=10"));
}

TEST_F(StateLogTest, OneThatJoinsWaitsUntilAnotherHasReported) {
  const auto log = std::make_shared<StateLog>(kNever);
  std::promise<void> joined;
  std::future_status at_once{};
  std::thread other;
  log::configure(log::Level::info, log::Format::logfmt, [&](std::string_view) {
    other = std::thread([&] {
      uv_loop_t loop;
      uv_loop_init(&loop);
      {
        const StateReporter two(&loop, log, endpoint());
        joined.set_value();
      }
      uv_run(&loop, UV_RUN_DEFAULT);
      uv_loop_close(&loop);
    });
    at_once = joined.get_future().wait_for(std::chrono::milliseconds(50));
  });
  StateReporter one(&loop_, log, endpoint());
  one.set(true);
  other.join();
  EXPECT_EQ(at_once, std::future_status::timeout);
}

// Under the thread sanitizer too.
TEST_F(StateLogTest, WorkersJoinReportAndLeaveAtTheSameTime) {
  const auto log = std::make_shared<StateLog>(kNever);
  constexpr int kWorkers = 4;
  std::latch all_there(kWorkers);
  std::vector<std::thread> workers;
  for (int i = 0; i < kWorkers; ++i) {
    workers.emplace_back([&] {
      uv_loop_t loop;
      uv_loop_init(&loop);
      all_there.arrive_and_wait();
      for (int round = 0; round < 500; ++round) {
        StateReporter one(&loop, log, endpoint());
        one.set(round % 2 == 0, "refused");
      }
      uv_run(&loop, UV_RUN_DEFAULT);
      uv_loop_close(&loop);
    });
  }
  for (std::thread& worker : workers) {
    worker.join();
  }
  lines_.clear();
  StateReporter last(&loop_, log, endpoint());
  last.set(true);
  EXPECT_THAT(lines_, SizeIs(1)) << "it is a new thing: all that knew it have gone";
}

/// A reload puts a new reporter in the place of one that goes.
TEST_F(StateLogTest, TheViewsThatAreLeftSayWhatTheStateIs) {
  const auto log = std::make_shared<StateLog>(kNever);
  auto old = std::make_unique<StateReporter>(&loop_, log, endpoint());
  StateReporter fresh(&loop_, log, endpoint());
  old->set(true);
  fresh.set(false, "refused");
  EXPECT_THAT(lines_, SizeIs(1)) << "the old one still uses it";
  old.reset();
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("endpoint up"),
                                  AllOf(HasSubstr("endpoint down"), HasSubstr("reason=refused"))));
  fresh.set(true);
  EXPECT_THAT(lines_, SizeIs(3));
}

TEST_F(StateLogTest, AViewOfDownThatGoesLeavesItUp) {
  when_ = WatchedState::When::up_for_all;
  const auto log = std::make_shared<StateLog>(kNever);
  StateReporter one(&loop_, log, endpoint());
  auto two = std::make_unique<StateReporter>(&loop_, log, endpoint());
  one.set(true);
  two->set(false, "refused");
  two.reset();
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("endpoint up"), HasSubstr("endpoint down"),
                                  HasSubstr("endpoint up")));
}

TEST_F(StateLogTest, WhereNoViewIsLeftNothingIsSaid) {
  const auto log = std::make_shared<StateLog>(kNever);
  auto old = std::make_unique<StateReporter>(&loop_, log, endpoint());
  StateReporter fresh(&loop_, log, endpoint());
  old->set(true);
  old.reset();
  EXPECT_THAT(lines_, SizeIs(1)) << "the new one has not said yet";
  fresh.set(true);
  EXPECT_THAT(lines_, SizeIs(1)) << "and nothing has changed";
}

TEST_F(StateLogTest, AReporterThatOwesALineWritesItAsItLeaves) {
  const auto log = std::make_shared<StateLog>(kNever);
  auto flaps = std::make_unique<StateReporter>(&loop_, log, endpoint());
  StateReporter other(&loop_, log, endpoint());
  other.set(false, "refused");  // a line
  for (uint32_t i = 1; i < StateLog::kBurst; ++i) {
    flaps->set(i % 2 == 1, "flaps");
  }
  ASSERT_THAT(lines_, SizeIs(StateLog::kBurst));
  ASSERT_THAT(lines_.back(), HasSubstr("endpoint up"));
  flaps->set(false, "flaps");  // a line that waits for the timer
  flaps.reset();
  ASSERT_THAT(lines_, SizeIs(StateLog::kBurst + 1));
  EXPECT_THAT(lines_.back(), HasSubstr("endpoint down"));
}

TEST_F(StateLogTest, ALineThatAnotherReporterOwesWaitsForIt) {
  const auto log = std::make_shared<StateLog>(kNever);
  auto goes = std::make_unique<StateReporter>(&loop_, log, endpoint());
  auto owes = std::make_unique<StateReporter>(&loop_, log, endpoint());
  for (uint32_t i = 0; i < StateLog::kBurst + 1; ++i) {
    owes->set(i % 2 == 0, "flaps");
  }
  goes.reset();
  EXPECT_THAT(lines_, SizeIs(StateLog::kBurst));
  owes.reset();
  EXPECT_THAT(lines_, SizeIs(StateLog::kBurst + 1)) << "the last that leaves, too";
}

}  // namespace
}  // namespace zerogate
