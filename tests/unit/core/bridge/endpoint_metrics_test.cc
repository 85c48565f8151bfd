// What an endpoint shows of its connections, and the room that they make, when calls and
// connections end in each of their ways.
#include <gmock/gmock.h>

#include <string>

#include "tests/unit/core/bridge/backend_fixture.h"

namespace zerogate::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class EndpointMetricsTest : public BackendTest {
 protected:
  EndpointTotals shown() const { return metrics_->totals().endpoints.at(0); }
  FakeConnection& connection(size_t index = 0) { return *network_.to(name(1)).at(index); }

  /// With `in_flight: auto`, of a function that takes 10 us, in a turn of its own.
  size_t quick_call(uint32_t timeout_ms = 60'000) {
    const FunctionLabel label = labels_.learn("quick").value();
    const size_t call =
        forward({.function = "quick", .argument = "\xc0", .label = label}, timeout_ms);
    backend_->flush();
    return call;
  }
  void answer_all(FakeConnection& connection) {
    while (!connection.sent.empty()) {
      connection.answer();
    }
  }
  void serve_adaptive(uint32_t connections) {
    options_.in_flight = 0;
    options_.connections = connections;
    options_.queue = 10'000;
    serve(1);
    for (uint32_t i = 0; i < ServiceTime::kMemory; ++i) {
      quick_call();
      clock_.advance_ns(10'000);
      for (FakeConnection* one : network_.to(name(1))) {
        answer_all(*one);
      }
    }
  }
  void make_gateway(uint32_t connections) {
    options_.in_flight = 0;
    options_.connections = connections;
    options_.queue = 10'000;
    make(1);
    for (size_t i = 0; i < connections; ++i) {
      connection(i).answer_connect_as_gateway();
    }
  }
};

TEST_F(EndpointMetricsTest, ARequestIsInFlightUntilItIsAnsweredOrLost) {
  options_.in_flight = 3;
  serve(1);
  EXPECT_EQ(shown().in_flight, 0u);
  for (int i = 0; i < 3; ++i) {
    call();
    EXPECT_EQ(shown().in_flight, i + 1u);
  }
  call();
  EXPECT_EQ(shown().in_flight, 3u) << "it waits";
  connection().answer();
  EXPECT_EQ(shown().in_flight, 3u) << "the one that had waited";
  connection().answer();
  EXPECT_EQ(shown().in_flight, 2u);
  EXPECT_EQ(shown().connections, 1u);
  network_.kill(name(1));
  EXPECT_EQ(shown().in_flight, 0u);
  EXPECT_EQ(shown().connections, 0u);
}

TEST_F(EndpointMetricsTest, OneThatWasGivenUpIsInFlightUntilItsServerIsDoneWithIt) {
  options_.in_flight = 3;
  serve(1, "zmq");
  call("stuck", 100);
  pass_ms(100);
  EXPECT_EQ(ended(Outcome::timeout), 1u);
  EXPECT_EQ(shown().in_flight, 1u);
  connection().answer();
  EXPECT_EQ(shown().in_flight, 0u);
  call("stuck", 100);
  pass_ms(100 + kTimeoutMs + EndpointSet::kSweepMs);
  EXPECT_EQ(shown().in_flight, 0u) << "it is not waited for any more";
}

TEST_F(EndpointMetricsTest, TheDepthIsThatOfTheConnectionsThatAreThere) {
  serve_adaptive(2);
  for (int i = 0; i < 8; ++i) {
    quick_call();
  }
  EXPECT_EQ(shown().depth, 4u);
  connection(0).answer();
  connection(0).answer();
  EXPECT_EQ(shown().depth, 4u);
  connection(1).fail("reset");
  EXPECT_EQ(shown().depth, 2u);
  answer_all(connection(0));
  EXPECT_EQ(shown().depth, 0u);
}

TEST_F(EndpointMetricsTest, OneThatDrainsIsNotAmongThem) {
  serve_adaptive(1);
  quick_call(100);
  const size_t behind = quick_call();
  EXPECT_EQ(shown().depth, 2u);
  pass_ms(100);
  EXPECT_EQ(shown().depth, 0u);
  EXPECT_EQ(shown().in_flight, 2u);
  answer_all(connection());
  EXPECT_TRUE(answered(behind));
  EXPECT_EQ(shown().in_flight, 0u);
}

// It counts a call among those that a connection may have until the call has ended there.
TEST_F(EndpointMetricsTest, ALateAnswerOfAGatewayMakesRoom) {
  make_gateway(1);
  call("stuck", 100);
  call("quick");
  clock_.advance_ns(1);
  connection().answer("\x01", 1);
  pass_ms(100);
  for (uint32_t i = 1; i <= Endpoint::kOutOfOrderInFlight; ++i) {
    call("f", 60'000);
  }
  EXPECT_EQ(metrics_->queue.value(), 1u);
  EXPECT_EQ(shown().in_flight, Endpoint::kOutOfOrderInFlight);
  connection().answer();
  EXPECT_EQ(metrics_->queue.value(), 0u);
  EXPECT_EQ(shown().in_flight, Endpoint::kOutOfOrderInFlight);
}

TEST_F(EndpointMetricsTest, WhatComesBehindAGatewayIsNotTakenForOne) {
  make_gateway(2);
  network_.kill(name(1));
  pass_ms(2 * Endpoint::kBackoffMinMs);
  network_.serve(name(1));
  for (int i = 0; i < 10; ++i) {
    call("new");
  }
  EXPECT_EQ(metrics_->queue.value(), 8u) << "one on each connection";
}

TEST_F(EndpointMetricsTest, MoreThanABackendCanHaveAreToldAndLeftOut) {
  std::vector<std::string> lines;
  log::configure(log::Level::warn, log::Format::logfmt,
                 [&lines](std::string_view line) { lines.emplace_back(line); });
  make(EndpointSet::kMaxEndpoints);
  EXPECT_THAT(lines, IsEmpty());
  make(EndpointSet::kMaxEndpoints + 1);
  log::configure(log::Level::off, log::Format::logfmt);
  EXPECT_THAT(lines, ElementsAre(HasSubstr("more endpoints than one backend can have, the rest are "
                                           "not used\" backend=b limit=64")));
  EXPECT_TRUE(network_.to(name(EndpointSet::kMaxEndpoints + 1)).empty());
}

}  // namespace
}  // namespace zerogate::testing
