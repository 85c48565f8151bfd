#include "core/sdk/task.h"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "core/sdk/operation.h"

namespace zerogate {
namespace {

/// Something that a test completes by hand.
class Signal final : public Operation {
 public:
  using Operation::Operation;
  void fire() { complete(); }
  int take() { return 7; }
};

struct PlainResumer final : Resumer {
  void resume(std::coroutine_handle<> waiting) override { waiting.resume(); }
};

class TaskTest : public ::testing::Test {
 protected:
  Pending<Signal> begin() {
    signal_ = new Signal(resumer_);
    return Pending<Signal>(signal_);
  }
  Task<int> waits() { co_return co_await begin(); }

  PlainResumer resumer_;
  Signal* signal_ = nullptr;
};

Task<int> seven() { co_return 7; }
Task<> throws() {
  throw std::runtime_error("boom");
  co_return;
}
// clang sees that a co_return is missing, GCC does not.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wreturn-type"
Task<std::string> named_or_nothing(bool named) {
  if (named) {
    co_return "a name that is another caller's";
  }
}
#pragma GCC diagnostic pop
Task<int> sum(int depth) {
  if (depth == 0) {
    co_return 0;
  }
  co_return 1 + co_await sum(depth - 1);
}

TEST_F(TaskTest, BeginsWhenItIsStarted) {
  bool begun = false;
  const auto make = [&]() -> Task<> {
    begun = true;
    co_return;
  };
  Task<> task = make();
  EXPECT_FALSE(begun);
  task.start();
  EXPECT_TRUE(begun);
  EXPECT_TRUE(task.done());
}

TEST_F(TaskTest, AnAwaitedTaskGivesItsValue) {
  const auto make = []() -> Task<std::string> {
    co_return std::to_string(co_await seven() + co_await seven());
  };
  Task<std::string> task = make();
  task.start();
  EXPECT_EQ(task.result(), "14");
}

TEST_F(TaskTest, AnExceptionComesOutOfTheAwait) {
  const auto make = []() -> Task<std::string> {
    try {
      co_await throws();
    } catch (const std::runtime_error& failure) {
      co_return failure.what();
    }
    co_return "nothing";
  };
  Task<std::string> task = make();
  task.start();
  EXPECT_EQ(task.result(), "boom");
  Task<> uncaught = throws();
  uncaught.start();
  EXPECT_THROW(uncaught.result(), std::runtime_error);
}

// A frame of the pool still holds what the call before it has returned.
TEST_F(TaskTest, OneThatEndsWithoutAValueThrows) {
  {
    Task<std::string> before = named_or_nothing(true);
    before.start();
    EXPECT_EQ(before.result(), "a name that is another caller's");
  }
  Task<std::string> task = named_or_nothing(false);
  task.start();
  ASSERT_TRUE(task.done());
  EXPECT_THROW(task.result(), std::logic_error);
  const auto awaits = []() -> Task<std::string> { co_return co_await named_or_nothing(false); };
  Task<std::string> outer = awaits();
  outer.start();
  EXPECT_THROW(outer.result(), std::logic_error);
}

// Every level takes stack, as with functions that call one another.
TEST_F(TaskTest, TasksMayBeNested) {
  Task<int> task = sum(1'000);
  task.start();
  EXPECT_EQ(task.result(), 1'000);
}

// A frame of the stack for each would take more than the 8 MiB that there are, in code without tail
// calls (the debug build).
TEST_F(TaskTest, ALoopOfAwaitsTakesNoStack) {
  constexpr int kRounds = 300'000;
  const auto loop = []() -> Task<int> {
    int total = 0;
    for (int i = 0; i < kRounds; ++i) {
      total += co_await seven();
    }
    co_return total;
  };
  Task<int> task = loop();
  task.start();
  EXPECT_EQ(task.result(), 7 * kRounds);
}

TEST_F(TaskTest, ALoopOfAwaitsThatWaitGoesOnAtEachCompletion) {
  const auto loop = [this]() -> Task<int> {
    int total = 0;
    for (int i = 0; i < 3; ++i) {
      total += co_await waits() + co_await seven();
    }
    co_return total;
  };
  Task<int> task = loop();
  task.start();
  for (int i = 0; i < 3; ++i) {
    ASSERT_FALSE(task.done());
    const OperationPtr<Signal> completer(signal_);
    signal_->fire();
  }
  ASSERT_TRUE(task.done());
  EXPECT_EQ(task.result(), 42);
}

// In any order of their ends; one that has ended gives its result to a later await.
TEST_F(TaskTest, TasksThatWereStartedRunAtTheSameTime) {
  for (const bool first_ends_first : {true, false}) {
    Signal* first_signal = nullptr;
    Signal* second_signal = nullptr;
    const auto both = [&]() -> Task<std::string> {
      Task<int> first = waits();
      first.start();
      first.start();  // has begun
      first_signal = signal_;
      Task<int> second = waits();
      second.start();
      second_signal = signal_;
      Task<int> third = seven();
      third.start();
      const int one = co_await first;
      const int two = co_await second;
      co_return std::to_string(one + two + co_await third);
    };
    Task<std::string> task = both();
    task.start();
    ASSERT_NE(first_signal, second_signal);
    const OperationPtr<Signal> first_completer(first_signal);
    const OperationPtr<Signal> second_completer(second_signal);
    (first_ends_first ? first_signal : second_signal)->fire();
    EXPECT_FALSE(task.done());
    (first_ends_first ? second_signal : first_signal)->fire();
    ASSERT_TRUE(task.done());
    EXPECT_EQ(task.result(), "21");
  }
}

// What it waits for is left behind, as with any other local.
TEST_F(TaskTest, AStartedTaskThatIsNotAwaitedEndsWithItsOwner) {
  const auto leaves = [this]() -> Task<int> {
    Task<int> left = waits();
    left.start();
    co_return 1;
  };
  Task<int> task = leaves();
  task.start();
  ASSERT_TRUE(task.done());
}

TEST_F(TaskTest, GoesOnWhenItsOperationCompletes) {
  Task<int> task = waits();
  task.start();
  EXPECT_FALSE(task.done());
  signal_->fire();
  ASSERT_TRUE(task.done());
  EXPECT_EQ(task.result(), 7);
}

TEST_F(TaskTest, AnOperationThatHasCompletedDoesNotSuspend) {
  const auto make = [this]() -> Task<int> {
    Pending<Signal> pending = begin();
    signal_->fire();
    EXPECT_TRUE(pending.done());
    co_return co_await pending;
  };
  Task<int> task = make();
  task.start();
  EXPECT_TRUE(task.done());
}

TEST_F(TaskTest, ADestroyedTaskDestroysWhatItWaitsIn) {
  const auto watched = std::make_shared<int>(1);
  const auto make = [this](std::shared_ptr<int> local) -> Task<int> {
    const int result = co_await waits();
    co_return result + *local;
  };
  {
    Task<int> task = make(watched);
    task.start();
    const OperationPtr<Signal> completer(signal_);
    EXPECT_GT(watched.use_count(), 1);
    { const Task<int> ended = std::move(task); }
    EXPECT_EQ(watched.use_count(), 1);
    signal_->fire();  // its task has gone
  }
}

}  // namespace
}  // namespace zerogate
