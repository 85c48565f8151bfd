// More is asked of a backend than it can do: who gets answers, and what the others are told.
#include <gmock/gmock.h>

#include "tests/unit/core/bridge/backend_fixture.h"

namespace zerogate::testing {
namespace {

using ::testing::HasSubstr;

/// One server that works on one call at a time, for kServiceMs, also on calls whose callers have
/// left: it cannot know.
class BackendOverload : public BackendTest {
 protected:
  static constexpr uint64_t kServiceMs = 25;  ///< 40 calls a second
  static constexpr uint64_t kPatienceMs = 2'000;
  static constexpr uint64_t kRunMs = 30'000;
  static constexpr uint64_t kWarmUpMs = 1'000;
  static constexpr uint32_t kCallTimeoutMs = 5'000;

  FakeConnection& connection() { return *network_.to(name(1)).back(); }

  /// Answers the call that is at the server, if one is; true when its caller has not left.
  bool answer_one() {
    if (connection().sent.empty()) {
      return false;
    }
    const size_t before = sink_.answers.size();
    connection().answer();
    if (sink_.answers.size() == before) {
      return false;
    }
    const RecordingSink::Answer& answer = sink_.answers[before];
    return clock_.now_ms() - begun_ms_[std::stoul(answer.id)] < kPatienceMs;
  }

  /// Answers to callers that still waited, as a share of what the server can do.
  double goodput(uint64_t calls_per_s, uint32_t callers) {
    serve(1);
    begun_ms_.assign(begun_, 0);
    Random random(42);
    uint64_t good = 0;
    for (uint64_t ms = 1; ms <= kRunMs; ++ms) {
      pass_ms(1);
      network_.serve(name(1));  // a connection whose call is given up is replaced
      if (random.below(1'000) < calls_per_s) {
        begun_ms_.push_back(clock_.now_ms());
        call("f", kCallTimeoutMs, static_cast<uint32_t>(random.below(callers)));
      }
      if (ms % kServiceMs == 0) {
        good += answer_one() && ms > kWarmUpMs;
      }
    }
    return static_cast<double>(good * kServiceMs) / static_cast<double>(kRunMs - kWarmUpMs);
  }

  std::vector<uint64_t> begun_ms_;  ///< by call
};

TEST_F(BackendOverload, NinetyPercentOfTheCapacityReachCallersWhoStillWait) {
  for (const uint64_t calls_per_s : {60, 120}) {
    for (const uint32_t callers : {3U, 50U, 1'000'000U}) {
      EXPECT_GE(goodput(calls_per_s, callers), 0.9) << calls_per_s << "/s, callers " << callers;
    }
  }
}

TEST_F(BackendOverload, BelowTheCapacityEveryCallIsAnswered) {
  goodput(30, 1'000'000);
  for (size_t i = 0; i < begun_ - 40; ++i) {
    ASSERT_EQ(answer(i), "\x01") << i;
  }
}

// A call that would wait beyond its time-out is told so at once.
TEST_F(BackendOverload, WhatCannotBeServedInTimeIsRefusedAtTheDoor) {
  options_.queue = 10'000;
  serve(1);
  for (int i = 0; i < 200; ++i) {
    call("f", 60'000);
  }
  for (int i = 0; i < 20; ++i) {
    pass_ms(10);
    connection().answer();
  }
  EXPECT_THAT(answer(call("f", 1'000)), HasSubstr("overloaded: would wait 1.8 s, time-out 1 s"));
  EXPECT_FALSE(answered(call("f", 5'000))) << "it has the time";
  EXPECT_FALSE(answered(call("f", 1'000, 8))) << "another caller's turn comes sooner";
  EXPECT_FALSE(answered(20));
}

TEST_F(BackendOverload, AGreedyCallerStarvesNoOther) {
  options_.connections = 4;
  options_.queue = 64;
  serve(1);
  std::vector<size_t> polite;
  for (int ms = 0; ms < 10'000; ++ms) {
    pass_ms(1);
    for (int i = 0; i < 3; ++i) {
      call("f", 10'000, 1);
    }
    if (ms % 100 == 0) {
      polite.push_back(call("f", 10'000, 2));
    }
    if (ms % 10 == 9) {
      for (FakeConnection* connection : network_.to(name(1))) {
        connection->answer();
      }
    }
    if (ms % 100 == 30) {  // three rounds of four calls after it came
      ASSERT_EQ(answer(polite.back()), "\x01") << "at " << ms;
    }
  }
}

}  // namespace
}  // namespace zerogate::testing
