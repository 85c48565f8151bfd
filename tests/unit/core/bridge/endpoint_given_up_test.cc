// Calls that were given up at a ZeroMQ server: when their places are free again, and that their
// bytes count until then.
#include <gmock/gmock.h>

#include "tests/unit/core/bridge/backend_fixture.h"

namespace zerogate::testing {
namespace {

class EndpointGivenUpTest : public BackendTest {
 protected:
  EndpointGivenUpTest() {
    options_.in_flight = 4;
    serve(1, "zmq");
  }
  FakeConnection& connection() { return *network_.to(name(1)).back(); }
};

// What was sent after it may still be in the server's queue.
TEST_F(EndpointGivenUpTest, AnAnswerFreesThePlacesOfOlderCallsOnly) {
  for (int i = 0; i < 4; ++i) {
    call("stuck", 100);
  }
  pass_ms(100);
  for (int i = 0; i < 4; ++i) {
    call("waits", 60'000);
  }
  EXPECT_EQ(connection().live(), 0u);
  connection().answer();
  EXPECT_EQ(connection().live(), 1u);
  EXPECT_EQ(connection().load(), 4u);
  connection().answer("\x01", 1);  // and not the one before it
  EXPECT_EQ(connection().live(), 3u);
  EXPECT_EQ(connection().load(), 4u);
}

TEST_F(EndpointGivenUpTest, ACallKeepsItsPlaceThoughAnOlderOneHasBeenAnswered) {
  call("older", 60'000);
  call("stuck", 100);
  pass_ms(50);
  connection().answer();
  pass_ms(50);
  EXPECT_EQ(ended(Outcome::timeout), 1u);
  EXPECT_EQ(connection().load(), 1u);
}

TEST_F(EndpointGivenUpTest, ACallHasNoPlaceWhenAYoungerOneHasBeenAnswered) {
  call("stuck", 100);
  call("younger", 60'000);
  pass_ms(50);
  connection().answer("\x01", 1);
  pass_ms(50);
  EXPECT_EQ(ended(Outcome::timeout), 1u);
  EXPECT_EQ(connection().load(), 0u);
  EXPECT_EQ(metrics_->endpoints().front()->in_flight.value(), 0);
}

// A server that is behind comes to all of them: no more are sent than it may have.
TEST_F(EndpointGivenUpTest, AServerThatIsBehindHasNoMoreCallsThanInFlight) {
  uint64_t answers = 0;
  for (int i = 0; i < 200; ++i) {  // 20 calls a second, of which it does 2
    call("f");
    pass_ms(50);
    if (i % 10 == 9) {
      connection().answer();
      ++answers;
    }
    ASSERT_LE(connection().sent.size(), 4u) << i;
  }
  EXPECT_GT(answers, 10u);
  pass_ms(2 * kTimeoutMs + 2 * EndpointSet::kSweepMs);
  EXPECT_EQ(connection().load(), 0u) << "it has gone quiet: they are lost";
}

// libzmq, or the peer, still has them.
TEST_F(EndpointGivenUpTest, TheBytesOfACallCountUntilItsPlaceIsFree) {
  const std::string argument = "\xda\x27\x10" + std::string(10'000, 'x');
  const auto send = [&] { forward({.function = "f", .argument = argument}, 100); };
  send();
  pass_ms(100);
  EXPECT_EQ(ended(Outcome::timeout), 1u);
  EXPECT_EQ(requests_.held, 1 + argument.size());
  connection().answer();
  EXPECT_EQ(requests_.held, 0u);
  send();
  pass_ms(100 + kTimeoutMs + EndpointSet::kSweepMs);
  EXPECT_EQ(requests_.held, 0u) << "it is not waited for any more";
  send();
  pass_ms(100);
  EXPECT_EQ(requests_.held, 1 + argument.size());
  network_.kill(name(1));
  pass_ms(1);
  EXPECT_EQ(requests_.held, 0u);
}

// libzmq keeps what its peer does not read, and the calls that would be sent behind it.
TEST_F(EndpointGivenUpTest, AConnectionWhosePeerReadsNothingEnds) {
  connection().reads = false;
  call("stuck", 100);
  pass_ms(100 + kTimeoutMs - 1);
  const size_t waits = call("waits", 60'000);
  EXPECT_EQ(connection().load(), 2u);
  pass_ms(1 + EndpointSet::kSweepMs);
  EXPECT_THAT(answer(waits), ::testing::HasSubstr("it does not read what it is sent"));
  EXPECT_EQ(requests_.held, 0u);
  network_.serve(name(1));
  pass_ms(Endpoint::kBackoffMaxMs);
  network_.serve(name(1));
  call("next");
  EXPECT_EQ(connection().sent.size(), 1u);
}

TEST_F(EndpointGivenUpTest, AConnectionWhosePeerHasAnsweredSinceGoesOn) {
  call("stuck", 100);
  pass_ms(100);
  call("younger", 60'000);
  call("waits", 60'000);
  pass_ms(kTimeoutMs / 2);
  connection().reads = false;  // at this moment
  connection().answer("\x01", 1);
  pass_ms(kTimeoutMs);
  EXPECT_EQ(connection().live(), 1u);
}

// It was the last one that answered, and so the first that is asked whether it is idle.
TEST_F(EndpointGivenUpTest, AConnectionThatDrainsGetsNoMoreCalls) {
  options_.in_flight = 3;
  serve(1);
  FakeConnection& drains = connection();
  call("older", 60'000);
  call("stuck", 100);
  call("younger", 60'000);
  pass_ms(99);
  drains.answer();
  pass_ms(1);
  ASSERT_EQ(ended(Outcome::timeout), 1u);
  ASSERT_EQ(drains.live(), 1u) << "it does not drain";
  const size_t waits = call("next", 60'000);
  ASSERT_EQ(drains.sent.size(), 2u);
  drains.answer("\x01", 1);
  network_.serve(name(1));
  ASSERT_EQ(connection().sent.size(), 1u);
  connection().answer("\x02");
  EXPECT_EQ(answer(waits), "\x02");
}

}  // namespace
}  // namespace zerogate::testing
