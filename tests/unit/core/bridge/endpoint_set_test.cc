// Endpoints as a set: who is chosen, who is set aside, who comes and goes.
#include "core/bridge/endpoint_set.h"

#include <gmock/gmock.h>

#include "tests/unit/core/bridge/backend_fixture.h"

namespace zerogate::testing {
namespace {

class EndpointSetTest : public BackendTest {
 protected:
  /// Which endpoint got the newest call.
  size_t sent_to() {
    for (size_t i = 1; i <= options_.urls.size(); ++i) {
      for (FakeConnection* connection : network_.to(name(i))) {
        if (!connection->sent.empty()) {
          return i;
        }
      }
    }
    return 0;
  }
  void answer_all(size_t endpoint) {
    for (FakeConnection* connection : network_.to(name(endpoint))) {
      while (!connection->sent.empty()) {
        connection->answer();
      }
    }
  }
  bool up(size_t endpoint) const {
    for (const auto& metrics : metrics_->endpoints()) {
      if (metrics->endpoint == name(endpoint)) {
        return metrics->up.value() == 1;
      }
    }
    return false;
  }
  size_t count_up() const {
    size_t count = 0;
    for (size_t i = 1; i <= options_.urls.size(); ++i) {
      count += up(i);
    }
    return count;
  }
  /// It breaks under a call often enough to be set aside for long.
  void set_aside_for_long(size_t endpoint) {
    for (int verdict = 0; verdict < 6; ++verdict) {
      while (!up(endpoint)) {
        pass_ms(1);
        network_.serve(name(endpoint));
      }
      while (network_.requests(name(endpoint)) == 0) {
        call();
      }
      network_.kill(name(endpoint));
      answer_all(3 - endpoint);
    }
    EXPECT_FALSE(up(endpoint));
  }
  /// Of two ZeroMQ servers the one that is set aside is left, with all its connections: which one.
  size_t leave_one_aside(uint32_t in_flight = 1'000) {
    options_.in_flight = in_flight;
    options_.eject_after = 1;
    serve(2, "zmq");
    call("stuck", 50);
    const size_t aside = sent_to(), other = 3 - aside;
    pass_ms(50);
    EXPECT_FALSE(up(aside));
    network_.kill(name(other));
    return aside;
  }
  /// Whether it gets another connection while this time passes.
  bool tried_within(size_t endpoint, uint64_t ms) {
    pass_ms(0);
    const size_t before = network_.to(name(endpoint)).size();
    pass_ms(ms);
    return network_.to(name(endpoint)).size() > before;
  }
  /// The first of two endpoints goes aside by the call that is given up soon. Its other one lasts
  /// longer, and that one's end has it asked again.
  void expect_asked_after_its_last_call() {
    ASSERT_EQ(network_.requests(name(1)), 2u);
    answer_all(2);
    pass_ms(100);
    EXPECT_FALSE(up(1)) << "it is not aside";
    pass_ms(5'000);
    network_.serve(name(1));
    EXPECT_TRUE(up(1));
  }
};

TEST_F(EndpointSetTest, TheOnlyFreeOnesGetTheCalls) {
  serve(3);
  call();
  call();
  call();
  for (size_t i = 1; i <= 3; ++i) {
    EXPECT_EQ(network_.requests(name(i)), 1u) << i;
  }
}

TEST_F(EndpointSetTest, TiesAreBrokenEvenlyWhoeverIsDown) {
  options_.connections = 1;
  make(10);
  for (size_t i = 1; i <= 10; ++i) {
    i <= 5 ? network_.serve(name(i)) : network_.kill(name(i));
  }
  std::map<size_t, int> shares;
  constexpr int kCalls = 4'000;
  for (int i = 0; i < kCalls; ++i) {
    call();
    const size_t to = sent_to();
    ++shares[to];
    answer_all(to);
  }
  for (size_t i = 1; i <= 5; ++i) {
    EXPECT_NEAR(shares[i], kCalls / 5, kCalls / 20) << i;
  }
}

// The less loaded of two that are picked at random: of nine pairs one is twice the busiest, three
// are won by the one between, five by the idle one.
TEST_F(EndpointSetTest, OfThreeTheIdleOneGetsMostAndTheBusyOneItsShare) {
  options_.in_flight = 1'000;
  serve(3, "zmq");
  FakeConnection* connections[3];
  for (size_t i = 0; i < 3; ++i) {
    connections[i] = network_.to(name(i + 1))[0];
  }
  for (int i = 0; i < 600; ++i) {
    call();
  }
  for (size_t i = 0; i < 3; ++i) {
    while (connections[i]->sent.size() > 100 * i) {
      connections[i]->answer();
    }
  }
  std::map<size_t, int> shares;
  constexpr int kCalls = 9'000;
  for (int i = 0; i < kCalls; ++i) {
    call();
    for (size_t to = 0; to < 3; ++to) {
      if (connections[to]->sent.size() > 100 * to) {
        ++shares[to];
        connections[to]->answer();
      }
    }
  }
  EXPECT_NEAR(shares[0], kCalls * 5 / 9, kCalls / 30);
  EXPECT_NEAR(shares[1], kCalls * 3 / 9, kCalls / 30);
  EXPECT_NEAR(shares[2], kCalls * 1 / 9, kCalls / 30);
}

TEST_F(EndpointSetTest, AtMostSixtyFourAreUsed) {
  make(70);
  EXPECT_EQ(network_.made, static_cast<int>(EndpointSet::kMaxEndpoints));
}

TEST_F(EndpointSetTest, ACallThatIsLostGoesToTheSameServerWhenNoOtherHasRoom) {
  options_.connections = 2;
  options_.idempotent = {"f"};
  serve(2);
  for (int i = 0; i < 4; ++i) {
    call();
  }
  FakeConnection& free = *network_.to(name(1))[1];
  free.answer();
  network_.to(name(1))[0]->fail("connection reset");
  EXPECT_EQ(free.sent.size(), 1u) << "it waits, though there is room";
  pass_ms(0);
  answer_all(1);
  answer_all(2);
  EXPECT_EQ(ended(Outcome::ok), 4u);
}

// A server that takes calls and answers none.
TEST_F(EndpointSetTest, OneThatAnswersNothingGetsNoMoreCallsUntilItAnswersConnect) {
  serve(2);
  call("stuck", 100);
  const size_t stuck = sent_to(), other = 3 - stuck;
  pass_ms(100);
  EXPECT_FALSE(up(stuck));
  for (int i = 0; i < 10; ++i) {
    call();
    EXPECT_EQ(network_.requests(name(stuck)), 0u);
    answer_all(other);
  }
  network_.serve(name(stuck));
  EXPECT_TRUE(up(stuck));
}

TEST_F(EndpointSetTest, TheLastOneIsNeverSetAside) {
  options_.eject_after = 1;
  serve(1);
  for (int i = 0; i < 5; ++i) {
    call("stuck", 50);
    pass_ms(50);
    network_.serve(name(1));
    EXPECT_TRUE(up(1)) << i;
  }
}

TEST_F(EndpointSetTest, ASlowFunctionIsNotABadServer) {
  options_.in_flight = 100;
  options_.eject_after = 3;
  serve(4, "zmq");
  for (int round = 0; round < 50; ++round) {
    call("slow", 300);
    for (int i = 0; i < 40; ++i) {
      call("fast");
    }
    pass_ms(10);
    for (size_t i = 1; i <= 4; ++i) {
      FakeConnection& connection = *network_.to(name(i))[0];
      std::vector<FakeConnection::Sent> slow;
      while (!connection.sent.empty()) {
        if (connection.sent.front().function == "slow") {
          slow.push_back(connection.sent.front());
          connection.sent.erase(connection.sent.begin());
        } else {
          connection.answer();
        }
      }
    }
    ASSERT_EQ(count_up(), 4u) << "round " << round;
  }
}

TEST_F(EndpointSetTest, AtMostHalfAreSetAside) {
  options_.in_flight = 10;
  options_.eject_after = 2;
  serve(4, "zmq");
  for (int i = 0; i < 200; ++i) {  // nobody answers anything
    call("stuck", 50);
    pass_ms(5);
    ASSERT_GE(count_up(), 2u);
  }
  EXPECT_EQ(count_up(), 2u);
}

// What is set aside is better than what is gone.
TEST_F(EndpointSetTest, WhenNoOtherIsLeftTheOnesAsideAreUsed) {
  const size_t aside = leave_one_aside();
  const size_t one = call();
  EXPECT_FALSE(answered(one)) << "it was not refused";
  EXPECT_EQ(network_.to(name(aside))[0]->sent.back().function, "f");
  network_.to(name(aside))[0]->sent.erase(network_.to(name(aside))[0]->sent.begin());
  answer_all(aside);
  EXPECT_EQ(answer(one), "\x01");
}

// The jitter keeps thousands of gateways that lose the same server from coming at one instant.
TEST_F(EndpointSetTest, OneThatIsDownIsTriedSoonOnceNoOtherServes) {
  std::map<uint64_t, int> waits;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    backend_.reset();
    context_.seed = seed;
    make(2);
    network_.serve(name(1));
    for (int attempt = 0; attempt < 8; ++attempt) {
      network_.kill(name(2));
      pass_ms(1);
      wait_for_attempt(2);
    }
    network_.kill(name(2));
    pass_ms(100);
    network_.kill(name(1));
    uint64_t ms = 0;
    for (; ms <= 2 * Endpoint::kBackoffMinMs && network_.to(name(2)).empty(); ++ms) {
      pass_ms(1);
    }
    EXPECT_GE(ms, Endpoint::kBackoffMinMs / 2) << "seed " << seed;
    ASSERT_LE(ms, Endpoint::kBackoffMinMs * 3 / 2) << "seed " << seed;
    ++waits[ms];
    network_.serve(name(2));
    EXPECT_TRUE(up(2));
  }
  EXPECT_GE(waits.size(), 5u);
}

// Its next waits are short ones, too.
TEST_F(EndpointSetTest, OneThatIsTriedSoonIsTriedOnAsOneAlone) {
  make(2);
  network_.serve(name(1));
  for (uint64_t ms = 0; ms < 60'000; ++ms) {
    network_.kill(name(2));
    pass_ms(1);
  }
  network_.kill(name(1));
  const int made = network_.made;
  for (uint64_t ms = 0; ms < 1'000; ++ms) {
    network_.kill(name(2));
    pass_ms(1);
  }
  EXPECT_GE(network_.made - made, 3);
  EXPECT_LE(network_.made - made, 7);
}

TEST_F(EndpointSetTest, OneAsideWithoutConnectionsIsTriedSoonOnceNoOtherServes) {
  options_.eject_after = 1;
  serve(2);
  set_aside_for_long(1);
  pass_ms(1'000);
  ASSERT_TRUE(network_.to(name(1)).empty());
  network_.kill(name(2));
  EXPECT_TRUE(tried_within(1, Endpoint::kBackoffMinMs * 3 / 2));
  network_.serve(name(1));
  EXPECT_TRUE(up(1));
}

// It could only be asked by a connection in the place of one that takes the calls.
TEST_F(EndpointSetTest, OneAsideWithAllItsConnectionsKeepsThemOnceNoOtherServes) {
  const size_t aside = leave_one_aside();
  for (int i = 0; i < 200; ++i) {
    pass_ms(1);
    const size_t one = call();
    EXPECT_FALSE(answered(one)) << "it was refused after " << i << " ms";
    answer_all(aside);
  }
}

TEST_F(EndpointSetTest, OneAsideThatTakesTheCallsReplacesConnectionsThatBreak) {
  options_.in_flight = 1'000;
  options_.connections = 2;
  options_.eject_after = 1;
  for (const bool breaks_before : {true, false}) {
    backend_.reset();
    serve(2, "zmq");
    call("stuck", 50);
    const size_t aside = sent_to(), other = 3 - aside;
    pass_ms(50);
    ASSERT_FALSE(up(aside));
    if (breaks_before) {
      network_.to(name(aside))[0]->fail("connection reset");
      EXPECT_FALSE(tried_within(aside, 100)) << "the other one serves";
      network_.kill(name(other));
    } else {
      network_.kill(name(other));
      network_.to(name(aside))[0]->fail("connection reset");
    }
    EXPECT_TRUE(tried_within(aside, Endpoint::kBackoffMinMs * 3 / 2)) << breaks_before;
    network_.serve(name(aside));
    EXPECT_TRUE(up(aside)) << breaks_before;
  }
}

TEST_F(EndpointSetTest, WhenTheLastOneAsideGoesThoseThatWaitFailAtOnce) {
  const size_t aside = leave_one_aside(1);
  const size_t waiting = call("f", 60'000);
  EXPECT_FALSE(answered(waiting));
  network_.kill(name(aside));
  EXPECT_TRUE(answered(waiting));
}

// Over ZeroMQ a call that is given up leaves its connection open, and nothing more is sent on it.
TEST_F(EndpointSetTest, OneThatWasAsideWithACallUnderWayIsAskedOnceThatIsGivenUp) {
  options_.eject_after = 1;
  options_.in_flight = 2;
  serve(2, "zmq");
  for (const uint32_t timeout_ms : {5'000, 5'000, 100, 100}) {
    call("f", timeout_ms);
  }
  expect_asked_after_its_last_call();
}

// What came after the call was sent came before the endpoint was set aside, and is no sign of life.
TEST_F(EndpointSetTest, OneThatAnsweredBeforeItWasAsideIsAskedOnceItsLastCallIsGivenUp) {
  options_.eject_after = 1;
  options_.in_flight = 2;
  serve(2, "zmq");
  for (int i = 0; i < 4; ++i) {
    call("f", 5'000);
  }
  network_.to(name(1))[0]->answer();
  answer_all(2);
  pass_ms(1);
  for (int i = 0; i < 3; ++i) {
    call("f", 100);
  }
  expect_asked_after_its_last_call();
}

TEST_F(EndpointSetTest, TimeAsideGrowsAndEndsWithAnAnswerToConnect) {
  options_.in_flight = 1'000;
  options_.connections = 2;
  options_.eject_after = 1;
  serve(2, "zmq");
  const size_t victim = 1;
  for (const uint64_t aside_ms : {1'000, 2'000, 4'000}) {
    while (up(victim)) {
      call("stuck", 20);
      answer_all(2);
      pass_ms(20);
    }
    const int made = network_.made;
    pass_ms(aside_ms - 100);
    EXPECT_EQ(network_.made, made) << "not tried yet after " << aside_ms - 100;
    pass_ms(150);
    EXPECT_FALSE(up(victim));
    network_.serve(name(victim));
    EXPECT_TRUE(up(victim));
    EXPECT_LE(network_.to(name(victim)).size(), 2u) << "never more connections than asked for";
  }
}

TEST_F(EndpointSetTest, ConnectionsNeverExceedTheirNumberWhateverHappens) {
  options_.connections = 2;
  options_.eject_after = 2;
  serve(2);
  Random random(7);
  for (int i = 0; i < 3'000; ++i) {
    call("f", 30);
    const size_t endpoint = 1 + random.below(2);
    switch (random.below(4)) {
      case 0:
        network_.serve(name(endpoint));
        break;
      case 1:
        answer_all(endpoint);
        break;
      case 2:
        if (random.below(20) == 0) {
          network_.kill(name(endpoint));
        }
        break;
      default:
        break;
    }
    pass_ms(3);
    for (size_t e = 1; e <= 2; ++e) {
      ASSERT_LE(network_.to(name(e)).size(), 2u);
    }
  }
  uint64_t ms = 0;
  for (; !up(1) || !up(2); ++ms) {
    ASSERT_LE(ms, OutlierDetector::kAsideMaxMs) << "after the storm all are used again";
    pass_ms(1);
    network_.serve(name(1));
    network_.serve(name(2));
  }
}

// 24 connections that break together are one reason to wait.
TEST_F(EndpointSetTest, ABackendThatWasAwayForAMomentIsBackWithinAMoment) {
  options_.connections = 24;
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    backend_.reset();
    context_.seed = seed;
    serve(1);
    network_.kill(name(1));
    bool away = true;
    uint64_t ms = 0;
    for (; !backend_->settled() || !up(1); ++ms) {
      away = ms < 200;
      pass_ms(1);
      for (FakeConnection* connection : network_.to(name(1))) {
        if (!connection->up()) {
          away ? connection->fail("connection refused") : connection->answer_connect();
        }
      }
      ASSERT_LT(ms, 1'000u);
    }
    EXPECT_LE(ms, 500u) << "seed " << seed;
  }
}

}  // namespace
}  // namespace zerogate::testing
