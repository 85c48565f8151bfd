// `in_flight: auto`: which calls stand behind others, and what becomes of them.
#include <gmock/gmock.h>

#include "tests/unit/core/bridge/backend_fixture.h"

namespace zerogate::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint64_t kPipelineUs = 1'000;

class PipeliningTest : public BackendTest {
 protected:
  PipeliningTest() {
    options_.in_flight = 0;
    options_.connections = 2;
    options_.queue = 1'000;
  }

  /// In a turn of its own.
  size_t call_known(std::string_view function, uint32_t timeout_ms = kTimeoutMs) {
    const size_t call = call_in_this_turn(function, timeout_ms);
    backend_->flush();
    return call;
  }
  size_t call_in_this_turn(std::string_view function, uint32_t timeout_ms = kTimeoutMs) {
    const FunctionLabel label = labels_.learn(function).value();
    return forward({.function = function, .argument = "\xc0", .label = label}, timeout_ms);
  }
  /// Serves one after the other until it is known how long the function takes.
  void teach(std::string_view function, uint64_t us, ByteView reply = "\x01") {
    for (uint32_t i = 0; i < ServiceTime::kMemory; ++i) {
      call_known(function);
      clock_.advance_ns(us * kPipelineUs);
      busy().answer(reply);
    }
  }
  /// Those that are up.
  std::vector<FakeConnection*> connections() {
    std::vector<FakeConnection*> all = network_.to(name(1));
    std::erase_if(all, [](const FakeConnection* connection) { return !connection->up(); });
    return all;
  }
  /// The one connection with calls on it.
  FakeConnection& busy() {
    for (FakeConnection* connection : connections()) {
      if (connection->load() != 0) {
        return *connection;
      }
    }
    throw std::logic_error("no connection is busy");
  }
  std::vector<size_t> loads() {
    std::vector<size_t> all;
    for (const FakeConnection* connection : connections()) {
      all.push_back(connection->load());
    }
    std::ranges::sort(all);
    return all;
  }
  static std::vector<std::string> functions(const FakeConnection& connection) {
    std::vector<std::string> all;
    for (const FakeConnection::Sent& sent : connection.sent) {
      all.push_back(sent.function);
    }
    return all;
  }
};

TEST_F(PipeliningTest, IdleConnectionsComeFirst) {
  serve(1);
  teach("quick", 10);
  call_known("quick");
  call_known("quick");
  EXPECT_THAT(loads(), ElementsAre(1, 1));
  EXPECT_EQ(metrics_->pipelined.value(), 0U);
  call_known("quick");
  call_known("quick");
  EXPECT_THAT(loads(), ElementsAre(2, 2));
  EXPECT_EQ(metrics_->pipelined.value(), 2U);
  EXPECT_EQ(metrics_->totals().endpoints[0].depth, 2U);
}

TEST_F(PipeliningTest, CallsOfOneTurnShareAWriteBehindALittleWork) {
  serve(1);
  teach("quick", 100);
  for (int i = 0; i < 4; ++i) {
    call_in_this_turn("quick");
  }
  EXPECT_THAT(loads(), ElementsAre(1, 3)) << "200 us ahead of the third, 300 of the fourth";
  EXPECT_EQ(metrics_->pipelined.value(), 2U);
  backend_->flush();
  for (FakeConnection* connection : connections()) {
    while (!connection->sent.empty()) {
      connection->answer();
    }
  }
  call_known("quick");
  call_known("quick");
  EXPECT_THAT(loads(), ElementsAre(1, 1)) << "another turn writes anyway";
}

