#include "core/bridge/retry_budget.h"

#include <gtest/gtest.h>

namespace zerogate {
namespace {

int take_all(RetryBudget& budget) {
  int taken = 0;
  for (; budget.has_room(); ++taken) {
    budget.take();
  }
  return taken;
}

TEST(RetryBudgetTest, HasABurstAndThenAShareOfTheCalls) {
  RetryBudget budget;
  EXPECT_EQ(take_all(budget), 50);
  EXPECT_EQ(take_all(budget), 0);
  for (int i = 0; i < 100; ++i) {
    budget.on_call();
  }
  EXPECT_NEAR(take_all(budget), 20, 1);
}

TEST(RetryBudgetTest, AQuietTimeSavesNoMoreThanABurst) {
  RetryBudget budget;
  for (int i = 0; i < 10'000; ++i) {
    budget.on_call();
  }
  EXPECT_EQ(take_all(budget), 50);
}

}  // namespace
}  // namespace zerogate
