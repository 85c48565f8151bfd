#include "core/bridge/backend.h"

#include <gmock/gmock.h>

#include "core/wire/hops.h"
#include "core/wire/zerror.h"
#include "tests/unit/core/bridge/backend_fixture.h"

namespace zerogate::testing {
namespace {

using ::testing::HasSubstr;

TEST_F(BackendTest, AnswersWithTheServersBytes) {
  serve(1);
  const size_t one = call();
  network_.to(name(1))[0]->answer("\xa2ok");
  EXPECT_EQ(answer(one), "\xa2ok");
  EXPECT_TRUE(backend_->idle());
}

TEST_F(BackendTest, ARequestIsForwardedWhole) {
  serve(1);
  forward({.function = "save", .argument = "\x93\x01\x02\x03", .hops = 2});
  const FakeConnection::Sent& sent = network_.to(name(1))[0]->sent.at(0);
  EXPECT_EQ(sent.function, "save");
  EXPECT_EQ(sent.argument, "\x93\x01\x02\x03");
  EXPECT_EQ(sent.hops, 3);
  EXPECT_EQ(requests_.held, 8u);
}

TEST_F(BackendTest, AnAnswerIsCountedByItsKindAtItsEndpointAndForItsCaller) {
  const auto error = [](wire::ErrorKey key) {
    std::string body;
    wire::write_error(body, key, "no");
    return body;
  };
  const std::pair<Outcome, std::string> kinds[] = {
      {Outcome::ok, "\xa2ok"},
      {Outcome::error, error(wire::ErrorKey::server_exception)},
      {Outcome::not_found, error(wire::ErrorKey::function_not_found)},
      {Outcome::invalid, error(wire::ErrorKey::validation_error)}};
  serve(1);
  for (const auto& [outcome, body] : kinds) {
    const size_t one = call();
    clock_.advance_ms(3);
    network_.to(name(1))[0]->answer(body);
    EXPECT_EQ(answer(one), body);
    EXPECT_EQ(ended_at(1, outcome), 1u) << name_of(outcome);
    EXPECT_EQ(ended(outcome), 1u) << name_of(outcome);
  }
  EXPECT_EQ(metrics_->totals().duration.sum_ns, 4 * 3'000'000u);
}

TEST_F(BackendTest, ACallThatWasNotAnsweredIsCountedAtItsEndpointToo) {
  serve(1);
  call("late", 100);
  pass_ms(100);
  network_.serve(name(1));
  call("lost");
  network_.kill(name(1));
  call("never sent");
  EXPECT_EQ(ended_at(1, Outcome::timeout), 1u);
  EXPECT_EQ(ended(Outcome::timeout), 1u);
  EXPECT_EQ(ended_at(1, Outcome::unavailable), 1u);
  EXPECT_EQ(ended(Outcome::unavailable), 2u);
  EXPECT_EQ(metrics_->totals().duration.sum_ns, 0u);
}

// Its name gets a label with the first good answer: until then it may be anything that a client
// makes up.
TEST_F(BackendTest, AnUnknownFunctionIsLearntFromItsFirstGoodAnswer) {
  std::vector<std::string> learnt;
  context_.learn = [&](ByteView function) {
    learnt.emplace_back(function);
    return labels_.learn(function);
  };
  serve(1);
  const auto answer_to = [this](ByteView function, bool unknown, const std::string& body) {
    forward({.function = function, .argument = "\xc0", .unknown = unknown});
    network_.to(name(1))[0]->answer(body);
  };
  std::string error;
  wire::write_error(error, wire::ErrorKey::function_not_found, "no");
  answer_to("made_up", true, error);
  answer_to("known", false, "\x01");
  EXPECT_TRUE(learnt.empty());
  answer_to("new", true, "\x01");
  EXPECT_EQ(learnt, std::vector<std::string>{"new"});
  EXPECT_EQ(worker_metrics_.ended(labels_.find("new"), Wire::t3, Outcome::ok), 1u);
  EXPECT_EQ(ended(Outcome::ok), 1u) << "the one that was known";
}

TEST_F(BackendTest, AnUnknownFunctionThatThereIsNoLabelForStaysAmongTheOthers) {
  serve(1);
  forward({.function = "new", .argument = "\xc0", .unknown = true});
  network_.to(name(1))[0]->answer("\x02");
  EXPECT_EQ(answer(0), "\x02");
  EXPECT_EQ(ended(Outcome::ok), 1u);
}

TEST_F(BackendTest, TheArgumentOfGetRpcContractIsBroughtUpToDate) {
  serve(1);
  const auto sent = [this](ByteView function, ByteView argument) {
    forward({.function = function, .argument = argument});
    const std::string forwarded = network_.to(name(1))[0]->sent.at(0).argument;
    network_.to(name(1))[0]->answer();
    return forwarded;
  };
  EXPECT_EQ(sent("get_rpc_contract", "\x92\xa1h\x01"), "\x94\xa1h\x01\xa3zmq\xc2");
  EXPECT_EQ(sent("get_rpc_contract", "\xc0"), "\xc0") << "none of an old client";
  EXPECT_EQ(sent("other", "\x92\xa1h\x01"), "\x92\xa1h\x01");
}

TEST_F(BackendTest, FailsAtOnceWhileNoEndpointIsThere) {
  make(1);
  network_.kill(name(1), "connection refused");
  EXPECT_THAT(answer(call()), HasSubstr("'b' unavailable: connection refused (10.0.0.1:1)"));
}

TEST_F(BackendTest, CallsWaitInOrderAndNoneOvertakes) {
  serve(1);
  call("first");
  call("second");
  call("third");
  FakeConnection& connection = *network_.to(name(1))[0];
  for (const char* expected : {"first", "second", "third"}) {
    ASSERT_EQ(connection.sent.size(), 1u);
    EXPECT_EQ(connection.sent[0].function, expected);
    connection.answer();
  }
}

TEST_F(BackendTest, AFullQueueRefuses) {
  options_.queue = 2;
  serve(1);
  call();
  const size_t second = call(), third = call(), refused = call();
  EXPECT_FALSE(answered(second) || answered(third));
  EXPECT_THAT(answer(refused), HasSubstr("overloaded"));
}

TEST_F(BackendTest, DeadlinesPassInOrderWhateverTheTimeOuts) {
  options_.connections = 3;
  serve(1);
  const size_t slow = call("f", 300), quick = call("f", 100), middle = call("f", 200);
  pass_ms(100);
  EXPECT_TRUE(answered(quick));
  EXPECT_FALSE(answered(middle) || answered(slow));
  pass_ms(100);
  EXPECT_TRUE(answered(middle));
  EXPECT_FALSE(answered(slow));
  pass_ms(100);
  EXPECT_THAT(answer(slow), HasSubstr("did not answer within 300 ms (its route's timeout)"));
}

TEST_F(BackendTest, ATimeOutNamesTheKeyThatSetsIt) {
  serve(1);
  const size_t first = call();
  pass_ms(kTimeoutMs);
  EXPECT_THAT(answer(first), HasSubstr("did not answer within 1000 ms (backends.b.timeout)"));
  options_.timeout_key = "--bridge-timeout";
  EXPECT_FALSE(backend_->needs_new(options_));
  backend_->set_options(options_);
  network_.serve(name(1));
  const size_t second = call();
  pass_ms(kTimeoutMs);
  EXPECT_THAT(answer(second), HasSubstr("within 1000 ms (--bridge-timeout)"));
}

// The process was stopped: the answer lies in the socket, and is read before anything is judged.
TEST_F(BackendTest, AnAnswerThatCameDuringAStallCounts) {
  serve(1);
  const size_t one = call();
  clock_.advance_ms(3'000);
  timers_.run_due();
  EXPECT_FALSE(answered(one));
  network_.to(name(1))[0]->answer("\x05");
  EXPECT_EQ(answer(one), "\x05");
}

TEST_F(BackendTest, ACallThatWasNotWrittenGoesElsewhereAndAWrittenOneDoesNot) {
  serve(2);
  for (const bool written : {false, true}) {
    const size_t one = call();
    const size_t victim = network_.requests(name(1)) == 1 ? 1 : 2, other = 3 - victim;
    network_.to(name(victim))[0]->written = written;
    network_.kill(name(victim));
    EXPECT_EQ(network_.requests(name(other)), written ? 0u : 1u);
    if (written) {
      EXPECT_THAT(answer(one), HasSubstr("failed under the call"));
    } else {
      network_.to(name(other))[0]->answer();
      EXPECT_TRUE(answered(one));
    }
    pass_ms(200);
    network_.serve(name(victim));
    pass_ms(1);
  }
}

// Its own endpoint has another connection that is free.
TEST_F(BackendTest, ASecondAttemptGoesToAnotherEndpoint) {
  options_.connections = 2;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    context_.seed = seed;
    serve(2);
    const size_t one = call();
    const size_t victim = network_.requests(name(1)) == 1 ? 1 : 2, other = 3 - victim;
    FakeConnection* connection = network_.to(name(victim))[0];
    if (connection->sent.empty()) {
      connection = network_.to(name(victim))[1];
    }
    connection->written = false;
    connection->fail("reset");
    EXPECT_EQ(network_.requests(name(other)), 1u);
    backend_.reset();
    EXPECT_TRUE(answered(one));
  }
}

TEST_F(BackendTest, TheLeastLoadedConnectionGetsTheCall) {
  options_.connections = 3;
  options_.in_flight = 4;
  serve(1);
  for (int i = 0; i < 12; ++i) {
    call();
  }
  const auto connections = network_.to(name(1));
  for (const size_t index : {1, 1, 1, 2, 2, 0}) {
    connections[index]->answer();
  }
  for (int i = 0; i < 3; ++i) {  // they have 3, 1 and 2 requests
    call();
  }
  for (const FakeConnection* connection : connections) {
    EXPECT_EQ(connection->load(), 3u);
  }
}

TEST_F(BackendTest, AnIdempotentCallIsSentTwiceAtMost) {
  options_.idempotent = {"get_*"};
  serve(3);
  const size_t one = call("get_order");
  for (int attempt = 0; attempt < 2; ++attempt) {
    for (size_t i = 1; i <= 3; ++i) {
      if (network_.requests(name(i)) == 1) {
        network_.kill(name(i));
        break;
      }
    }
  }
  EXPECT_THAT(answer(one), HasSubstr("failed under the call"));
  EXPECT_EQ(metrics_->retries.value(), 1u);
}

TEST_F(BackendTest, RetriesStayWithinTheirBudget) {
  options_.idempotent = {"*"};
  options_.connections = 200;
  serve(2);
  for (int i = 0; i < 200; ++i) {
    call();
  }
  network_.kill(name(1));
  EXPECT_LE(metrics_->retries.value(), static_cast<uint64_t>(RetryBudget::kBurst));
  EXPECT_GE(metrics_->retries.value(), static_cast<uint64_t>(RetryBudget::kBurst) - 1);
  for (FakeConnection* connection : network_.to(name(2))) {
    while (!connection->sent.empty()) {
      connection->answer();
    }
  }
}

TEST_F(BackendTest, EachCallAddsToTheBudgetOfRetries) {
  options_.idempotent = {"*"};
  options_.connections = 200;
  serve(2);
  const auto lose_half_of = [this](int calls) {
    const uint64_t before = metrics_->retries.value();
    for (int i = 0; i < calls; ++i) {
      call();
    }
    network_.kill(name(1));
    for (FakeConnection* connection : network_.to(name(2))) {
      while (!connection->sent.empty()) {
        connection->answer();
      }
    }
    pass_ms(Endpoint::kBackoffMinMs * 2);
    network_.serve(name(1));
    return metrics_->retries.value() - before;
  };
  EXPECT_NEAR(static_cast<double>(lose_half_of(200)), RetryBudget::kBurst, 1);
  EXPECT_NEAR(static_cast<double>(lose_half_of(100)), 100 * RetryBudget::kShare, 1);
}

TEST_F(BackendTest, TheQueueFailsAtOnceWhenTheLastEndpointGoes) {
  serve(2);
  call();
  call();
  const size_t waiting = call();
  network_.kill(name(1));
  EXPECT_FALSE(answered(waiting)) << "another endpoint serves";
  network_.kill(name(2), "it went away");
  EXPECT_THAT(answer(waiting), HasSubstr("unavailable"));
}

// Every way in which room appears serves the queue: an answer, a late one, a given-up slot that is
// forgotten, a replaced connection, a connection that comes up, an endpoint that is back.
TEST_F(BackendTest, AHangOfAllSlotsHealsWithTheFirstAnswer) {
  options_.in_flight = 4;
  serve(1, "zmq");
  FakeConnection& connection = *network_.to(name(1))[0];
  for (int i = 0; i < 100; ++i) {  // 20 calls a second for five seconds, none answered
    call();
    pass_ms(50);
  }
  ASSERT_GT(connection.sent.size(), 4u) << "slots that were given up are used again, in time";
  const size_t waiting = call();
  connection.answer();  // a late answer: the server is back
  for (int i = 0; i < 30 && !answered(waiting); ++i) {
    while (!connection.sent.empty()) {
      connection.answer();
    }
  }
  EXPECT_EQ(answer(waiting), "\x01");
}

TEST_F(BackendTest, ForgottenSlotsServeTheQueueWithoutAnyAnswer) {
  options_.in_flight = 1;
  serve(1, "zmq");
  FakeConnection& connection = *network_.to(name(1))[0];
  call("stuck", 100);
  pass_ms(100);
  call("waits", 60'000);
  EXPECT_EQ(connection.sent.size(), 1u) << "the server is busy with it";
  pass_ms(kTimeoutMs + EndpointSet::kSweepMs);
  ASSERT_EQ(connection.sent.size(), 2u);
  EXPECT_EQ(connection.sent[1].function, "waits");
}

TEST_F(BackendTest, ATcpConnectionIsReplacedWhenItsCallIsGivenUp) {
  serve(1);
  call("stuck", 100);
  const size_t waiting = call("waits", 60'000);
  pass_ms(100);
  network_.serve(name(1));
  const auto connections = network_.to(name(1));
  ASSERT_EQ(connections.size(), 1u) << "never more than were asked for";
  ASSERT_EQ(connections[0]->sent.size(), 1u);
  connections[0]->answer();
  EXPECT_TRUE(answered(waiting));
}

TEST_F(BackendTest, NothingIsPutBehindACallThatWasGivenUp) {
  options_.connections = 2;
  options_.in_flight = 2;
  serve(1);
  call("stuck", 100);
  call("other", 100);
  const size_t live = call("live", 5'000);  // behind one of them
  pass_ms(100);
  network_.serve(name(1));
  for (FakeConnection* connection : network_.to(name(1))) {
    const bool stuck = !connection->sent.empty();
    EXPECT_EQ(connection->load() != connection->live(), stuck);
  }
  for (int i = 0; i < 2; ++i) {
    call("new", 5'000);
  }
  for (FakeConnection* connection : network_.to(name(1))) {
    if (connection->sent.size() == 2 && connection->sent[0].function != "new") {
      EXPECT_EQ(connection->sent[1].function, "live");
      connection->answer();
      connection->answer();
    }
  }
  EXPECT_TRUE(answered(live));
}

// Of two servers only the one that speaks ZeroMQ can be sent an argument that is no MessagePack.
class MixedBackend : public BackendTest {
 protected:
  MixedBackend() {
    options_.connections = 1;
    options_.in_flight = 1;
    options_.urls = {ServerUrl::parse("tcp://" + name(1)).value(),
                     ServerUrl::parse("zmq://" + name(2)).value()};
    backend_ = std::make_unique<Backend>(context_, options_, metrics_);
    network_.serve(name(1));
  }
  size_t odd_call() { return forward({.function = "odd", .argument = "\xc1", .any_bytes = true}); }
};

TEST_F(MixedBackend, ACallGoesToTheServerThatCanCarryIt) {
  network_.serve(name(2));
  for (int i = 0; i < 20; ++i) {
    const size_t one = odd_call();
    ASSERT_EQ(network_.requests(name(2)), 1u);
    network_.to(name(2))[0]->answer();
    EXPECT_EQ(answer(one), "\x01");
  }
}

TEST_F(MixedBackend, OneServerThatSpeaksZeroMqIsEnoughToTakeAnyBytes) {
  EXPECT_TRUE(backend_->takes_any_bytes());
  make(2, "tcp");
  EXPECT_FALSE(backend_->takes_any_bytes());
}

TEST_F(MixedBackend, ACallThatNoServerOfTodayCanCarryHoldsUpNoOther) {
  network_.kill(name(2), "connection refused");
  EXPECT_THAT(answer(odd_call()), HasSubstr("unavailable: connection refused (10.0.0.2:1)"));
  for (int i = 0; i < 3; ++i) {
    const size_t plain = call();
    ASSERT_EQ(network_.requests(name(1)), 1u);
    network_.to(name(1))[0]->answer();
    EXPECT_EQ(answer(plain), "\x01");
  }
}

TEST_F(MixedBackend, ACallThatWaitsForItsServerFailsWhenThatGoes) {
  network_.serve(name(2));
  odd_call();
  const size_t waiting = odd_call();
  EXPECT_FALSE(answered(waiting));
  network_.kill(name(2), "it went away");
  EXPECT_THAT(answer(waiting), HasSubstr("unavailable"));
}

TEST_F(BackendTest, LiveOptionsAreTakenOverWithoutNewConnections) {
  serve(1);
  BackendOptions changed = options_;
  changed.queue = 1;
  changed.timeout_ms = 50;
  changed.eject_after = 1;
  changed.idempotent = {"*"};
  EXPECT_FALSE(backend_->needs_new(changed));
  const int made = network_.made;
  backend_->set_options(changed);
  EXPECT_EQ(network_.made, made);
  call();
  call();
  EXPECT_THAT(answer(call()), HasSubstr("overloaded"));
  changed.connections = 2;
  EXPECT_TRUE(backend_->needs_new(changed));
}

TEST_F(BackendTest, IsSettledWhenTheFirstAttemptsOfAllConnectionsHaveEnded) {
  options_.connections = 3;
  make(1);
  EXPECT_FALSE(backend_->settled());
  network_.to(name(1))[0]->answer_connect();
  ASSERT_EQ(network_.to(name(1)).size(), 3u);
  EXPECT_FALSE(backend_->settled()) << "two more are on their way";
  network_.to(name(1))[1]->answer_connect();
  EXPECT_FALSE(backend_->settled());
  network_.to(name(1))[2]->fail("reset");
  EXPECT_TRUE(backend_->settled());
}

// One connection is refused again and again while another still waits for its first answer.
TEST_F(BackendTest, IsSettledAlthoughSomeConnectionsNeverComeUp) {
  options_.connections = 3;
  make(1);
  network_.to(name(1))[0]->answer_connect();
  for (int i = 0; i < 20 && !backend_->settled(); ++i) {
    network_.to(name(1)).back()->fail("connection refused");
    pass_ms(200);
  }
  EXPECT_TRUE(backend_->settled());
}

TEST_F(BackendTest, IsSettledWhenNobodyIsThere) {
  make(1);
  network_.kill(name(1));
  EXPECT_TRUE(backend_->settled());
}

// Gateways whose routes lead to each other.
TEST_F(BackendTest, ACallThatHasComeThroughManyGatewaysIsRefused) {
  serve(1);
  const size_t last = forward({.function = "f", .argument = "\xc0", .hops = wire::kMaxHops - 1});
  EXPECT_EQ(network_.requests(name(1)), 1u);
  network_.to(name(1))[0]->answer();
  EXPECT_EQ(answer(last), "\x01");
  const size_t round = forward({.function = "f", .argument = "\xc0", .hops = wire::kMaxHops});
  EXPECT_EQ(network_.requests(name(1)), 0u);
  EXPECT_THAT(answer(round), HasSubstr("the call has come through 8 gateways"));
}

}  // namespace
}  // namespace zerogate::testing
