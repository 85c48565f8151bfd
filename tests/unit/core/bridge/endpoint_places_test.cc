// Which connection of an endpoint a call is put on: of `in_flight: auto` the one with least work.
#include <gmock/gmock.h>

#include <string>

#include "tests/unit/core/bridge/backend_fixture.h"

namespace zerogate::testing {
namespace {

using ::testing::ElementsAre;

class EndpointPlacesTest : public BackendTest {
 protected:
  EndpointPlacesTest() {
    options_.in_flight = 0;
    options_.connections = 3;
    serve(1);
  }

  /// In a turn of its own. Returns the connection that it was put on; -1 when none has room.
  int place_of(std::string_view function) {
    std::vector<size_t> before;
    for (const FakeConnection* connection : connections()) {
      before.push_back(connection->sent.size());
    }
    const FunctionLabel label = labels_.learn(function).value();
    forward({.function = function, .argument = "\xc0", .label = label});
    backend_->flush();
    for (size_t i = 0; i < before.size(); ++i) {
      if (connections()[i]->sent.size() != before[i]) {
        return static_cast<int>(i);
      }
    }
    return -1;
  }
  /// Serves one after the other until it is known how long the function takes.
  void teach(std::string_view function, uint64_t us) {
    for (uint32_t i = 0; i < ServiceTime::kMemory; ++i) {
      const int at = place_of(function);
      clock_.advance_ns(us * 1'000);
      answer_at(at);
    }
  }
  void answer_at(int connection) { connections().at(static_cast<size_t>(connection))->answer(); }
  std::vector<FakeConnection*> connections() const { return network_.to(name(1)); }
};

TEST_F(EndpointPlacesTest, TheConnectionWithTheLeastWorkGetsTheCall) {
  teach("10us", 10);
  teach("100us", 100);
  teach("300us", 300);
  const int most = place_of("300us");
  const int more = place_of("100us");
  const int least = place_of("10us");
  for (int i = 0; i < 9; ++i) {
    EXPECT_EQ(place_of("10us"), least) << i << ": it had 10 us for each, the next one 100";
  }
  const int next = place_of("100us");
  EXPECT_TRUE(next == least || next == more) << "both have 100 us of work";
  EXPECT_EQ(place_of("10us"), next == least ? more : least);
  EXPECT_EQ(connections()[static_cast<size_t>(most)]->load(), 1u);
}

TEST_F(EndpointPlacesTest, WhatIsAnsweredIsNoMoreWorkAhead) {
  teach("10us", 10);
  teach("300us", 300);
  const int first = place_of("300us");
  const int second = place_of("10us");
  const int third = place_of("10us");
  EXPECT_NE(place_of("10us"), first);
  place_of("10us");
  clock_.advance_ns(300'000);
  answer_at(first);
  EXPECT_EQ(place_of("300us"), first) << "it is idle";
  clock_.advance_ns(300'000);
  answer_at(first);
  place_of("10us");
  EXPECT_EQ(connections()[static_cast<size_t>(first)]->load(), 1u);
  for (const int other : {second, third}) {
    EXPECT_EQ(connections()[static_cast<size_t>(other)]->load(), 2u);
  }
  EXPECT_EQ(place_of("10us"), first) << "10 us of work there, 20 on the others";
}

// Nothing else is answered: the place that is there again is behind work that has become little.
TEST_F(EndpointPlacesTest, BehindAConnectionThatHasCaughtUpThereIsRoomAgain) {
  teach("10us", 10);
  teach("600us", 600);
  for (const char* function : {"10us", "600us", "600us"}) {
    for (int i = 0; i < 3; ++i) {
      EXPECT_NE(place_of(function), -1) << function;
    }
  }
  EXPECT_EQ(place_of("10us"), -1) << "1,210 us are ahead of it everywhere";
  clock_.advance_ns(10'000);
  answer_at(1);
  EXPECT_EQ(metrics_->queue.value(), 1u);
  clock_.advance_ns(600'000);
  answer_at(1);
  EXPECT_EQ(metrics_->queue.value(), 0u);
  EXPECT_EQ(connections()[1]->load(), 2u) << "it has 600 us of work";
}

// How long it takes is not known, nor how long a call behind it would wait.
TEST_F(EndpointPlacesTest, AFunctionThatIsNotKnownSharesNoWrite) {
  teach("10us", 10);
  for (const char* function : {"10us", "new", "10us"}) {
    const FunctionLabel label = labels_.learn(function).value();
    forward({.function = function, .argument = "\xc0", .label = label});
  }
  for (const FakeConnection* connection : connections()) {
    EXPECT_EQ(connection->load(), 1u);
  }
  backend_->flush();
}

// The server may have closed the connection for the oldest call: its function is not known any
// more. The other one's is, and could stand behind others again.
TEST_F(EndpointPlacesTest, OneThatIsSentAgainWaitsForAnIdleConnection) {
  teach("bad", 10);
  teach("good", 10);
  const int closing = place_of("bad");
  place_of("good");
  place_of("good");
  ASSERT_EQ(connections().size(), 3u);
  FakeConnection& breaking = *connections()[static_cast<size_t>(closing)];
  for (int i = 0; i < 3; ++i) {
    place_of("good");
  }
  ASSERT_EQ(breaking.sent.size(), 2u);
  breaking.close_in_order();
  EXPECT_EQ(metrics_->resent.value(), 1u);
  EXPECT_EQ(metrics_->queue.value(), 1u);
  for (FakeConnection* connection : connections()) {
    if (connection->up()) {
      EXPECT_EQ(connection->load(), 2u);
    }
  }
}

// Calls that are alike go round: none of the connections has to carry them all.
TEST_F(EndpointPlacesTest, ConnectionsWithTheSameWorkTakeTurns) {
  teach("10us", 10);
  for (int i = 0; i < 30; ++i) {
    place_of("10us");
  }
  for (const FakeConnection* connection : connections()) {
    EXPECT_EQ(connection->load(), 10u);
  }
}

}  // namespace
}  // namespace zerogate::testing
