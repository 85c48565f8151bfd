#include "core/base/backoff.h"

#include <gtest/gtest.h>

#include <set>

namespace zerogate {
namespace {

TEST(BackoffTest, DoublesFromMinToMaxWithinTheJitter) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Backoff backoff(50, 1000, seed);
    for (uint32_t base : {50u, 100u, 200u, 400u, 800u, 1000u, 1000u}) {
      const uint32_t wait = backoff.next_ms();
      EXPECT_GE(wait, base / 2) << "seed " << seed;
      EXPECT_LE(wait, base + base / 2) << "seed " << seed;
    }
  }
}

TEST(BackoffTest, ResetBeginsAtMinAgain) {
  Backoff backoff(50, 1000, 7);
  for (int i = 0; i < 10; ++i) {
    backoff.next_ms();
  }
  backoff.reset();
  EXPECT_LE(backoff.next_ms(), 75u);
}

TEST(BackoffTest, ClientsWithDifferentSeedsSpread) {
  std::set<uint32_t> waits;
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    waits.insert(Backoff(1000, 1000, seed).next_ms());
  }
  EXPECT_GT(waits.size(), 500u);
  EXPECT_LT(*waits.begin(), 550u);
  EXPECT_GT(*waits.rbegin(), 1450u);
}

TEST(BackoffTest, OddLimitsAreTakenSensibly) {
  Backoff zero(0, 0, 1);
  for (int i = 0; i < 10; ++i) {
    const uint32_t wait = zero.next_ms();
    EXPECT_GE(wait, 1u);
    EXPECT_LE(wait, 2u);
  }
  Backoff inverted(100, 10, 1);
  EXPECT_GE(inverted.next_ms(), 50u);
  EXPECT_LE(inverted.next_ms(), 150u);
  Backoff huge(UINT32_MAX, UINT32_MAX, 1);
  for (int i = 0; i < 10; ++i) {
    EXPECT_GE(huge.next_ms(), UINT32_MAX / 2);
  }
}

}  // namespace
}  // namespace zerogate
