// Which functions' labels are forgotten, and when.
#include "core/metrics/label_ages.h"

#include <gmock/gmock.h>

namespace zerogate {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr size_t kFull = FunctionLabels::kMaxNames;
constexpr size_t kEnough = kFull - LabelAges::kSpare;
constexpr uint64_t kForgetMs = LabelAges::kForgetAfterMs;

std::vector<LabelAges::Seen> used(size_t count) {
  std::vector<LabelAges::Seen> live;
  for (size_t i = 0; i < count; ++i) {
    live.push_back({.label = static_cast<FunctionLabel>(i), .calls = 1, .named = false});
  }
  return live;
}

TEST(LabelAgesTest, WhileThereIsRoomNothingIsForgotten) {
  LabelAges ages;
  EXPECT_THAT(ages.look(used(kEnough), 0), IsEmpty());
  EXPECT_THAT(ages.look(used(kEnough), 100 * kForgetMs), IsEmpty());
}

TEST(LabelAgesTest, ThoseGoThatWereNotCalledForLongest) {
  LabelAges ages;
  std::vector<LabelAges::Seen> live = used(kEnough + 2);
  ages.look(live, 0);
  for (size_t i = 0; i < live.size(); ++i) {
    live[i].calls += i != 5 && i != 9;
  }
  live[9].calls = 2;
  EXPECT_THAT(ages.look(live, 1'000), IsEmpty());
  EXPECT_THAT(ages.look(live, kForgetMs - 1), IsEmpty());
  EXPECT_THAT(ages.look(live, kForgetMs), ElementsAre(5));
  live.erase(live.begin() + 5);
  EXPECT_THAT(ages.look(live, kForgetMs + 999), IsEmpty());
  EXPECT_THAT(ages.look(live, kForgetMs + 1'000), ElementsAre(0)) << "one makes room enough";
}

TEST(LabelAgesTest, WhatTheConfigurationNamesStays) {
  LabelAges ages;
  std::vector<LabelAges::Seen> live = used(kFull);
  for (auto& seen : live) {
    seen.named = seen.label != 3;
  }
  ages.look(live, 0);
  EXPECT_THAT(ages.look(live, kForgetMs), ElementsAre(3));
}

TEST(LabelAgesTest, OneThatWasNeverCalledGoesAtOnce) {
  LabelAges ages;
  std::vector<LabelAges::Seen> live = used(kEnough + 1);
  live[4].calls = 0;
  EXPECT_THAT(ages.look(live, 0), ElementsAre(4));
}

TEST(LabelAgesTest, TheNextFunctionOfALabelHasAnAgeOfItsOwn) {
  LabelAges ages;
  std::vector<LabelAges::Seen> live = used(kEnough + 1);
  ages.look(live, 0);
  live[2].calls = 0;
  EXPECT_THAT(ages.look(live, 1), ElementsAre(2));
  live[2].calls = 1;  // of another one
  EXPECT_THAT(ages.look(live, kForgetMs), ElementsAre(0));
}

}  // namespace
}  // namespace zerogate
