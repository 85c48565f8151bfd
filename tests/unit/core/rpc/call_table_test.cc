#include "core/rpc/call_table.h"

#include <optional>
#include <vector>

#include "core/base/clock.h"
#include "tests/unit/core/rpc/call_fixture.h"

namespace zerogate {
namespace {

using wire::ErrorKey;

constexpr ByteView kDied = "the function ended without an answer";

using CallTableTest = CallTest;

TEST_F(CallTableTest, AReplyTakesTheWayBack) {
  Call call = begin("\x01\x02\x03\x04");
  ASSERT_TRUE(call);
  EXPECT_EQ(calls_.in_flight(), 1u);
  EXPECT_TRUE(sink_.answers.empty());
  std::move(call).reply("\xc3");
  EXPECT_FALSE(call);
  EXPECT_EQ(calls_.in_flight(), 0u);
  ASSERT_EQ(sink_.answers.size(), 1u);
  EXPECT_EQ(sink_.answers[0].body, "\xc3");
  EXPECT_EQ(sink_.answers[0].id, "\x01\x02\x03\x04");
  EXPECT_EQ(sink_.answers[0].caller.slot, 7u);
  EXPECT_EQ(sink_.answers[0].caller.generation, 3u);
  EXPECT_EQ(ended(Outcome::ok), 1u);
}

TEST_F(CallTableTest, AnAnsweredCallDiesInSilence) {
  {
    Call call = begin();
    std::move(call).reply("\xc0");
  }
  EXPECT_EQ(sink_.answers.size(), 1u);
  EXPECT_EQ(all_ended(), 1u);
}

TEST_F(CallTableTest, TheOutcomeGivesTheErrorItsKey) {
  const struct {
    Outcome outcome;
    ErrorKey key;
  } cases[] = {
      {Outcome::error, ErrorKey::server_exception},
      {Outcome::not_found, ErrorKey::function_not_found},
      {Outcome::invalid, ErrorKey::validation_error},
      {Outcome::timeout, ErrorKey::server_exception},
      {Outcome::unavailable, ErrorKey::server_exception},
      {Outcome::overloaded, ErrorKey::server_exception},
  };
  for (const auto& [outcome, key] : cases) {
    SCOPED_TRACE(name_of(outcome));
    begin().fail(outcome, "why");
    EXPECT_EQ(sink_.answers.back().body, error_body(key, "why"));
    EXPECT_EQ(ended(outcome), 1u);
  }
  EXPECT_EQ(sink_.answers.size(), std::size(cases));
}

// A backend's answer may be an error's body: it is passed on as it is, and counted as what it is.
TEST_F(CallTableTest, AnAnswerMadeElsewhereBringsItsOutcome) {
  const std::string body = error_body(ErrorKey::validation_error, "from there");
  begin().reply(body, Outcome::invalid);
  EXPECT_EQ(sink_.answers.back().body, body);
  EXPECT_EQ(ended(Outcome::invalid), 1u);
  EXPECT_EQ(all_ended(), 1u);
}

TEST_F(CallTableTest, TellsTheSinkWhatIsKnownOfABody) {
  begin().reply("\xc0");
  EXPECT_EQ(sink_.answers.back().kind, BodyKind::any);
  begin().reply("\xc0", BodyKind::result);
  EXPECT_EQ(sink_.answers.back().kind, BodyKind::result);
  begin().reply("\xc0", Outcome::ok);
  EXPECT_EQ(sink_.answers.back().kind, BodyKind::result);
  begin().reply(error_body(ErrorKey::server_exception, "from there"), Outcome::error);
  EXPECT_EQ(sink_.answers.back().kind, BodyKind::error);
  begin().fail(Outcome::invalid, "why");
  EXPECT_EQ(sink_.answers.back().kind, BodyKind::error);
  { const Call forgotten = begin(); }
  EXPECT_EQ(sink_.answers.back().kind, BodyKind::error);
}

TEST_F(CallTableTest, ACallKnowsWhenItsCallerHasGone) {
  Call call = begin();
  EXPECT_FALSE(call.caller_gone());
  sink_.callers_gone = true;
  EXPECT_TRUE(call.caller_gone());
  std::move(call).reply("\xc0");
}

TEST_F(CallTableTest, ACallKnowsTheIdOfItsRequest) {
  Call call = begin("\x01\x02\x03");
  Call other = begin("");
  EXPECT_EQ(call.request_id(), "\x01\x02\x03");
  EXPECT_EQ(other.request_id(), "");
  std::move(call).reply("\xc0");
  std::move(other).reply("\xc0");
}

TEST_F(CallTableTest, OverZeroMqSinceW3ACallerTakesAnyBytes) {
  std::vector<std::string_view> takers;
  for (size_t wire = 0; wire < kWireNames.size(); ++wire) {
    Call call = begin("0001", static_cast<Wire>(wire));
    if (call.takes_any_bytes()) {
      takers.push_back(kWireNames[wire]);
    }
    std::move(call).reply("\xc0");
  }
  EXPECT_EQ(takers, (std::vector<std::string_view>{"W3", "W4", "W5"}));
}

TEST_F(CallTableTest, ALabelOfNoCallIsNotInUse) {
  Call call = begin();
  EXPECT_TRUE(calls_.uses(first_));
  EXPECT_FALSE(calls_.uses(second_));
  std::move(call).reply("\xc0");
  EXPECT_TRUE(calls_.uses(first_));
  EXPECT_FALSE(calls_.uses(second_));
}

TEST_F(CallTableTest, ALabelIsInUseUntilTheTurnOfItsLastAnswerHasEnded) {
  Call first = begin(), second = begin();
  second.relabel(0);
  EXPECT_TRUE(calls_.uses(0));
  std::move(first).reply("\xc0");
  std::move(second).reply("\xc0");
  EXPECT_TRUE(calls_.uses(0));
  calls_.on_turn_end(1);
  EXPECT_FALSE(calls_.uses(0));
}

TEST_F(CallTableTest, ACallThatDiesUnansweredAnswersByItself) {
  { const Call call = begin(); }
  ASSERT_EQ(sink_.answers.size(), 1u);
  EXPECT_EQ(sink_.answers[0].body, error_body(ErrorKey::server_exception, kDied));
  EXPECT_EQ(ended(Outcome::error), 1u);
}

TEST_F(CallTableTest, AMovedCallIsAnsweredByItsNewOwnerOnly) {
  std::optional<Call> from = begin("from");
  Call to = std::move(*from);
  EXPECT_FALSE(*from);
  from.reset();
  EXPECT_TRUE(sink_.answers.empty()) << "the hollow one has nothing to answer";
  std::move(to).reply("\xc2");
  ASSERT_EQ(sink_.answers.size(), 1u);
  EXPECT_EQ(sink_.answers[0].body, "\xc2");
}

TEST_F(CallTableTest, AssigningOverAnOpenCallAnswersTheOldOne) {
  Call call = begin("old1");
  call = begin("new1");
  ASSERT_EQ(sink_.answers.size(), 1u);
  EXPECT_EQ(sink_.answers[0].id, "old1");
  EXPECT_EQ(sink_.answers[0].body, error_body(ErrorKey::server_exception, kDied));
  EXPECT_EQ(calls_.in_flight(), 1u);
  call = Call();
  ASSERT_EQ(sink_.answers.size(), 2u);
  EXPECT_EQ(sink_.answers[1].id, "new1");
  EXPECT_FALSE(call);
}

TEST_F(CallTableTest, ManyCallsFromAVectorEachAnswerOnce) {
  std::vector<Call> kept;
  for (const char* id : {"0000", "1111", "2222", "3333"}) {
    kept.push_back(begin(id));  // reallocates
  }
  EXPECT_TRUE(sink_.answers.empty());
  kept.clear();
  EXPECT_EQ(sink_.answers.size(), 4u);
}

TEST_F(CallTableTest, FullAtItsCapacityAndNotBefore) {
  std::vector<Call> kept;
  for (uint32_t i = 0; i < kCapacity; ++i) {
    EXPECT_FALSE(calls_.full());
    kept.push_back(begin());
  }
  EXPECT_TRUE(calls_.full());
  kept.pop_back();
  EXPECT_FALSE(calls_.full());
}

// A slot is used again at once, with another generation: its old owner can no longer reach it.
TEST_F(CallTableTest, ASlotThatIsUsedAgainBelongsToItsNewCall) {
  for (int round = 0; round < 100; ++round) {
    std::vector<Call> kept;
    for (const char* id : {"aaaa", "bbbb", "cccc"}) {
      kept.push_back(begin(id));
    }
    std::move(kept[1]).reply("\x01");  // its slot is free
    Call next = begin("dddd");
    std::move(kept[0]).reply("\x02");
    std::move(next).reply("\x03");
    std::move(kept[2]).reply("\x04");
    ASSERT_EQ(sink_.answers.size(), 4u);
    const char* ids[] = {"bbbb", "aaaa", "dddd", "cccc"};
    for (size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(sink_.answers[i].id, ids[i]);
    }
    sink_.answers.clear();
  }
  EXPECT_EQ(ended(Outcome::ok), 400u);
}

#ifndef NDEBUG
TEST_F(CallTableTest, TwoAnswersAreABug) {
  Call call = begin();
  std::move(call).reply("\xc0");
  EXPECT_DEATH(std::move(call).reply("\xc0"), "table_ != nullptr");
  EXPECT_DEATH(std::move(call).fail(Outcome::error, "again"), "table_ != nullptr");
}
#endif

TEST_F(CallTableTest, WhatTheSinkDoesNotTakeIsAbandoned) {
  sink_.delivery = Delivery::gone;
  begin().reply("\xc0");
  begin().fail(Outcome::timeout, "too late");
  { const Call dies = begin(); }
  calls_.refuse(path_of("0001"), first_, 0, Outcome::not_found, ErrorKey::function_not_found, "x");
  EXPECT_EQ(ended(Outcome::abandoned), 4u);
  EXPECT_EQ(all_ended(), 4u) << "in this outcome only";
}

TEST_F(CallTableTest, WhatThereIsNoMemoryForIsOverload) {
  sink_.delivery = Delivery::no_memory;
  begin().reply("\xc0");
  EXPECT_EQ(ended(Outcome::overloaded), 1u);
  EXPECT_EQ(all_ended(), 1u);
}

TEST_F(CallTableTest, ARefusedRequestIsBegunAndEndedAtOnce) {
  calls_.refuse(path_of("abcd", Wire::w5), second_, 0, Outcome::overloaded,
                ErrorKey::server_exception, "full");
  ASSERT_EQ(sink_.answers.size(), 1u);
  EXPECT_EQ(sink_.answers[0].id, "abcd");
  EXPECT_EQ(sink_.answers[0].body, error_body(ErrorKey::server_exception, "full"));
  EXPECT_EQ(calls_.in_flight(), 0u);
  EXPECT_EQ(metrics_.begun(Protocol::zmq), 1u);
  EXPECT_EQ(metrics_.begun(Protocol::tcp), 0u);
  EXPECT_EQ(ended(second_, Wire::w5, Outcome::overloaded), 1u);
}

// The key of a refusal is the caller's choice: Zero answers some invalid requests with
// server_exception.
TEST_F(CallTableTest, ARefusalNamesItsOwnKey) {
  calls_.refuse(path_of("abcd"), first_, 0, Outcome::invalid, ErrorKey::server_exception, "no");
  EXPECT_EQ(sink_.answers[0].body, error_body(ErrorKey::server_exception, "no"));
  EXPECT_EQ(ended(Outcome::invalid), 1u);
}

TEST_F(CallTableTest, TheSumHoldsAtEveryStep) {
  std::vector<Call> kept;
  const auto check = [&] {
    expect_sum();
    EXPECT_EQ(calls_.in_flight(), kept.size());
  };
  kept.push_back(begin("0001", Wire::t3)), check();
  kept.push_back(begin("0002", Wire::w5)), check();
  std::move(kept.back()).reply("\xc0"), kept.pop_back(), check();
  kept.push_back(begin("0003", Wire::w5)), check();
  kept.pop_back(), check();
  calls_.refuse(path_of("0004"), first_, 0, Outcome::unavailable, ErrorKey::server_exception, "x");
  check();
  sink_.delivery = Delivery::gone;
  std::move(kept.back()).reply("\xc0"), kept.pop_back(), check();
}

// Neighbours that came at one time share one observation; others, or another function's, do not.
TEST_F(CallTableTest, CallsOfDifferentAgeInOneTurnHaveTheirOwnDurations) {
  const uint64_t now = 10'000 * kNsPerMs;
  const auto answer = [&](FunctionLabel function, uint64_t age_ms, Wire wire = Wire::t3) {
    calls_.begin(path_of("0001", wire), function, now - age_ms * kNsPerMs).reply("\xc0");
  };
  answer(first_, 3);
  answer(first_, 3);
  answer(first_, 40);
  answer(second_, 40);
  answer(first_, 400);
  answer(first_, 400, Wire::w5);
  calls_.on_turn_end(now);
  const Histogram& of_first = metrics_.duration(first_, Protocol::tcp);
  EXPECT_EQ(of_first.sum_ns(), (3 + 3 + 40 + 400) * kNsPerMs);
  EXPECT_EQ(observed(first_, Protocol::tcp), 4u);
  EXPECT_EQ(metrics_.duration(second_, Protocol::tcp).sum_ns(), 40 * kNsPerMs);
  EXPECT_EQ(metrics_.duration(first_, Protocol::zmq).sum_ns(), 400 * kNsPerMs);
}

TEST_F(CallTableTest, DurationsEndWithTheTurn) {
  const uint64_t long_ago = uv_hrtime() - 3'000'000'000;
  calls_.begin(path_of("0001"), first_, long_ago).reply("\xc0");
  calls_.begin(path_of("0002", Wire::w5), second_, uv_hrtime()).reply("\xc0");
  Call open = begin();
  EXPECT_EQ(observed(first_, Protocol::tcp), 0u) << "not written yet";
  calls_.on_turn_end(uv_hrtime());
  EXPECT_EQ(observed(first_, Protocol::tcp), 1u);
  EXPECT_EQ(observed(second_, Protocol::zmq), 1u);
  EXPECT_EQ(observed(second_, Protocol::tcp), 0u);
  EXPECT_GE(metrics_.duration(first_, Protocol::tcp).sum_ns(), 3'000'000'000u);
  EXPECT_LT(metrics_.duration(second_, Protocol::zmq).sum_ns(), 3'000'000'000u);
  calls_.on_turn_end(uv_hrtime());
  EXPECT_EQ(observed(first_, Protocol::tcp), 1u) << "each only once";
  std::move(open).reply("\xc0");
  calls_.refuse(path_of("0004"), first_, uv_hrtime(), Outcome::unavailable,
                ErrorKey::server_exception, "x");
  calls_.on_turn_end(uv_hrtime());
  EXPECT_EQ(observed(first_, Protocol::tcp), 3u) << "refused ones are observed, too";
}

}  // namespace
}  // namespace zerogate
