#include "core/bridge/outlier_detector.h"

#include <gtest/gtest.h>

#include <array>

#include "core/base/clock.h"

namespace zerogate {
namespace {

constexpr uint64_t kSecond = kNsPerSecond;

class OutlierDetectorTest : public ::testing::Test {
 protected:
  static constexpr uint32_t kFailures = 3;

  OutlierDetectorTest() {
    for (auto& member : members_) {
      detector_.join(member);
    }
  }
  /// The verdict of the last of so many failures in a row, one a second.
  std::optional<uint64_t> fail(size_t member, uint32_t times = kFailures, bool spare = true) {
    std::optional<uint64_t> verdict;
    for (uint32_t i = 0; i < times; ++i) {
      EXPECT_FALSE(verdict) << "set aside too early";
      verdict = detector_.broke(members_[member], spare, now_ns_ += kSecond);
    }
    return verdict;
  }

  OutlierDetector detector_{kFailures};
  std::array<OutlierDetector::Member, 4> members_;
  uint64_t now_ns_ = kSecond;
};

TEST_F(OutlierDetectorTest, SetsAsideAfterFailuresInARow) {
  EXPECT_FALSE(fail(0, kFailures - 1));
  detector_.answered(members_[0], now_ns_);
  EXPECT_FALSE(fail(0, kFailures - 1)) << "an answer begins the row anew";
  EXPECT_FALSE(members_[0].aside());
  EXPECT_EQ(fail(0, 1), OutlierDetector::kAsideMinMs);
  EXPECT_TRUE(members_[0].aside());
  EXPECT_FALSE(fail(0)) << "it is aside already";
}

TEST_F(OutlierDetectorTest, WhatBreaksInOneTurnIsOneFailure) {
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(detector_.broke(members_[0], true, now_ns_));
  }
  EXPECT_FALSE(fail(0, kFailures - 2));
  EXPECT_TRUE(fail(0, 1));
}

TEST_F(OutlierDetectorTest, TimeOutsOfAServerThatAnswersOthersDoNotCount) {
  for (int i = 0; i < 100; ++i) {
    const uint64_t sent_ns = now_ns_;
    detector_.answered(members_[0], now_ns_ += kSecond);
    EXPECT_FALSE(detector_.timed_out(members_[0], sent_ns, true, now_ns_ += kSecond));
  }
  const uint64_t sent_ns = now_ns_ + 1;
  for (uint32_t i = 1; i < kFailures; ++i) {
    EXPECT_FALSE(detector_.timed_out(members_[0], sent_ns, true, now_ns_ += kSecond));
  }
  EXPECT_TRUE(detector_.timed_out(members_[0], sent_ns, true, now_ns_ += kSecond));
}

TEST_F(OutlierDetectorTest, TheOnlyOneThatTakesCallsStays) {
  EXPECT_FALSE(fail(0, 100, false));
  EXPECT_TRUE(fail(0, 1, true)) << "another is there again";
}

TEST_F(OutlierDetectorTest, AtMostHalfAreAside) {
  EXPECT_TRUE(fail(0));
  EXPECT_TRUE(fail(1));
  EXPECT_FALSE(fail(2, 100));
  detector_.back(members_[0]);
  EXPECT_TRUE(fail(2, 1));
  EXPECT_FALSE(fail(0, 100));
}

TEST_F(OutlierDetectorTest, OfThreeOneAtTheMostIsAside) {
  detector_.leave(members_[3]);
  EXPECT_TRUE(fail(0));
  EXPECT_FALSE(fail(1, 100));
}

TEST_F(OutlierDetectorTest, OneThatLeavesTakesItsPlaceAsideWithIt) {
  OutlierDetector::Member fifth, sixth;
  detector_.join(fifth);
  detector_.join(sixth);
  EXPECT_TRUE(fail(0));
  EXPECT_TRUE(fail(1));
  EXPECT_TRUE(fail(2));
  detector_.leave(members_[0]);
  detector_.leave(members_[1]);  // one of four is aside
  EXPECT_TRUE(fail(3));
  for (uint32_t i = 0; i < 100; ++i) {
    EXPECT_FALSE(detector_.broke(fifth, true, now_ns_ += kSecond));
  }
}

TEST_F(OutlierDetectorTest, TimeAsideDoublesUpToALimitAndIsForgotten) {
  for (const uint64_t seconds : {1, 2, 4, 8, 16, 30, 30}) {
    EXPECT_EQ(fail(0), seconds * 1'000);
    detector_.back(members_[0]);
    EXPECT_FALSE(members_[0].aside());
  }
  now_ns_ += (2 * OutlierDetector::kAsideMaxMs + 1) * kNsPerMs;
  EXPECT_EQ(fail(0), OutlierDetector::kAsideMinMs);
}

TEST_F(OutlierDetectorTest, TheLimitMayChange) {
  EXPECT_FALSE(fail(0, 2));
  detector_.set_limit(1);
  EXPECT_TRUE(fail(0, 1));
}

}  // namespace
}  // namespace zerogate
