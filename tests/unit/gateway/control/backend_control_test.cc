// How several event loops' views of an endpoint become one, and which endpoints an order is for.
#include "gateway/control/backend_control.h"

#include <gmock/gmock.h>

#include "core/log/log.h"

namespace zerogate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Action = EndpointOrder::Action;

/// One worker's backend `b`.
class BackendOrdersTest : public ::testing::Test {
 protected:
  BackendOrdersTest() {
    log::set_level(log::Level::off);
    worker_.backends.add(backend_);
  }

  std::vector<std::string> shown() const {
    std::vector<std::string> all;
    for (const EndpointReport& report : control_.report().endpoints) {
      all.push_back(report.endpoint);
    }
    return all;
  }
  std::vector<std::string> without() const {
    std::vector<std::string> all;
    for (const BackendWithoutEndpoints& one : control_.report().without_endpoints) {
      all.push_back(one.backend);
    }
    return all;
  }
  std::string order(Action action, const std::string& endpoint) {
    const auto done = control_.order({action, "b", endpoint, ""});
    return done ? done.value() : "error: " + done.error();
  }

  FunctionLabels labels_{{}};
  WorkerMetrics worker_{labels_};
  std::shared_ptr<BackendMetrics> backend_ = std::make_shared<BackendMetrics>("b");
  std::shared_ptr<ByHand> by_hand_ = std::make_shared<ByHand>();
  size_t told_ = 0;
  BackendControl control_{{[this] { return std::vector<const WorkerMetrics*>{&worker_}; },
                           [this](const EndpointOrder&) { ++told_; }},
                          by_hand_};
};

TEST_F(BackendOrdersTest, TheNameIsShownWhereSeveralHaveTheAddress) {
  const auto a = backend_->add("a.test@1.1.1.1:1");
  backend_->add("c.test@1.1.1.2:1");
  EXPECT_THAT(shown(), ElementsAre("1.1.1.1:1", "1.1.1.2:1"));
  backend_->add("b.test@1.1.1.1:1");
  EXPECT_THAT(shown(), ElementsAre("1.1.1.2:1", "a.test@1.1.1.1:1", "b.test@1.1.1.1:1"));
  backend_->remove(a);
  EXPECT_THAT(shown(), ElementsAre("1.1.1.1:1", "1.1.1.2:1"));
}

TEST_F(BackendOrdersTest, ABackendWithoutEndpointsIsTold) {
  EXPECT_THAT(shown(), ElementsAre());
  ASSERT_THAT(without(), ElementsAre("b"));
  EXPECT_THAT(control_.report().without_endpoints[0].reason, HasSubstr("no address"));
  EXPECT_THAT(order(Action::disable, ""), HasSubstr("there are: none"));
  backend_->add("1.1.1.1:1");
  EXPECT_THAT(shown(), ElementsAre("1.1.1.1:1"));
  EXPECT_THAT(without(), ElementsAre());
}

TEST_F(BackendOrdersTest, AnOrderForAnAddressSaysThatItIsForSeveral) {
  const auto a = backend_->add("a.test@1.1.1.1:1");
  backend_->add("b.test@1.1.1.1:1");
  EXPECT_THAT(order(Action::drain, "1.1.1.1:1"),
              HasSubstr("b 1.1.1.1:1 (all there: a.test@1.1.1.1:1, b.test@1.1.1.1:1) drained: "));
  EXPECT_THAT(order(Action::enable, "a.test@1.1.1.1:1"), HasSubstr("error: "));
  EXPECT_THAT(order(Action::clear, "a.test@1.1.1.1:1"), HasSubstr("enable it instead"));
  EXPECT_EQ(told_, 1u);
  order(Action::enable, "1.1.1.1:1");
  EXPECT_THAT(order(Action::disable, "a.test@1.1.1.1:1"),
              HasSubstr("b a.test@1.1.1.1:1 disabled: "));
  EXPECT_THAT(order(Action::drain, "x.test@1.1.1.1:1"), HasSubstr("has no endpoint"));
  EXPECT_EQ(told_, 3u);
  backend_->remove(a);
  EXPECT_THAT(shown(), ElementsAre("a.test@1.1.1.1:1", "b.test@1.1.1.1:1"));
  EXPECT_THAT(control_.report().endpoints[0].status.reason, HasSubstr("disabled by hand"));
  order(Action::enable, "a.test@1.1.1.1:1");
  EXPECT_THAT(shown(), ElementsAre("1.1.1.1:1"));
}

TEST_F(BackendOrdersTest, AnOrderForAnAddressThatHasGoneIsShownAndTakenBack) {
  backend_->remove(backend_->add("a.test@1.1.1.1:1"));
  ASSERT_TRUE(by_hand_->set("b", "1.1.1.1:1", {HandState::drain, "", 1}));
  EXPECT_THAT(shown(), ElementsAre("1.1.1.1:1"));
  EXPECT_THAT(without(), ElementsAre("b"));
  EXPECT_THAT(control_.report().endpoints[0].status.reason,
              HasSubstr("no backend has this address now"));
  order(Action::enable, "1.1.1.1:1");
  EXPECT_THAT(shown(), ElementsAre());
}

TEST(BackendControlTest, TheBestViewIsToldWithTheWorstOnesReason) {
  const EndpointStatus up{EndpointState::up, "", 5};
  const EndpointStatus ejected{EndpointState::ejected, "it failed", 9};
  EXPECT_EQ(best_of({up, up}).reason, "");
  const EndpointStatus best = best_of({ejected, up});
  EXPECT_EQ(best.state, EndpointState::up);
  EXPECT_EQ(best.since_ns, 5u);
  EXPECT_EQ(best.reason, "1 of 2 event loops see it differently: ejected: it failed");
}

TEST(BackendControlTest, WhatWasDoneByHandGoesBeforeAll) {
  const EndpointStatus up{EndpointState::up, "", 5};
  const EndpointStatus drain{EndpointState::drain, "drained by hand", 9};
  const EndpointStatus best = best_of({up, drain});
  EXPECT_EQ(best.state, EndpointState::drain);
  EXPECT_EQ(best.reason, "drained by hand");
}

}  // namespace
}  // namespace zerogate