TEST_F(PipeliningTest, AConnectionThatDrainsSharesNoWrite) {
  options_.timeout_ms = 2;
  serve(1);
  teach("quick", 10);
  FakeConnection* const first = connections()[0];
  FakeConnection* const second = connections()[1];
  call_known("quick", 2);
  call_known("quick", 1'000);
  ASSERT_THAT(loads(), ElementsAre(1, 1));
  clock_.advance_ms(2);
  call_in_this_turn("quick", 1'000);  // behind one of them, and not written yet
  timers_.run_due();                  // the call whose time is over has its connection drained
  const size_t before = first->sent.size() + second->sent.size();
  FakeConnection* const draining = first->sent.size() == 2 ? first : second;
  call_in_this_turn("quick", 1'000);
  EXPECT_EQ(draining->sent.size(), 2U);
  EXPECT_GE(before, 3U);
}

TEST_F(PipeliningTest, ASlowOneSharesNoWrite) {
  serve(1);
  teach("quick", 10);
  teach("slow", 300);
  call_in_this_turn("slow");
  call_in_this_turn("quick");
  EXPECT_THAT(loads(), ElementsAre(1, 1));
}

TEST_F(PipeliningTest, TheWorkAheadStaysBelowTheWait) {
  serve(1);
  teach("quick", 300);
  for (int i = 0; i < 20; ++i) {
    call_known("quick");
  }
  EXPECT_THAT(loads(), ElementsAre(4, 4)) << "900 us ahead of the last one";
  EXPECT_EQ(metrics_->queue.value(), 12U);
  options_.pipeline_wait_ms = 2;
  EXPECT_TRUE(backend_->needs_new(options_));
}

TEST_F(PipeliningTest, TheDepthIsLimited) {
  serve(1);
  teach("quick", 1);
  for (int i = 0; i < 100; ++i) {
    call_known("quick");
  }
  EXPECT_THAT(loads(), ElementsAre(16, 16));
}

TEST_F(PipeliningTest, AFunctionThatIsNotKnownGoesAlone) {
  serve(1);
  teach("quick", 10);
  call_known("new");
  call_known("quick");
  call_known("quick");
  call_known("quick");
  EXPECT_THAT(loads(), ElementsAre(1, 3)) << "nothing is put behind it";
  call_known("other new");
  EXPECT_EQ(metrics_->queue.value(), 1U) << "and it behind nothing";
}

TEST_F(PipeliningTest, AFunctionWithoutLabelGoesAlone) {
  serve(1);
  for (int i = 0; i < 100; ++i) {
    call("any");
    clock_.advance_ns(10'000);
    busy().answer();
  }
  for (int i = 0; i < 3; ++i) {
    call("any");
  }
  EXPECT_THAT(loads(), ElementsAre(1, 1));
}

TEST_F(PipeliningTest, NothingIsPutBehindASlowOne) {
  serve(1);
  teach("quick", 10);
  teach("slow", 200'000);
  call_known("slow");
  call_known("quick");
  call_known("slow");
  EXPECT_THAT(loads(), ElementsAre(1, 2)) << "a slow one may well stand behind a quick one";
  const size_t waiting = call_known("quick");
  EXPECT_EQ(metrics_->queue.value(), 1U);
  for (int round = 0; round < 2; ++round) {
    for (FakeConnection* connection : connections()) {
      while (!connection->sent.empty()) {
        connection->answer();
      }
    }
  }
  EXPECT_TRUE(answered(waiting));
}

TEST_F(PipeliningTest, AConnectionThatStaysSilentGetsNothingMore) {
  serve(1);
  teach("quick", 10);
  call_known("quick");
  call_known("quick");
  pass_ms(6);
  call_known("quick");
  EXPECT_THAT(loads(), ElementsAre(1, 1));
  connections()[0]->answer();
  EXPECT_THAT(loads(), ElementsAre(1, 1)) << "the one that waited";
}

TEST_F(PipeliningTest, ATimeOutCountsAsItsWholeWait) {
  serve(1);
  teach("quick", 10);
  call_known("quick", 100);
  pass_ms(100);
  network_.serve(name(1));
  for (int i = 0; i < 3; ++i) {
    call_known("quick");
  }
  EXPECT_THAT(loads(), ElementsAre(1, 1)) << "it is no quick function any more";
}

// Behind it stands what the server will come to.
TEST_F(PipeliningTest, AGivenUpCallWithOthersBehindItKeepsItsConnection) {
  options_.connections = 1;
  serve(1);
  teach("quick", 10);
  call_known("quick", 100);
  const size_t behind = call_known("quick", 10'000);
  FakeConnection& connection = busy();
  pass_ms(100);
  ASSERT_EQ(functions(connection).size(), 2U);
  const size_t later = call_known("quick", 10'000);
  EXPECT_EQ(connection.sent.size(), 2U) << "nothing more is put there";
  connection.answer("\x02");
  connection.answer("\x03");
  EXPECT_EQ(answer(behind), "\x03");
  network_.serve(name(1));
  busy().answer("\x04");
  EXPECT_EQ(answer(later), "\x04");
}

class ClosedUnderCallsTest : public PipeliningTest {
 protected:
  /// On two connections.
  std::vector<size_t> call_three_on_each() {
    std::vector<size_t> calls;
    for (int i = 0; i < 6; ++i) {
      calls.push_back(call_known("quick"));
    }
    return calls;
  }
  /// How many failed as their connection was closed, once the other one has answered all of its.
  int failed_under(const std::vector<size_t>& calls) {
    FakeConnection& other = *connections()[0];
    while (!other.sent.empty()) {
      other.answer("\x03");
    }
    int failed = 0;
    for (const size_t call : calls) {
      failed += answer(call).find("failed under the call") != std::string::npos ? 1 : 0;
    }
    return failed;
  }
};

// The server works on one call after the other and closes after a reply: it has begun with the
// oldest at most.
TEST_F(ClosedUnderCallsTest, WhatAServerHasNotBegunWithIsSentAgain) {
  serve(1);
  teach("quick", 10);
  const auto calls = call_three_on_each();
  FakeConnection& closing = *connections()[0];
  ASSERT_EQ(closing.sent.size(), 3U);
  closing.answer("\x02");
  closing.close_in_order();
  EXPECT_EQ(metrics_->resent.value(), 1U);
  EXPECT_EQ(metrics_->retries.value(), 0U);
  EXPECT_EQ(metrics_->queue.value(), 1U) << "it waits for an idle connection";
  EXPECT_EQ(failed_under(calls), 1) << "the one in doubt";
}

// Its reply to another id may have been the oldest one's: it has begun with others, then.
TEST_F(ClosedUnderCallsTest, NothingIsSentAgainAfterAReplyToNobody) {
  serve(1);
  teach("quick", 10);
  const auto calls = call_three_on_each();
  FakeConnection& closing = *connections()[0];
  ASSERT_EQ(closing.sent.size(), 3U);
  closing.answer_nobody();
  closing.close_in_order();
  EXPECT_EQ(metrics_->resent.value(), 0U);
  EXPECT_EQ(failed_under(calls), 3) << "all that were on it";
}

TEST_F(PipeliningTest, WhatWasSentAgainIsForgottenWithItsCall) {
  serve(1);
  for (uint64_t round = 1; round <= 5; ++round) {
    pass_ms(Endpoint::kBackoffMaxMs);
    network_.serve(name(1));
    ASSERT_EQ(connections().size(), 2U) << "those that closed have come back";
    teach("quick", 10);
    for (int i = 0; i < 6; ++i) {
      call_known("quick");
    }
    FakeConnection& closing = *connections()[0];
    closing.answer();
    closing.close_in_order();
    EXPECT_EQ(metrics_->resent.value(), round);
    while (!connections()[0]->sent.empty()) {
      connections()[0]->answer();
    }
  }
}

TEST_F(PipeliningTest, ACallThatIsSentAgainStandsBehindNone) {
  options_.connections = 3;
  serve(1);
  teach("quick", 10);
  for (int i = 0; i < 6; ++i) {
    call_known("quick");
  }
  std::vector<FakeConnection*> all = connections();
  all[1]->answer();
  all[1]->answer();
  all[0]->close_in_order();
  EXPECT_EQ(all[1]->sent.size(), 1U) << "an idle one takes it at once";
  all[1]->close_in_order();
  EXPECT_EQ(metrics_->resent.value(), 1U) << "now it was the oldest";
}

TEST_F(PipeliningTest, NothingIsSentAgainWhenTheEndIsNotInOrder) {
  serve(1);
  teach("quick", 10);
  for (int i = 0; i < 4; ++i) {
    call_known("quick");
  }
  network_.kill(name(1), "connection reset by peer");
  EXPECT_EQ(metrics_->resent.value(), 0U);
  EXPECT_TRUE(backend_->idle()) << "all have failed";
}

// What the server has answered may not have left its process.
TEST_F(PipeliningTest, NothingIsSentAgainWhereRepliesAreLarge) {
  options_.connections = 1;
  serve(1);
  std::string large = "\xda\x1f\x40";
  large.append(8'000, 'x');  // two of them fit what is safe
  for (const int calls : {3, 2}) {
    teach("quick", 10, large);
    for (int i = 0; i < calls; ++i) {
      call_known("quick");
    }
    busy().close_in_order();
    EXPECT_EQ(metrics_->resent.value(), calls == 2 ? 1U : 0U);
    pass_ms(1'000);
    network_.serve(name(1));
  }
}

TEST_F(PipeliningTest, TheFunctionUnderWhichAServerClosesIsUnknownAgain) {
  serve(1);
  teach("quick", 10);
  teach("bad", 10);
  call_known("bad");
  busy().close_in_order();
  call_known("bad");
  call_known("quick");
  call_known("bad");
  EXPECT_EQ(metrics_->queue.value(), 2U) << "they wait for the one connection that is left";
}

// A gateway says what it is; another server shows it.
TEST_F(PipeliningTest, APeerThatWorksOnSeveralCallsAtATimeGetsManyOfAnyFunction) {
  for (const bool says_so : {true, false}) {
    make(1);
    if (says_so) {
      for (size_t i = 0; i < options_.connections; ++i) {
        network_.to(name(1))[i]->answer_connect_as_gateway();
      }
    } else {
      network_.serve(name(1));
      teach("quick", 10);
      for (int i = 0; i < 4; ++i) {
        call_known("quick");
      }
      connections()[0]->answer("\x01", 1);
    }
    for (int i = 0; i < 100; ++i) {
      call("new");
    }
    EXPECT_EQ(metrics_->queue.value(), 0U);
    EXPECT_GE(loads()[0], 49U);
    const uint64_t resent = metrics_->resent.value();
    connections()[0]->close_in_order();
    EXPECT_EQ(metrics_->resent.value(), resent);
    backend_.reset();
  }
}

// Behind a call that a gateway does not answer others are answered: it costs its place only, until
// it has ended there or a time-out more has passed.
TEST_F(PipeliningTest, ACallThatIsGivenUpDoesNotCostAGatewayItsConnection) {
  make(1);
  for (size_t i = 0; i < options_.connections; ++i) {
    network_.to(name(1))[i]->answer_connect_as_gateway();
  }
  const auto both = connections();
  call("stuck", 100);
  call("stuck", 100);
  call("quick");
  clock_.advance_ns(1);
  for (FakeConnection* connection : both) {
    connection->answer("\x01", connection->sent.size() - 1);
  }
  call("waits", 60'000);
  pass_ms(100);
  EXPECT_EQ(connections(), both);
  EXPECT_EQ(loads()[0] + loads()[1], 2U) << "a place is taken, and a call waits";
  pass_ms(kTimeoutMs + EndpointSet::kSweepMs);
  EXPECT_EQ(loads()[0] + loads()[1], 1U);
  EXPECT_EQ(connections(), both);
}

// Of 24 connections a gateway has no use, and a handshake costs much.
TEST_F(PipeliningTest, AGatewayThatIsReachedOverTlsGetsTwoConnections) {
  options_.connections = 0;
  make(1);
  network_.to(name(1))[0]->answer_connect_as_gateway_over_tls();
  ASSERT_EQ(network_.to(name(1)).size(), 2U);
  EXPECT_FALSE(backend_->settled());
  network_.to(name(1))[1]->answer_connect_as_gateway_over_tls();
  EXPECT_TRUE(backend_->settled());
  for (int i = 0; i < 1'000; ++i) {
    call("new");
  }
  EXPECT_THAT(loads(), ElementsAre(500, 500));
  // Another server has its address from now on.
  network_.kill(name(1));
  pass_ms(2 * Endpoint::kBackoffMinMs);
  network_.serve(name(1));
  EXPECT_EQ(connections().size(), 24U);
}

TEST_F(PipeliningTest, AGatewayGetsTheConnectionsThatWereAskedFor) {
  options_.connections = 3;
  make(1);
  for (size_t i = 0; i < options_.connections; ++i) {
    network_.to(name(1))[i]->answer_connect_as_gateway_over_tls();
  }
  EXPECT_EQ(connections().size(), 3U);
}

TEST_F(PipeliningTest, ANumberIsWhatItWas) {
  options_.in_flight = 3;
  serve(1);
  for (int i = 0; i < 10; ++i) {
    call("new");
  }
  EXPECT_THAT(loads(), ElementsAre(3, 3));
  EXPECT_EQ(metrics_->pipelined.value(), 0U);
  connections()[0]->close_in_order();
  EXPECT_EQ(metrics_->resent.value(), 0U);
}

TEST_F(PipeliningTest, AnIdleConnectionOfAnyEndpointComesBeforePipelining) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    context_.seed = seed;
    serve(3);
    for (uint32_t i = 0; i < ServiceTime::kMemory; ++i) {
      call_known("quick");
      clock_.advance_ns(10'000);
      for (size_t endpoint = 1; endpoint <= 3; ++endpoint) {
        for (FakeConnection* connection : network_.to(name(endpoint))) {
          if (!connection->sent.empty()) {
            connection->answer();
          }
        }
      }
    }
    const uint64_t before = metrics_->pipelined.value();
    for (int i = 0; i < 6; ++i) {
      call_known("quick");
    }
    EXPECT_EQ(metrics_->pipelined.value(), before);
    call_known("quick");
    EXPECT_EQ(metrics_->pipelined.value(), before + 1);
    backend_.reset();
  }
}

}  // namespace
}  // namespace zerogate::testing
