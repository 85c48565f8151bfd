// What becomes of calls whose connection broke, and of connections that answer no `connect`.
#include <gmock/gmock.h>

#include "core/wire/hops.h"
#include "core/wire/zerror.h"
#include "tests/unit/core/bridge/backend_fixture.h"

namespace zerogate::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class BackendFailuresTest : public BackendTest {
 protected:
  FakeConnection& connection(size_t index = 0) { return *network_.to(name(1)).at(index); }
  static std::vector<std::string> functions(const FakeConnection& connection) {
    std::vector<std::string> all;
    for (const FakeConnection::Sent& sent : connection.sent) {
      all.push_back(sent.function);
    }
    return all;
  }
  /// What callers hear of a server that answers `connect` so.
  std::string told_of(ByteView connect_answer) {
    make(1);
    connection().answer_connect(connect_answer);
    return answer(call());
  }
};

TEST_F(BackendFailuresTest, AServerHasItsTimeToAnswerConnect) {
  options_.connect_timeout_ms = 300;
  make(1);
  EXPECT_THAT(answer(call()), AllOf(HasSubstr("not connected yet"), Not(HasSubstr("by hand"))));
  pass_ms(299);
  EXPECT_FALSE(backend_->settled());
  pass_ms(1);
  EXPECT_TRUE(backend_->settled());
  EXPECT_THAT(answer(call()), HasSubstr("no answer to `connect` in time (10.0.0.1:1)"));
}

