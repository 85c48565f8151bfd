// The table behind the rate limits, at times that the test makes up.
#include "core/rpc/gcra_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "core/base/clock.h"
#include "core/base/hash.h"

namespace zerogate {
namespace {

using Verdict = GcraTable::Verdict;

constexpr uint64_t kStartNs = 100 * kNsPerSecond;
constexpr uint64_t kKey = 0x123456789abcdef;
/// Ten in a second, three at once.
constexpr Allowance kTen = {.interval_ns = 100 * kNsPerMs, .burst_ns = 300 * kNsPerMs};

uint32_t allowed_of(GcraTable& table, uint64_t key, uint64_t now_ns, uint32_t events) {
  uint32_t allowed = 0;
  for (uint32_t i = 0; i < events; ++i) {
    allowed += table.take(key, now_ns, kTen).verdict == Verdict::allowed ? 1 : 0;
  }
  return allowed;
}

TEST(GcraTable, ABurstPassesAndThenTheRate) {
  GcraTable table;
  EXPECT_EQ(allowed_of(table, kKey, kStartNs, 100), 3u);
  EXPECT_EQ(allowed_of(table, kKey, kStartNs + 99 * kNsPerMs, 100), 0u);
  EXPECT_EQ(allowed_of(table, kKey, kStartNs + 100 * kNsPerMs, 100), 1u);
  EXPECT_EQ(allowed_of(table, kKey, kStartNs + 350 * kNsPerMs, 100), 2u);
  EXPECT_EQ(allowed_of(table, kKey, kStartNs + 10 * kNsPerSecond, 100), 3u) << "saved up, no more";
}

TEST(GcraTable, OverAMinuteExactlyTheRatePasses) {
  GcraTable table;
  uint32_t allowed = 0;
  for (uint64_t ms = 0; ms < 60'000; ++ms) {
    allowed += allowed_of(table, kKey, kStartNs + ms * kNsPerMs, 1);
  }
  EXPECT_EQ(allowed, 600u + 2u);
}

TEST(GcraTable, ARefusalSaysHowLongToWait) {
  GcraTable table;
  allowed_of(table, kKey, kStartNs, 3);
  const auto refused = table.take(kKey, kStartNs + 30 * kNsPerMs, kTen);
  EXPECT_EQ(refused.verdict, Verdict::refused);
  EXPECT_EQ(refused.wait_ns, 70 * kNsPerMs);
  EXPECT_EQ(table.take(kKey, kStartNs + 100 * kNsPerMs, kTen).verdict, Verdict::allowed);
}

TEST(GcraTable, AQuestionTellsWhatTakeWouldAndCountsNothing) {
  GcraTable table;
  EXPECT_EQ(table.wait_of(kKey, kStartNs, kTen), 0u);
  EXPECT_EQ(allowed_of(table, kKey, kStartNs, 2), 2u);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(table.wait_of(kKey, kStartNs, kTen), 0u);
  }
  EXPECT_EQ(allowed_of(table, kKey, kStartNs, 2), 1u);
  EXPECT_EQ(table.wait_of(kKey, kStartNs + 30 * kNsPerMs, kTen), 70 * kNsPerMs);
  EXPECT_EQ(table.wait_of(kKey, kStartNs + 100 * kNsPerMs, kTen), 0u);
}

TEST(GcraTable, WhatIsGivenBackMayBeTakenAgain) {
  GcraTable table;
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(allowed_of(table, kKey, kStartNs, 100), 3u - (i == 0 ? 0u : 2u));
    table.give_back(kKey, kTen);
    EXPECT_EQ(table.wait_of(kKey, kStartNs, kTen), 0u);
  }
  table.give_back(kKey + 1, kTen);
  EXPECT_EQ(allowed_of(table, kKey + 1, kStartNs, 100), 3u) << "one without an entry";
  const Allowance whole_life = {.interval_ns = 2 * kStartNs, .burst_ns = 2 * kStartNs};
  table.give_back(kKey, whole_life);
  EXPECT_EQ(allowed_of(table, kKey, kStartNs, 100), 1u) << "no moment before the clock's begin";
}

