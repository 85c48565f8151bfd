// Calls that wait at a backend: until when, behind whom, and what those are told that may not.
#include <gmock/gmock.h>

#include "tests/unit/core/bridge/backend_fixture.h"

namespace zerogate::testing {
namespace {

using ::testing::HasSubstr;

class BackendWaitingTest : public BackendTest {
 protected:
  FakeConnection& connection(size_t index = 0) { return *network_.to(name(1)).at(index); }
  /// With `in_flight: auto`, of a function with a label, in a turn of its own.
  size_t labelled_call(std::string_view function) {
    const FunctionLabel label = labels_.learn(function).value();
    const size_t call = forward({.function = function, .argument = "\xc0", .label = label});
    backend_->flush();
    return call;
  }
};

TEST_F(BackendWaitingTest, ThoseThatAreRefusedAreToldHowManyWait) {
  options_.queue = 2;
  serve(1);
  call();
  call();
  call();
  EXPECT_THAT(answer(call()), HasSubstr("backend 'b' overloaded: 2 calls are waiting"));
  EXPECT_EQ(ended(Outcome::overloaded), 1u);
  EXPECT_EQ(metrics_->queue_limit.value(), 2u);
  options_.queue = 3;
  backend_->set_options(options_);
  EXPECT_EQ(metrics_->queue_limit.value(), 3u);
  EXPECT_FALSE(answered(call()));
  EXPECT_EQ(metrics_->queue.value(), 3u);
}

TEST_F(BackendWaitingTest, OneWhoseTimeIsOverWaitsNoMore) {
  serve(1);
  call("f", 500);
  const size_t waiting = call("f", 100);
  EXPECT_EQ(metrics_->queue.value(), 1u);
  pass_ms(100);
  EXPECT_THAT(answer(waiting), HasSubstr("did not answer within 100 ms"));
  EXPECT_EQ(metrics_->queue.value(), 0u);
  EXPECT_EQ(ended_at(1, Outcome::timeout), 0u) << "it was never there";
  connection().answer();
  EXPECT_TRUE(connection().sent.empty());
}

TEST_F(BackendWaitingTest, OneWhoseCallerHasGoneIsNotSentAndHoldsUpNoOther) {
  serve(1);
  call("first");
  call("second");
  call("third");
  sink_.callers_gone = true;
  connection().answer();
  EXPECT_TRUE(connection().sent.empty());
  EXPECT_EQ(ended(Outcome::abandoned), 2u);
  EXPECT_EQ(metrics_->queue.value(), 0u);
  EXPECT_TRUE(backend_->idle());
  sink_.callers_gone = false;
  call("fourth");
  EXPECT_EQ(connection().sent.at(0).function, "fourth");
  connection().answer();
}

TEST_F(BackendWaitingTest, RoomForSeveralIsUsedBySeveral) {
  options_.connections = 2;
  options_.in_flight = 4;
  make(1);
  connection().answer_connect();
  for (int i = 0; i < 10; ++i) {
    call();
  }
  EXPECT_EQ(metrics_->queue.value(), 6u);
  connection(1).answer_connect();
  EXPECT_EQ(connection(1).sent.size(), 4u);
  EXPECT_EQ(metrics_->queue.value(), 2u);
}

// A quick one would find a place behind others.
TEST_F(BackendWaitingTest, NoneOvertakesOneThatWaitsForAnIdleConnection) {
  options_.in_flight = 0;
  serve(1);
  for (uint32_t i = 0; i < ServiceTime::kMemory; ++i) {
    labelled_call("quick");
    clock_.advance_ns(10'000);
    connection().answer();
  }
  labelled_call("quick");
  labelled_call("quick");
  ASSERT_EQ(connection().sent.size(), 2u);
  labelled_call("new");
  labelled_call("quick");
  EXPECT_EQ(connection().sent.size(), 2u);
  EXPECT_EQ(metrics_->queue.value(), 2u);
}

// Of the bytes that are under way. One call is always taken, however large it is.
TEST_F(BackendWaitingTest, WhatIsUnderWayHasALimitOfBytes) {
  requests_.limit = 30;
  options_.in_flight = 10;
  serve(1);
  const std::string large = "\xb9" + std::string(25, 'x');
  const auto call_with = [this](std::string_view argument) {
    return forward({.function = "f", .argument = argument});
  };
  EXPECT_FALSE(answered(call_with(large)));
  EXPECT_THAT(answer(call()),
              HasSubstr("backend 'b' overloaded: 27 bytes of its requests are under way, 27 of all "
                        "backends"));
  EXPECT_EQ(ended(Outcome::overloaded), 1u);
  EXPECT_EQ(connection().sent.size(), 1u);
  connection().answer();
  EXPECT_FALSE(
      answered(call_with("\xa9"
                         "123456789")));
  EXPECT_FALSE(
      answered(call_with("\xac"
                         "123456789012")))
      << "24 bytes with the functions' names, which is four times what is free";
  EXPECT_TRUE(answered(call()));
}

// Its queue holds what it may, and calls to another backend are taken on.
TEST_F(BackendWaitingTest, ABackendThatStandsStillLeavesMemoryForTheOthers) {
  requests_.limit = 1'000;
  serve(1);
  BackendOptions still = options_;
  still.name = "still";
  still.urls = {ServerUrl::parse("tcp://" + name(2)).value()};
  auto other =
      std::make_unique<Backend>(context_, still, std::make_shared<BackendMetrics>("still"));
  network_.serve(name(2));
  const std::string argument = "\xd9\x20" + std::string(32, 'x');
  backend_.swap(other);
  while (ended(Outcome::overloaded) == 0) {
    forward({.function = "f", .argument = argument});
  }
  EXPECT_GT(requests_.held, 700u);
  EXPECT_LE(requests_.held, 800u);
  backend_.swap(other);
  for (int i = 0; i < 5; ++i) {
    forward({.function = "f", .argument = argument});
  }
  EXPECT_EQ(ended(Outcome::overloaded), 1u);
  for (int i = 0; i < 5; ++i) {
    connection().answer();
  }
  EXPECT_EQ(ended(Outcome::ok), 5u);
}

// 10.0.0.1 speaks TCP and 10.0.0.2 ZeroMQ. An argument that is no MessagePack goes to the second
// only, a name of more than 80 characters to the first only.
class BothProtocolsTest : public BackendWaitingTest {
 protected:
  void serve_both(uint32_t connections = 1) {
    options_.connections = connections;
    options_.urls = {ServerUrl::parse("tcp://" + name(1)).value(),
                     ServerUrl::parse("zmq://" + name(2)).value()};
    backend_ = std::make_unique<Backend>(context_, options_, metrics_);
    network_.serve(name(1));
    network_.serve(name(2));
  }
  /// One call is under way at each server.
  void keep_both_busy() {
    serve_both();
    for_zmq();
    for_tcp();
    ASSERT_TRUE(tcp().sent.size() == 1 && zmq().sent.size() == 1);
  }
  FakeConnection& tcp() { return *network_.to(name(1)).at(0); }
  FakeConnection& zmq() { return *network_.to(name(2)).at(0); }
  size_t for_tcp() { return call(std::string(81, 'f')); }
  size_t for_zmq() { return forward({.function = "z", .argument = "\xc1", .any_bytes = true}); }
};

TEST_F(BothProtocolsTest, ACallForOneHoldsUpNoneThatTheOtherCanBeSent) {
  keep_both_busy();
  for_zmq();
  call("any");
  call("any");
  tcp().answer();
  ASSERT_EQ(tcp().sent.size(), 1u);
  EXPECT_EQ(tcp().sent[0].function, "any");
  EXPECT_EQ(metrics_->queue.value(), 2u);
  for_tcp();
  zmq().answer();
  EXPECT_EQ(zmq().sent.size(), 1u);
  zmq().answer();
  EXPECT_EQ(zmq().sent.size(), 1u) << "neither 'z' nor 'any' waits for the busy one";
  EXPECT_EQ(metrics_->queue.value(), 1u);
}

TEST_F(BothProtocolsTest, ANewCallThatOneHasRoomForDoesNotWaitBehindThoseForTheOther) {
  serve_both();
  for_zmq();
  for_zmq();
  EXPECT_EQ(metrics_->queue.value(), 1u);
  call("any");
  ASSERT_EQ(tcp().sent.size(), 1u);
  EXPECT_EQ(tcp().sent[0].function, "any");
  call("any");
  EXPECT_EQ(metrics_->queue.value(), 2u);
  tcp().answer();
  tcp().answer();
  for_tcp();
  EXPECT_EQ(tcp().sent.size(), 1u);
  EXPECT_EQ(metrics_->queue.value(), 1u);
}

TEST_F(BothProtocolsTest, CallsForOneHaveTheirTurnsBesideManyForAny) {
  keep_both_busy();
  for (int i = 0; i < 10; ++i) {
    call("any");
  }
  const size_t one = for_zmq();
  zmq().answer();
  zmq().answer();
  zmq().answer();
  EXPECT_TRUE(answered(one));
  EXPECT_EQ(metrics_->queue.value(), 8u);
}

TEST_F(BothProtocolsTest, EachQueueHasItsLimitAndCallsLeaveIt) {
  options_.queue = 1;
  keep_both_busy();
  const size_t waiting = for_zmq();
  EXPECT_THAT(answer(for_zmq()), HasSubstr("overloaded: 1 calls are waiting"));
  EXPECT_FALSE(answered(for_tcp()));
  EXPECT_FALSE(answered(call("any")));
  EXPECT_EQ(metrics_->queue.value(), 3u);
  network_.kill(name(2), "gone");
  tcp().answer();
  tcp().answer();
  tcp().answer();
  EXPECT_THAT(answer(waiting), HasSubstr("unavailable: gone (10.0.0.2:1)"));
  EXPECT_EQ(metrics_->queue.value(), 0u);
}

TEST_F(BothProtocolsTest, WhenNoServerIsLeftAllThatWaitAreTold) {
  keep_both_busy();
  for_zmq();
  for_tcp();
  call("any");
  EXPECT_EQ(metrics_->queue.value(), 3u);
  network_.kill(name(1));
  network_.kill(name(2));
  EXPECT_EQ(ended(Outcome::unavailable), 5u);
  EXPECT_EQ(metrics_->queue.value(), 0u);
}

TEST_F(BothProtocolsTest, TheOnlyServerForACallIsUsedAlsoWhenItIsSetAside) {
  options_.eject_after = 1;
  serve_both(2);
  for_zmq();
  for (FakeConnection* connection : network_.to(name(2))) {
    if (!connection->sent.empty()) {
      connection->fail("reset");
      break;
    }
  }
  backend_->flush();
  EXPECT_EQ(ended(Outcome::unavailable), 1u);
  EXPECT_EQ(metrics_->endpoints().at(1)->up.value(), 0u);
  EXPECT_EQ(network_.requests(name(2)), 0u);
  for_zmq();
  EXPECT_EQ(network_.requests(name(2)), 1u);
}

}  // namespace
}  // namespace zerogate::testing
