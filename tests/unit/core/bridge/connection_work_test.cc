#include "core/bridge/connection_work.h"

#include <gtest/gtest.h>

#include "core/bridge/load_levels.h"

namespace zerogate::testing {
namespace {

constexpr uint64_t kWorkUs = 1'000;
constexpr uint64_t kWorkMs = 1'000 * kWorkUs;

/// Of a function for which all samples were alike.
uint64_t learnt_us(const ServiceTime& time) { return (time.expected().ns() + 500) / kWorkUs; }

TEST(ConnectionWork, AddsUpWhatIsAhead) {
  const ExpectedTime first(100, 0), second(200, 1'024);
  ConnectionWork work;
  work.sent(first, 10, true, 1'000);
  EXPECT_EQ(work.ahead_ns(), 100U);
  work.sent(second, 20, false, 1'000);
  EXPECT_EQ(work.ahead_ns(), 300U + 2 * 1'024);
  work.answered(first, 10, nullptr, false, 1, 1'100);
  EXPECT_EQ(work.ahead_ns(), 200U + 2 * 1'024);
  work.answered(second, 20, nullptr, true, 1, 1'300);
  EXPECT_EQ(work.ahead_ns(), 0U);
}

// The second call's time begins when the first is answered.
TEST(ConnectionWork, MeasuresFromTheAnswerBefore) {
  ConnectionWork work;
  ServiceTime slow, quick;
  uint64_t now = kWorkMs;
  for (uint32_t i = 0; i < ServiceTime::kLeastSamples; ++i) {
    work.sent({}, 0, true, now);
    work.sent({}, 0, false, now += 10 * kWorkUs);
    work.answered({}, 0, &slow, false, 1, now += 490 * kWorkUs);
    work.answered({}, 0, &quick, true, 1, now += 20 * kWorkUs);
    now += 10 * kWorkMs;  // idle
  }
  EXPECT_EQ(learnt_us(slow), 500U);
  EXPECT_EQ(learnt_us(quick), 20U);
}

// The clock stands still while they are read.
TEST(ConnectionWork, AnswersOfOneTurnShareItsTime) {
  ConnectionWork work;
  ServiceTime time;
  uint64_t now = kWorkMs;
  for (uint32_t i = 0; i < ServiceTime::kLeastSamples; ++i) {
    for (int call = 0; call < 4; ++call) {
      work.sent({}, 0, call == 0, now);
    }
    now += 80 * kWorkUs;
    for (int call = 0; call < 2; ++call) {
      work.answered({}, 0, &time, false, 1, now);
    }
    now += 80 * kWorkUs;
    work.answered({}, 0, &time, false, 1, now);
    work.answered_late(now);
    work.sent({}, 0, false, now);
    now += 40 * kWorkUs;
    work.answered({}, 0, &time, true, 1, now);
  }
  EXPECT_EQ(learnt_us(time), 40U);
}

TEST(ConnectionWork, IsSilentAfterFourTimesItsWork) {
  ConnectionWork work;
  work.sent({3 * kWorkMs, 0}, 0, true, kWorkMs);
  EXPECT_FALSE(work.silent(kWorkMs + 12 * kWorkMs));
  EXPECT_TRUE(work.silent(kWorkMs + 12 * kWorkMs + 1));
  work.answered_late(20 * kWorkMs);
  EXPECT_FALSE(work.silent(25 * kWorkMs));
}

TEST(ConnectionWork, IsNotSilentForAFewMilliseconds) {
  ConnectionWork work;
  work.sent({kWorkUs, 0}, 0, true, kWorkMs);
  EXPECT_FALSE(work.silent(kWorkMs + 5 * kWorkMs));
  EXPECT_TRUE(work.silent(kWorkMs + 5 * kWorkMs + 1));
}

TEST(ConnectionWork, KnowsWhetherRepliesMayBeLarge) {
  ConnectionWork work;
  work.sent({}, 16 << 10, true, kWorkMs);
  EXPECT_FALSE(work.large_replies());
  work.sent({}, 1, false, kWorkMs);
  EXPECT_TRUE(work.large_replies());
  work.answered({}, 16 << 10, nullptr, false, 1, kWorkMs);
  EXPECT_FALSE(work.large_replies());
}

TEST(LoadLevels, TellTheFullestAndWhetherAnyIsIdle) {
  LoadLevels levels(4);
  EXPECT_FALSE(levels.any_idle());
  levels.enter(0);
  levels.enter(3);
  EXPECT_TRUE(levels.any_idle());
  EXPECT_EQ(levels.deepest(), 3U);
  EXPECT_FALSE(levels.rise(0));
  EXPECT_TRUE(levels.rise(3));
  EXPECT_FALSE(levels.any_idle());
  EXPECT_EQ(levels.deepest(), 4U);
  levels.leave(4);
  EXPECT_EQ(levels.deepest(), 1U);
  EXPECT_TRUE(levels.fall(1));
  EXPECT_EQ(levels.deepest(), 0U);
}

}  // namespace
}  // namespace zerogate::testing
