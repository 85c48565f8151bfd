// Endpoints that an operator disables, drains, enables or clears.
#include <gmock/gmock.h>

#include "core/bridge/by_hand.h"
#include "tests/unit/core/bridge/backend_fixture.h"

namespace zerogate::testing {
namespace {

using ::testing::HasSubstr;

class EndpointByHandTest : public BackendTest {
 protected:
  void order(size_t endpoint, HandState state, const std::string& reason = "") {
    const HandOrder order{state, reason, clock_.now_ns()};
    ASSERT_TRUE(context_.by_hand->set("b", name(endpoint), order));
    backend_->look_at_orders();
    backend_->flush();
  }
  EndpointStatus status(size_t endpoint) const {
    for (const auto& metrics : metrics_->endpoints()) {
      if (metrics->endpoint == name(endpoint)) {
        return metrics->status.get();
      }
    }
    return {};
  }
  EndpointState state(size_t endpoint) const { return status(endpoint).state; }
  uint64_t connections(size_t endpoint) const {
    for (const auto& metrics : metrics_->endpoints()) {
      if (metrics->endpoint == name(endpoint)) {
        return metrics->connections.value();
      }
    }
    return 0;
  }
  FakeConnection& connection(size_t endpoint) { return *network_.to(name(endpoint)).back(); }
  size_t sent_to(size_t endpoint) const { return network_.requests(name(endpoint)); }
};

TEST_F(EndpointByHandTest, ADisabledOneClosesItsConnectionsAndGetsNoMoreCalls) {
  serve(2);
  order(1, HandState::disabled, "deploy 42");
  EXPECT_TRUE(network_.to(name(1)).empty());
  EXPECT_EQ(state(1), EndpointState::disabled);
  EXPECT_EQ(status(1).reason, "disabled by hand: deploy 42");
  call();
  call();
  EXPECT_EQ(sent_to(2), 1u);  // the other one waits for room there
  pass_ms(500);
  EXPECT_TRUE(network_.to(name(1)).empty()) << "it was connected to again";
  connection(2).answer();
  connection(2).answer();
}

TEST_F(EndpointByHandTest, OneThatIsPutBackIsTriedAsOneThatHasNotFailed) {
  make(1);
  for (int attempt = 0; attempt < 10; ++attempt) {
    wait_for_attempt(1);
    network_.kill(name(1));
    pass_ms(1);
  }
  order(1, HandState::disabled);
  order(1, HandState::ready);
  ASSERT_EQ(network_.to(name(1)).size(), 1u) << "at once";
  network_.kill(name(1));
  const int made = network_.made;
  pass_ms(Endpoint::kBackoffMinMs * 3 / 2);
  EXPECT_EQ(network_.made, made + 1);
}

TEST_F(EndpointByHandTest, WhatIsUnderWayThereFaresAsUnderALostConnection) {
  options_.idempotent = {"get"};
  serve(2);
  const size_t get = call("get"), save = call("save");
  const size_t mine = connection(1).sent[0].function == "get" ? 1 : 2;
  order(3 - mine, HandState::disabled);
  EXPECT_THAT(answer(save), HasSubstr("failed under the call: disabled by hand"));
  EXPECT_FALSE(answered(get));
  const size_t next = call("get");
  connection(mine).answer();
  order(3 - mine, HandState::ready);
  network_.serve(name(3 - mine));
  order(mine, HandState::disabled);
  EXPECT_FALSE(answered(next)) << "it may be sent again";
  connection(3 - mine).answer();
  EXPECT_TRUE(answered(get));
  EXPECT_TRUE(answered(next));
}

TEST_F(EndpointByHandTest, WithoutAnEndpointCallsFailAtOnceAndAreToldWhy) {
  serve(1);
  const size_t under_way = call(), waits = call();
  order(1, HandState::disabled, "it lies");
  EXPECT_THAT(answer(under_way), HasSubstr("disabled by hand: it lies"));
  EXPECT_THAT(answer(waits), HasSubstr("unavailable: disabled by hand: it lies"));
  EXPECT_THAT(answer(call()), HasSubstr("unavailable: disabled by hand: it lies (10.0.0.1:1)"));
}

TEST_F(EndpointByHandTest, TheReasonOfAnotherOneSaysHowManyWereTakenOut) {
  serve(2);
  order(1, HandState::disabled);
  network_.kill(name(2));
  EXPECT_THAT(answer(call()),
              HasSubstr("connection refused (10.0.0.2:1); 1 more disabled or drained by hand"));
}

// Each order has all endpoints look whether they have a new one.
TEST_F(EndpointByHandTest, AnOrderForOneLeavesTheOthersAsTheyAre) {
  serve(3);
  network_.kill(name(2), "no route to host");
  order(3, HandState::drain);
  const int made = network_.made;
  order(1, HandState::disabled);
  EXPECT_EQ(network_.made, made) << "one that is down waits for its time";
  EXPECT_EQ(status(2).reason, "no route to host");
  EXPECT_EQ(state(3), EndpointState::drain);
  EXPECT_THAT(answer(call()),
              HasSubstr("no route to host (10.0.0.2:1); 2 more disabled or drained by hand"));
}

TEST_F(EndpointByHandTest, ADisabledOneStaysSoWhenItIsCleared) {
  serve(1);
  order(1, HandState::disabled);
  const int made = network_.made;
  backend_->clear(name(1));
  pass_ms(2 * Endpoint::kBackoffMaxMs);
  EXPECT_EQ(network_.made, made);
  EXPECT_EQ(state(1), EndpointState::disabled);
}

TEST_F(EndpointByHandTest, ADrainedOneEndsItsCallsAndThenItsConnections) {
  options_.connections = 2;
  serve(1);
  const size_t under_way = call();
  order(1, HandState::drain);
  EXPECT_EQ(state(1), EndpointState::drain);
  EXPECT_EQ(connections(1), 1u) << "the idle one goes at once";
  EXPECT_THAT(answer(call()), HasSubstr("unavailable: drained by hand"));
  EXPECT_FALSE(answered(under_way));
  connection(1).answer();
  pass_ms(0);
  EXPECT_EQ(answer(under_way), "\x01");
  EXPECT_TRUE(network_.to(name(1)).empty());
  EXPECT_EQ(connections(1), 0u);
}

TEST_F(EndpointByHandTest, ADrainedZmqConnectionEndsThoughCallsWereGivenUpOnIt) {
  options_.in_flight = 10;
  serve(1, "zmq");
  const size_t stuck = call("stuck", 50), other = call("f", 500), last = call("f", 500);
  order(1, HandState::drain);
  pass_ms(60);
  EXPECT_THAT(answer(stuck), HasSubstr("did not answer"));
  FakeConnection& only = connection(1);
  only.answer();  // late: of the call that was given up
  only.answer();
  EXPECT_TRUE(answered(other));
  only.answer();
  EXPECT_TRUE(answered(last));
  pass_ms(0);
  EXPECT_TRUE(network_.to(name(1)).empty());
}

TEST_F(EndpointByHandTest, ADrainedZmqConnectionEndsWithItsLastCallThoughThatIsGivenUp) {
  serve(1, "zmq");
  call("stuck", 50);
  order(1, HandState::drain);
  ASSERT_EQ(network_.to(name(1)).size(), 1u);
  pass_ms(50);
  EXPECT_TRUE(network_.to(name(1)).empty());
  EXPECT_EQ(connections(1), 0u);
}

// It would be sent on a connection that is closed next.
TEST_F(EndpointByHandTest, WhatWasNotWrittenThereIsNotSentThereAgain) {
  options_.connections = 2;
  serve(1);
  const size_t calls[] = {call(), call()};
  for (FakeConnection* one : network_.to(name(1))) {
    ASSERT_EQ(one->sent.size(), 1u);
    one->written = false;
  }
  order(1, HandState::disabled);
  for (const size_t one : calls) {
    EXPECT_THAT(answer(one), HasSubstr("backend 'b' unavailable: disabled by hand"));
  }
}

TEST_F(EndpointByHandTest, OneThatIsDrainedBeforeItWasThereKeepsNoGatewayFromBeingReady) {
  make(2);
  network_.serve(name(2));
  EXPECT_FALSE(backend_->settled());
  order(1, HandState::drain);
  EXPECT_TRUE(backend_->settled());
}

TEST_F(EndpointByHandTest, WhyItWasDownBeforeIsForgotten) {
  make(1);
  network_.kill(name(1), "no route to host");
  order(1, HandState::disabled);
  order(1, HandState::ready);
  EXPECT_THAT(answer(call()), HasSubstr("unavailable: not connected yet"));
}

// Of those that take calls half may be set aside, and each is counted once.
TEST_F(EndpointByHandTest, OneThatIsDrainedAndThenDisabledIsTakenOutOnce) {
  options_.eject_after = 1;
  serve(5);
  order(1, HandState::drain);
  order(1, HandState::disabled);
  for (int i = 0; i < 4; ++i) {
    call();
  }
  network_.kill(name(2));
  network_.kill(name(3));
  EXPECT_EQ(state(2), EndpointState::ejected);
  EXPECT_EQ(state(3), EndpointState::ejected);
}

// Behind that call a TCP server answers none.
TEST_F(EndpointByHandTest, ADrainThatIsTakenBackSparesNoConnectionWithACallThatWasGivenUp) {
  options_.in_flight = 2;
  serve(1);
  call("stuck", 50);
  const size_t other = call("other", 60'000);
  pass_ms(50);
  order(1, HandState::drain);
  order(1, HandState::ready);
  EXPECT_THAT(answer(call("new")), HasSubstr("not connected yet"));
  FakeConnection& old = connection(1);
  ASSERT_EQ(old.sent.size(), 2u);
  old.answer();
  old.answer();
  EXPECT_TRUE(answered(other));
}

TEST_F(EndpointByHandTest, ADrainCanBeTakenBackAgainAndAgainWithInFlightAuto) {
  options_.in_flight = 0;
  serve(1);
  for (int i = 0; i < 3; ++i) {
    const size_t one = call();
    order(1, HandState::drain);
    order(1, HandState::ready);
    const size_t next = call();
    EXPECT_EQ(sent_to(1), 1u) << "it stands behind none";
    connection(1).answer();
    EXPECT_TRUE(answered(one));
    connection(1).answer();
    EXPECT_TRUE(answered(next));
  }
}

TEST_F(EndpointByHandTest, WhatBreaksAsItIsDisabledIsNoFailureOfIts) {
  options_.eject_after = 1;
  serve(4);
  for (int i = 0; i < 4; ++i) {
    call();
  }
  order(1, HandState::disabled);
  EXPECT_EQ(state(1), EndpointState::disabled);
  order(1, HandState::ready);
  EXPECT_EQ(state(1), EndpointState::down);
  EXPECT_EQ(network_.to(name(1)).size(), 1u) << "it is tried at once";
}

TEST_F(EndpointByHandTest, ADrainThatIsTakenBackGoesOnWithItsConnections) {
  options_.in_flight = 2;
  serve(1);
  const size_t first = call();
  order(1, HandState::drain);
  const int made = network_.made;
  order(1, HandState::ready);
  EXPECT_EQ(network_.made, made);
  EXPECT_EQ(state(1), EndpointState::up);
  const size_t second = call(), third = call();
  EXPECT_EQ(sent_to(1), 2u) << "the third waits: the first still has its place";
  connection(1).answer();
  connection(1).answer();
  connection(1).answer();
  EXPECT_TRUE(answered(first));
  EXPECT_TRUE(answered(second));
  EXPECT_TRUE(answered(third));
}

TEST_F(EndpointByHandTest, ADrainThatTakesTooLongCanBeMadeADisable) {
  serve(1);
  const size_t stuck = call();
  order(1, HandState::drain);
  order(1, HandState::disabled);
  EXPECT_THAT(answer(stuck), HasSubstr("disabled by hand"));
  EXPECT_TRUE(network_.to(name(1)).empty());
}

TEST_F(EndpointByHandTest, AnEnabledOneIsConnectedToAtOnce) {
  serve(1);
  order(1, HandState::disabled);
  order(1, HandState::ready);
  EXPECT_EQ(network_.to(name(1)).size(), 1u);
  network_.serve(name(1));
  EXPECT_EQ(state(1), EndpointState::up);
  call();
  connection(1).answer();
}

TEST_F(EndpointByHandTest, NeitherPanicNorEjectionUsesADisabledOne) {
  options_.eject_after = 1;
  serve(2);
  order(1, HandState::disabled);
  network_.kill(name(2));
  pass_ms(100);
  network_.serve(name(2));
  call("stuck", 50);
  pass_ms(60);  // the only one that is left is never set aside
  EXPECT_EQ(state(2), EndpointState::up);
  EXPECT_TRUE(network_.to(name(1)).empty());
}

// Half of those that could serve, not of all.
TEST_F(EndpointByHandTest, DisabledOnesDoNotMakeRoomForEjections) {
  options_.eject_after = 1;
  serve(4);
  order(1, HandState::disabled);
  order(2, HandState::disabled);
  call();
  call();
  network_.kill(name(3));
  EXPECT_EQ(state(3), EndpointState::ejected);
  clock_.advance_ms(1);
  network_.kill(name(4));
  EXPECT_EQ(state(3), EndpointState::probing) << "no other serves any more";
  EXPECT_EQ(state(4), EndpointState::down) << "the last one is tried on";
}

TEST_F(EndpointByHandTest, AClearedOneIsTriedAtOnce) {
  options_.eject_after = 1;
  serve(2);
  call();
  call();
  network_.kill(name(1));
  pass_ms(0);
  ASSERT_EQ(state(1), EndpointState::ejected);
  EXPECT_EQ(status(1).reason, "it failed several times in a row");
  backend_->clear(name(1));
  ASSERT_EQ(network_.to(name(1)).size(), 1u);
  EXPECT_EQ(state(1), EndpointState::probing);
  network_.serve(name(1));
  EXPECT_EQ(state(1), EndpointState::up);
  connection(2).answer();
}

// A reload makes the backend anew; a name may lose an address and get it back.
TEST_F(EndpointByHandTest, AnOrderOutlivesTheBackend) {
  serve(2);
  order(1, HandState::disabled, "deploy 42");
  const uint64_t since_ns = status(1).since_ns;
  clock_.advance_ms(10);
  backend_.reset();
  make(2);
  EXPECT_TRUE(network_.to(name(1)).empty());
  EXPECT_EQ(status(1).reason, "disabled by hand: deploy 42");
  EXPECT_EQ(status(1).since_ns, since_ns);
  EXPECT_FALSE(backend_->settled());
  network_.serve(name(2));
  EXPECT_TRUE(backend_->settled()) << "a disabled endpoint keeps no gateway from being ready";
  order(1, HandState::ready);
  network_.serve(name(1));
  EXPECT_EQ(state(1), EndpointState::up);
}

}  // namespace
}  // namespace zerogate::testing
