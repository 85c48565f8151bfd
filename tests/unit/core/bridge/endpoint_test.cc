// One endpoint of a backend: when it is tried again, and what brings it up, aside or to its end.
#include "core/bridge/endpoint.h"

#include <gmock/gmock.h>

#include "tests/unit/core/bridge/backend_fixture.h"

namespace zerogate::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class EndpointTest : public BackendTest {
 protected:
  FakeConnection& connection(size_t endpoint, size_t index = 0) {
    return *network_.to(name(endpoint)).at(index);
  }
  EndpointTotals shown(size_t endpoint) const {
    return metrics_->totals().endpoints.at(endpoint - 1);
  }
  EndpointState state(size_t endpoint) const { return shown(endpoint).status.state; }
  /// How often an endpoint where nobody listens is tried in this time.
  int attempts(size_t endpoint, uint64_t seconds) {
    const int before = network_.made;
    for (uint64_t ms = 0; ms < seconds * 1'000; ms += 20) {
      for (FakeConnection* one : network_.to(name(endpoint))) {
        one->fail("connection refused");
      }
      clock_.advance_ms(20);
      timers_.run_due();
      backend_->flush();
    }
    return network_.made - before;
  }
  /// Two calls on each of two ZeroMQ servers: one that is given up, and one that lasts. Of the
  /// first server nothing comes, so it goes aside.
  void have_the_first_aside() {
    options_.in_flight = 2;
    options_.eject_after = 1;
    options_.timeout_ms = 10'000;
    serve(2, "zmq");
    for (const uint32_t timeout_ms : {100, 100, 60'000, 60'000}) {
      call("f", timeout_ms);
    }
    ASSERT_EQ(connection(1).sent.size(), 2u);
    connection(2).answer();
    connection(2).answer();
    pass_ms(100);
    ASSERT_EQ(state(1), EndpointState::ejected);
  }
  /// Its time there passes.
  void have_the_first_probed() {
    have_the_first_aside();
    pass_ms(OutlierDetector::kAsideMinMs);
    ASSERT_EQ(state(1), EndpointState::probing);
  }
};

// ---- When it is tried again

TEST_F(EndpointTest, TheOnlyOneIsTriedAboutOnceASecond) {
  make(1);
  attempts(1, 10);
  const int a_minute = attempts(1, 60);
  EXPECT_GE(a_minute, 45);
  EXPECT_LE(a_minute, 80);
  EXPECT_EQ(state(1), EndpointState::down);
}

TEST_F(EndpointTest, OneThatCanBeSparedIsTriedAboutEveryFiveSeconds) {
  serve(2);
  attempts(1, 60);
  const int a_minute = attempts(1, 60);
  EXPECT_GE(a_minute, 8);
  EXPECT_LE(a_minute, 20);
}

TEST_F(EndpointTest, OneThatWasNeverThereIsTriedAboutEveryThirtySeconds) {
  make(2);
  network_.serve(name(2));
  attempts(1, 200);
  const int ten_minutes = attempts(1, 600);
  EXPECT_GE(ten_minutes, 12);
  EXPECT_LE(ten_minutes, 35);
}

TEST_F(EndpointTest, OneThatWasThereInBetweenIsTriedAgainSoon) {
  make(1);
  attempts(1, 60);
  wait_for_attempt(1);
  network_.serve(name(1));
  ASSERT_EQ(state(1), EndpointState::up);
  pass_ms(BackendConnection::kProvenMs);
  network_.kill(name(1));
  const int made = network_.made;
  pass_ms(2 * Endpoint::kBackoffMinMs);
  EXPECT_EQ(network_.made, made + 1);
  EXPECT_EQ(state(1), EndpointState::down) << "until it answers";
}

TEST_F(EndpointTest, OneThatIsClearedIsTriedAtOnceAndSoonAgain) {
  make(1);
  attempts(1, 60);
  network_.kill(name(1));
  pass_ms(0);
  int made = network_.made;
  backend_->clear(name(1));
  EXPECT_EQ(network_.made, made + 1);
  network_.kill(name(1));
  made = network_.made;
  pass_ms(2 * Endpoint::kBackoffMinMs);
  EXPECT_EQ(network_.made, made + 1);
}

TEST_F(EndpointTest, OneThatIsAsideWithAllConnectionsStaysSoWhenItIsTheLast) {
  have_the_first_aside();
  network_.kill(name(2));
  pass_ms(0);
  ASSERT_EQ(state(2), EndpointState::down);
  EXPECT_EQ(state(1), EndpointState::ejected) << "it takes the calls, and can open no connection";
}

// ---- What brings it up, and what does not

TEST_F(EndpointTest, OneThatIsProbedIsUpWithTheAnswerToACall) {
  have_the_first_probed();
  connection(1).answer("\x01", 1);
  EXPECT_EQ(state(1), EndpointState::up);
  EXPECT_EQ(shown(1).in_flight, 0u) << "what was given up is not waited for any more";
}

TEST_F(EndpointTest, OneThatIsProbedIsUpWithALateAnswer) {
  have_the_first_probed();
  connection(1).answer();
  EXPECT_EQ(state(1), EndpointState::up);
  EXPECT_EQ(shown(1).in_flight, 1u);
  connection(1).answer();
}

TEST_F(EndpointTest, OneThatIsAsideStaysSoWhenAConnectionThatWasOnItsWayIsThere) {
  options_.connections = 2;
  options_.eject_after = 1;
  make(2);
  network_.serve(name(2));
  connection(1).answer_connect();
  for (int i = 0; i < 3; ++i) {
    call();
  }
  ASSERT_EQ(connection(1).sent.size(), 1u);
  connection(1).fail("reset");
  ASSERT_EQ(state(1), EndpointState::ejected);
  connection(1, 1).answer_connect();
  EXPECT_EQ(state(1), EndpointState::ejected);
  EXPECT_EQ(shown(1).connections, 1u);
}

