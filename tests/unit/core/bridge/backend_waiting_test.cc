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

// Of the bytes that are under way to all backends. One call is always taken, however large it is.
TEST_F(BackendWaitingTest, WhatIsUnderWayHasALimitOfBytes) {
  context_.request_memory = 24;
  options_.in_flight = 10;
  serve(1);
  const std::string large = "\xb9" + std::string(25, 'x');
  const auto call_with = [this](std::string_view argument) {
    return forward({.function = "f", .argument = argument});
  };
  EXPECT_FALSE(answered(call_with(large)));
  EXPECT_THAT(answer(call()),
              HasSubstr("backend 'b' overloaded: 27 bytes of requests are under way to backends"));
  EXPECT_EQ(ended(Outcome::overloaded), 1u);
  EXPECT_EQ(connection().sent.size(), 1u);
  connection().answer();
  EXPECT_FALSE(
      answered(call_with("\xa9"
                         "123456789")));
  EXPECT_FALSE(
      answered(call_with("\xac"
                         "123456789012")))
      << "24 bytes with the functions' names";
  EXPECT_TRUE(answered(call()));
}

}  // namespace
}  // namespace zerogate::testing
