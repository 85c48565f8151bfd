// Which labels are forgotten, when, and that two threads may ask for it.
#include "gateway/control/label_keeper.h"

#include <gmock/gmock.h>

#include <optional>
#include <set>

#include "core/io/event_loop.h"
#include "core/log/log.h"
#include "tests/unit/core/base/beside.h"

namespace zerogate {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Ne;
using ::testing::SizeIs;

/// All labels are taken by functions that nobody has called: f0, f1, ...
class LabelKeeperTest : public ::testing::Test {
 protected:
  LabelKeeperTest() { log::set_level(log::Level::off); }

  static std::vector<std::string> all() {
    std::vector<std::string> names;
    for (size_t i = 0; i < FunctionLabels::kMaxNames; ++i) {
      names.push_back("f" + std::to_string(i));
    }
    return names;
  }
  std::vector<std::string> live() const {
    std::vector<std::string> names;
    for (const LiveLabel& one : labels_.live()) {
      names.push_back(one.name);
    }
    return names;
  }

  EventLoop loop_;
  FunctionLabels labels_{all()};
  WorkerMetrics worker_{labels_};
  std::set<FunctionLabel> stuck_;     ///< in use by a call that does not end
  std::vector<FunctionLabel> asked_;  ///< of the workers
  LabelKeeper keeper_{loop_.uv(),
                      labels_,
                      {[this] { return std::vector<const WorkerMetrics*>{&worker_}; },
                       [this](FunctionLabel label) {
                         asked_.push_back(label);
                         return !stuck_.contains(label);
                       }},
                      all()};
};

TEST_F(LabelKeeperTest, WhatTheConfigurationNamesKeepsItsLabel) {
  keeper_.make_room(all());
  EXPECT_THAT(asked_, IsEmpty());
  EXPECT_EQ(labels_.known(), FunctionLabels::kMaxNames);
}

TEST_F(LabelKeeperTest, WhatItNamesNoMoreMakesRoomForTheNext) {
  EXPECT_EQ(labels_.learn("new"), std::nullopt);
  keeper_.make_room({"f7"});
  EXPECT_GE(FunctionLabels::kMaxNames - labels_.known(), LabelAges::kSpare);
  EXPECT_THAT(live(), Contains("f7"));
  EXPECT_NE(labels_.learn("new"), std::nullopt);
}

// What one function has counted is none of the next one's that gets the label: not even by a call
// that ended after the function was forgotten.
TEST_F(LabelKeeperTest, TheNextOneCountsFromWhereTheLastOneEnded) {
  constexpr FunctionLabel kLabel = 5;
  std::vector<std::string> named = all();
  named.erase(named.begin() + kLabel);
  stuck_.insert(kLabel);
  keeper_.make_room(named);
  ASSERT_THAT(asked_, ElementsAre(kLabel));
  worker_.end(kLabel, Wire::t3, Outcome::ok);
  stuck_.clear();
  keeper_.make_room(named);

  ASSERT_EQ(labels_.learn("new"), kLabel);
  for (const LiveLabel& one : labels_.live()) {
    ASSERT_EQ(one.base != nullptr, one.name == "new");
    if (one.base != nullptr) {
      EXPECT_EQ(one.base->requests[index_of(Wire::t3)][index_of(Outcome::ok)], 1u);
    }
  }
}

// A worker that does not come round costs a look one question, however many labels wait.
TEST_F(LabelKeeperTest, LabelsInUseWaitAndAreAskedForInTurn) {
  for (FunctionLabel label = 0; label < FunctionLabels::kMaxNames; ++label) {
    stuck_.insert(label);
  }
  keeper_.make_room({});
  ASSERT_THAT(asked_, SizeIs(1));
  EXPECT_EQ(labels_.learn("new"), std::nullopt);
  keeper_.make_room({});
  ASSERT_THAT(asked_, SizeIs(2));
  EXPECT_THAT(asked_[1], Ne(asked_[0]));

  stuck_.clear();
  keeper_.make_room({});
  EXPECT_NE(labels_.learn("new"), std::nullopt);
}

TEST_F(LabelKeeperTest, TwoReloadsAtOnce) {
  testing::beside([this] { keeper_.make_room({"f1"}); }, [this] { keeper_.make_room({"f2"}); });
  EXPECT_EQ(std::set<FunctionLabel>(asked_.begin(), asked_.end()).size(), asked_.size())
      << "a label was given up twice";
}

}  // namespace
}  // namespace zerogate