TEST(GcraTable, TheFirstEventOfTheClockIsGivenBackWhole) {
  GcraTable table;
  EXPECT_EQ(allowed_of(table, kKey, 0, 1), 1u);
  table.give_back(kKey, kTen);
  EXPECT_EQ(allowed_of(table, kKey, 0, 100), 3u);
}

TEST(GcraTable, KeysAreCountedByThemselves) {
  GcraTable table;
  EXPECT_EQ(allowed_of(table, kKey, kStartNs, 100), 3u);
  EXPECT_EQ(allowed_of(table, kKey + 1, kStartNs, 100), 3u);
}

TEST(GcraTable, AFullSetLetsNewKeysPassUntilOneIsIdle) {
  GcraTable table;
  const auto key_of_set = [](uint64_t i) {
    return kKey + i * (GcraTable::kSlots / GcraTable::kWays);
  };
  for (uint64_t i = 0; i < GcraTable::kWays; ++i) {
    EXPECT_EQ(allowed_of(table, key_of_set(i), kStartNs, 100), 3u);
  }
  EXPECT_EQ(table.take(key_of_set(99), kStartNs, kTen).verdict, Verdict::untracked);
  EXPECT_EQ(allowed_of(table, key_of_set(0), kStartNs, 100), 0u) << "nobody has lost its entry";
  EXPECT_EQ(table.take(key_of_set(99), kStartNs + 300 * kNsPerMs, kTen).verdict, Verdict::allowed);
}

TEST(GcraTable, BusyKeysWithoutNumberHaveRoomInTurn) {
  GcraTable table;
  uint32_t untracked = 0;
  for (uint64_t i = 0; i < 4 * GcraTable::kSlots; ++i) {
    const uint64_t now_ns = kStartNs + i * 100'000;  // 1,000 are busy at a time
    untracked += table.take(mix(i + 1), now_ns, kTen).verdict == Verdict::untracked ? 1 : 0;
  }
  EXPECT_EQ(untracked, 0u);
}

TEST(GcraTable, ThreadsTogetherGetTheBurstOnce) {
  constexpr uint32_t kEvents = 20'000;
  constexpr Allowance kMany = {.interval_ns = kNsPerSecond, .burst_ns = kEvents * kNsPerSecond};
  GcraTable table;
  table.take(kKey, kStartNs, kMany);
  std::atomic<uint32_t> allowed = 1;
  const auto hammer = [&] {
    for (uint32_t i = 0; i < kEvents; ++i) {
      allowed += table.take(kKey, kStartNs, kMany).verdict == Verdict::allowed ? 1 : 0;
    }
  };
  std::thread other(hammer);
  hammer();
  other.join();
  EXPECT_EQ(allowed, kEvents);
}

TEST(GcraTable, ThreadsThatMeetANewKeyTogetherGetItsBurstOnce) {
  constexpr uint64_t kKeys = 20'000;
  constexpr int kLooks = 1'000;
  constexpr Allowance kOne = {.interval_ns = kNsPerSecond, .burst_ns = kNsPerSecond};
  GcraTable table;
  std::atomic<uint64_t> arrived = 0;
  std::atomic<uint64_t> allowed = 0;
  const auto meet = [&] {
    for (uint64_t i = 0; i < kKeys; ++i) {
      ++arrived;
      for (int looks = 0; arrived < 2 * (i + 1); ++looks) {
        if (looks > kLooks) {  // the other one may have no processor
          std::this_thread::yield();
        }
      }
      const uint64_t now_ns = kStartNs + i * 2 * kNsPerSecond;  // the keys before are idle
      allowed += table.take(kKey + i, now_ns, kOne).verdict == Verdict::allowed ? 1 : 0;
    }
  };
  std::thread other(meet);
  meet();
  other.join();
  EXPECT_EQ(allowed, kKeys);
}

}  // namespace
}  // namespace zerogate