TEST_F(EndpointTest, WhenItsTimeAsideIsOverOneConnectionAsks) {
  options_.connections = 4;
  options_.eject_after = 1;
  serve(2);
  for (int i = 0; i < 8; ++i) {
    call();
  }
  network_.kill(name(1));
  ASSERT_EQ(state(1), EndpointState::ejected);
  pass_ms(OutlierDetector::kAsideMinMs);
  EXPECT_EQ(state(1), EndpointState::probing);
  EXPECT_EQ(network_.to(name(1)).size(), 1u);
  connection(1).answer_connect();
  EXPECT_EQ(network_.to(name(1)).size(), 4u);
  EXPECT_EQ(shown(1).connections, 1u);
  network_.serve(name(1));
  EXPECT_EQ(shown(1).connections, 4u);
}

TEST_F(EndpointTest, OneThatAnswersNothingSaysSo) {
  serve(2);
  call("f", 100);
  call("f", 100);
  pass_ms(100);
  const size_t probed = state(1) == EndpointState::probing ? 1 : 2;
  EXPECT_EQ(state(probed), EndpointState::probing);
  EXPECT_EQ(shown(probed).status.reason, "it has answered nothing for as long as a call may take");
  EXPECT_EQ(state(3 - probed), EndpointState::up) << "the last one is tried on";
}

// Of three calls two are given up: after the first one it has to answer, after the second it is
// aside.
TEST_F(EndpointTest, OneThatAnswersNothingIsShownAsThatThoughItStillHasACall) {
  options_.in_flight = 3;
  options_.eject_after = 2;
  make(2);
  network_.serve(name(1));
  for (const uint32_t timeout_ms : {100, 200, 60'000}) {
    call("f", timeout_ms);
  }
  network_.serve(name(2));
  ASSERT_EQ(connection(1).sent.size(), 3u);
  pass_ms(100);
  EXPECT_EQ(state(1), EndpointState::probing);
  pass_ms(100);
  ASSERT_EQ(ended(Outcome::timeout), 2u);
  EXPECT_EQ(state(1), EndpointState::ejected);
}

// It works on the call that is given up; other calls it has answered meanwhile.
TEST_F(EndpointTest, ASlowCallOverTcpCostsItsConnectionOnly) {
  options_.connections = 2;
  serve(2);
  for (int i = 0; i < 4; ++i) {
    call("f", 100);
  }
  pass_ms(50);
  connection(1).answer();
  for (size_t index : {0, 1}) {
    connection(2, index).answer();
  }
  pass_ms(50);
  EXPECT_EQ(ended(Outcome::timeout), 1u);
  EXPECT_EQ(state(1), EndpointState::up);
}

TEST_F(EndpointTest, TheLogSaysWhenItGoesAndWhenItIsBack) {
  std::vector<std::string> lines;
  serve(2);
  log::configure(log::Level::info, log::Format::logfmt,
                 [&lines](std::string_view line) { lines.emplace_back(line); });
  network_.kill(name(2), "connection reset");
  pass_ms(1);
  wait_for_attempt(2);
  network_.serve(name(2));
  log::configure(log::Level::off, log::Format::logfmt);
  EXPECT_THAT(lines, ElementsAre(HasSubstr("\"endpoint down\" backend=b endpoint=10.0.0.2:1 "
                                           "reason=\"connection reset\""),
                                 HasSubstr("\"endpoint up\" backend=b endpoint=10.0.0.2:1")));
}

// ---- Slots of calls that were given up

TEST_F(EndpointTest, AZmqServerThatHasAnsweredMeanwhileKeepsNoSlotOfOneThatIsGivenUp) {
  options_.in_flight = 2;
  serve(1, "zmq");
  call("stuck", 100);
  call("f", 100);
  pass_ms(50);
  connection(1).answer("\x01", 1);
  EXPECT_EQ(shown(1).in_flight, 1u);
  pass_ms(50);
  EXPECT_EQ(ended(Outcome::timeout), 1u);
  EXPECT_EQ(shown(1).in_flight, 0u);
}

TEST_F(EndpointTest, AZmqServerThatAnswersIsStuckInNoneOfThem) {
  options_.in_flight = 3;
  serve(1, "zmq");
  call("stuck", 100);
  call("stuck", 100);
  call("f");
  pass_ms(100);
  EXPECT_EQ(shown(1).in_flight, 3u);
  connection(1).answer("\x01", 2);
  EXPECT_EQ(shown(1).in_flight, 0u);
}

// The depth is that of `in_flight: auto`.
TEST_F(EndpointTest, ALateAnswerOfAGatewayMakesItsConnectionLessDeep) {
  options_.in_flight = 0;
  make(1);
  connection(1).answer_connect_as_gateway();
  for (const uint32_t timeout_ms : {100, 100, 60'000}) {
    call("f", timeout_ms);
  }
  clock_.advance_ns(1);
  connection(1).answer("\x01", 2);
  pass_ms(100);
  EXPECT_EQ(shown(1).depth, 2u);
  connection(1).answer();
  EXPECT_EQ(shown(1).depth, 1u);
  pass_ms(kTimeoutMs + EndpointSet::kSweepMs);
  EXPECT_EQ(shown(1).depth, 0u) << "it is not waited for any more";
}

}  // namespace
}  // namespace zerogate::testing
