#include "core/bridge/service_times.h"

#include <gtest/gtest.h>

namespace zerogate::testing {
namespace {

constexpr uint64_t kTimeUs = 1'000;
constexpr uint64_t kTimeMs = 1'000 * kTimeUs;

TEST(ServiceTime, NothingIsExpectedBeforeThereAreEnoughSamples) {
  ServiceTime time;
  for (uint32_t i = 1; i < ServiceTime::kLeastSamples; ++i) {
    time.add(50 * kTimeUs);
    ASSERT_FALSE(time.expected().known());
  }
  time.add(50 * kTimeUs);
  EXPECT_NEAR(static_cast<double>(time.expected().ns()), 50 * kTimeUs, kTimeUs);
}

TEST(ServiceTime, IsMeanAndTwoDeviations) {
  ServiceTime time;
  for (int i = 0; i < 1'000; ++i) {
    time.add(i % 2 == 0 ? 100 * kTimeUs : 300 * kTimeUs);
  }
  EXPECT_NEAR(static_cast<double>(time.expected().ns()), 400 * kTimeUs, 10 * kTimeUs);
}

TEST(ServiceTime, FollowsAFunctionThatChanges) {
  ServiceTime time;
  const auto add = [&](int times, uint64_t ns) {
    for (int i = 0; i < times; ++i) {
      time.add(ns);
    }
  };
  add(100, 50 * kTimeUs);
  add(3, 200 * kTimeMs);
  EXPECT_GT(time.expected().ns(), 20 * kTimeMs);
  add(5'000, 50 * kTimeUs);
  EXPECT_NEAR(static_cast<double>(time.expected().ns()), 50 * kTimeUs, 5 * kTimeUs);
}

// One call in 500 is slow: between two of them the function is not taken for a quick one.
TEST(ServiceTime, RemembersWhatIsRare) {
  ServiceTime time;
  for (int i = 1; i < 5'000; ++i) {
    time.add(i % 500 == 0 ? 200 * kTimeMs : 50 * kTimeUs);
    if (i > 500) {
      ASSERT_GT(time.expected().ns(), kTimeMs) << i;
    }
  }
}

// 24 connections have calls: each waits for its turn at a server with few processes.
TEST(ServiceTime, TheTurnsOfOthersAreNotItsOwn) {
  constexpr uint32_t kSharers = 3 * ServiceTime::kBelievedSharers;
  ServiceTime time;
  for (int i = 0; i < 1'000; ++i) {
    time.add(50 * kTimeUs);  // alone
  }
  for (int i = 0; i < 1'000; ++i) {
    time.add(150 * kTimeUs, kSharers);
  }
  EXPECT_NEAR(static_cast<double>(time.expected().ns()), 50 * kTimeUs, kTimeUs);
  for (int i = 0; i < 1'000; ++i) {
    time.add(600 * kTimeUs, kSharers);
  }
  EXPECT_NEAR(static_cast<double>(time.expected().ns()), 200 * kTimeUs, 5 * kTimeUs)
      << "so much more is not the others'";
}

// Under load from the beginning, the quickest samples have met the fewest others.
TEST(ServiceTime, TheQuickestTellWhenItIsNeverAlone) {
  constexpr uint32_t kSharers = 3 * ServiceTime::kBelievedSharers;
  ServiceTime time;
  for (uint64_t i = 0; i < 5'000; ++i) {
    time.add((100 + 100 * (i % 3)) * kTimeUs, kSharers);
  }
  EXPECT_LE(time.expected().ns(), 110 * kTimeUs);
}

// The quickest of a burst come back first, so the first samples are no mirror of all.
TEST(ServiceTime, TheFirstSamplesAreBelievedAsTheyAre) {
  constexpr uint32_t kSharers = 3 * ServiceTime::kBelievedSharers;
  ServiceTime time;
  for (uint64_t i = 0; i < ServiceTime::kMemory; ++i) {
    time.add((i < 20 ? 30 : 90) * kTimeUs, kSharers);
  }
  EXPECT_GE(time.expected().ns(), 90 * kTimeUs);
}

TEST(ServiceTime, OneAmongFewHasItsTimeForItself) {
  ServiceTime time;
  for (int i = 0; i < 1'000; ++i) {
    time.add(50 * kTimeUs);
  }
  for (int i = 0; i < 1'000; ++i) {
    time.add(kTimeMs, ServiceTime::kBelievedSharers);
  }
  EXPECT_NEAR(static_cast<double>(time.expected().ns()), kTimeMs, 5 * kTimeUs);
}

// A few calls found the machine busy: that is no reason to take the function for a slow one.
TEST(ServiceTime, AFewThatFoundTheMachineBusyDoNotDecide) {
  ServiceTime time;
  for (int i = 0; i < 5'000; ++i) {
    time.add(i % 40 == 0 ? 4 * kTimeMs : 50 * kTimeUs);
    if (i > 1'000) {
      ASSERT_LE(time.expected().ns(), kTimeMs) << i;
    }
  }
}

TEST(ServiceTime, IsForgotten) {
  ServiceTime time;
  for (int i = 0; i < 100; ++i) {
    time.add(kTimeMs);
  }
  time.note_reply(100);
  time.forget_times();
  EXPECT_FALSE(time.expected().known());
  EXPECT_EQ(time.largest_reply(), 100U);
}

TEST(ServiceTimes, BelongToALabelWhileAFunctionHasIt) {
  ServiceTimes times;
  ServiceTime* first = times.find(0);
  for (int i = 0; i < 100; ++i) {
    first->add(kTimeMs);
  }
  EXPECT_TRUE(first->expected().known());
  EXPECT_FALSE(times.find(1)->expected().known());
  times.forget(0);
  EXPECT_FALSE(first->expected().known());
  EXPECT_EQ(times.find(FunctionLabels::other()), nullptr);
}

}  // namespace
}  // namespace zerogate::testing