TEST_F(BackendFailuresTest, OneThatHasAnsweredConnectHasAllTheTime) {
  options_.connect_timeout_ms = 300;
  serve(1);
  pass_ms(1'000);
  call();
  EXPECT_EQ(connection().sent.size(), 1u);
}

TEST_F(BackendFailuresTest, OnlyZerosAnswerToConnectCounts) {
  const std::string another = "it answers `connect` with something else than Zero's servers do";
  EXPECT_THAT(told_of("\x01"), HasSubstr(another));
  EXPECT_THAT(told_of("\xa9"
                      "connectex"),
              HasSubstr(another));
  EXPECT_THAT(told_of("\xa9"
                      "connected\x01\x02"),
              HasSubstr(another));
  std::string error;
  wire::write_error(error, wire::ErrorKey::function_not_found, "connect");
  EXPECT_THAT(told_of(error), HasSubstr("it answers `connect` with an error"));
}

TEST_F(BackendFailuresTest, AGatewayThatIsItsOwnBackendIsToldAsThat) {
  std::string error;
  wire::write_error(error, wire::ErrorKey::server_exception, ConnectService::kSelf);
  EXPECT_THAT(told_of(error), HasSubstr("unavailable: this is the gateway itself (10.0.0.1:1)"));
}

// A peer is not given up before TCP has had the time to send again.
TEST_F(BackendFailuresTest, APeerMayBeSilentForTheTimeOfACallAndForASecondAtLeast) {
  make(1);
  EXPECT_EQ(network_.asked.backend, "b");
  EXPECT_EQ(network_.asked.peer_timeout_ms, kTimeoutMs);
  options_.timeout_ms = 999;
  make(1);
  EXPECT_EQ(network_.asked.peer_timeout_ms, 1'000u);
  options_.timeout_ms = 30'000;
  make(1);
  EXPECT_EQ(network_.asked.peer_timeout_ms, 30'000u);
}

// The slot of one that was answered is the newest one's.
TEST_F(BackendFailuresTest, CallsThatAreSentASecondTimeKeepTheirOrder) {
  options_.connections = 2;
  options_.in_flight = 4;
  serve(1);
  for (const char* function : {"1", "2", "3", "4"}) {
    call(function);
  }
  FakeConnection& breaking = connection(0);
  FakeConnection& other = connection(1);
  other.answer();
  breaking.answer();
  call("5");
  call("6");
  ASSERT_EQ(breaking.sent.size(), 2u);
  std::vector<std::string> all = functions(other);
  for (const std::string& function : functions(breaking)) {
    all.push_back(function);
  }
  breaking.written = false;
  breaking.fail("reset");
  EXPECT_EQ(functions(other), all);
}

// A slot that was given up is free again when a time-out more has passed, and not before.
TEST_F(BackendFailuresTest, AServerHasATimeOutMoreForWhatWasGivenUp) {
  serve(1, "zmq");
  call("stuck", 100);
  pass_ms(100);
  call("waits", 60'000);
  pass_ms(kTimeoutMs - 1);
  EXPECT_THAT(functions(connection()), ElementsAre("stuck"));
  pass_ms(EndpointSet::kSweepMs + 1);
  EXPECT_THAT(functions(connection()), ElementsAre("stuck", "waits"));
}

TEST_F(BackendFailuresTest, AShorterTimeOutHoldsForWhatWasGivenUpToo) {
  options_.timeout_ms = 60'000;
  serve(1, "zmq");
  call("stuck", 100);
  pass_ms(100);
  call("waits", 60'000);
  options_.timeout_ms = 200;
  backend_->set_options(options_);
  pass_ms(EndpointSet::kSweepMs);
  EXPECT_THAT(functions(connection()), ElementsAre("stuck", "waits"));
}

TEST_F(BackendFailuresTest, ALowerLimitOfFailuresHoldsAtOnce) {
  serve(2);
  const auto fail_once = [this] {
    call();
    call();
    network_.kill(name(1));
    for (FakeConnection* one : network_.to(name(2))) {
      one->answer();
    }
  };
  fail_once();
  EXPECT_EQ(metrics_->endpoints()[0]->status.get().state, EndpointState::down);
  pass_ms(2 * Endpoint::kBackoffMinMs);
  network_.serve(name(1));
  options_.eject_after = 1;
  backend_->set_options(options_);
  fail_once();
  EXPECT_EQ(metrics_->endpoints()[0]->status.get().state, EndpointState::ejected);
}

TEST_F(BackendFailuresTest, CallsThatGoRoundAreToldOnceAMinute) {
  std::vector<std::string> lines;
  serve(1);
  log::configure(log::Level::warn, log::Format::logfmt,
                 [&lines](std::string_view line) { lines.emplace_back(line); });
  const auto go_round = [this] {
    forward({.function = "loop", .argument = "\xc0", .hops = wire::kMaxHops});
  };
  clock_.advance_ms(60'000);
  go_round();
  go_round();
  clock_.advance_ms(59'999);
  go_round();
  EXPECT_EQ(lines.size(), 1u);
  clock_.advance_ms(1);
  go_round();
  log::configure(log::Level::off, log::Format::logfmt);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[1], HasSubstr("event=\"calls go round between gateways: a route leads back to "
                                  "where they came from\" backend=b function=loop gateways=8"));
}

// ---- Calls that not every server can be sent

TEST_F(BackendFailuresTest, AnArgumentThatIsNoMessagePackIsRefusedOverTcp) {
  serve(1);
  EXPECT_THAT(answer(forward({.function = "odd", .argument = "\xc1", .any_bytes = true})),
              HasSubstr("backend 'b' speaks raw TCP: an argument has to be one MessagePack value"));
  EXPECT_EQ(ended(Outcome::invalid), 1u);
  EXPECT_TRUE(connection().sent.empty());
}

TEST_F(BackendFailuresTest, ANameThatDoesNotFitIsRefusedOverZmq) {
  serve(1, "zmq");
  const std::string fits(80, 'x');
  call(fits);
  EXPECT_EQ(connection().sent.at(0).function, fits);
  connection().answer();
  EXPECT_THAT(answer(call(fits + "x")),
              HasSubstr("speaks ZeroMQ: a function's name has 1 to 80 ASCII characters"));
  EXPECT_EQ(ended(Outcome::invalid), 1u);
}

TEST_F(BackendFailuresTest, WhatNoneOfTwoKindsOfServersCanBeSentIsRefused) {
  options_.urls = {ServerUrl::parse("tcp://" + name(1)).value(),
                   ServerUrl::parse("zmq://" + name(2)).value()};
  backend_ = std::make_unique<Backend>(context_, options_, metrics_);
  network_.serve(name(1));
  network_.serve(name(2));
  const std::string long_name(81, 'x');
  forward({.function = long_name, .argument = "\xc1", .any_bytes = true});
  EXPECT_EQ(ended(Outcome::invalid), 1u);
  EXPECT_EQ(network_.requests(name(1)) + network_.requests(name(2)), 0u);
}

}  // namespace
}  // namespace zerogate::testing
