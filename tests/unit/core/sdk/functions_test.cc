#include "core/sdk/functions.h"

#include <fmt/format.h>
#include <malloc.h>

#include <atomic>
#include <cstring>
#include <future>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>

#include "core/base/random.h"
#include "tests/unit/core/base/beside.h"
#include "tests/unit/core/sdk/functions_fixture.h"

namespace zerogate::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

int64_t twice(int64_t number) { return 2 * number; }

TEST_F(FunctionsTest, APlainFunctionAnswersAtOnce) {
  functions_.add("twice", "", &twice).add("nothing", "", [] {});
  start();
  call("twice", 21);
  EXPECT_EQ(answer<int64_t>(), 42);
  call("nothing", 1);
  EXPECT_EQ(answer_bytes(), "\xc0");
}

int64_t thrice(int64_t number) noexcept { return 3 * number; }

TEST_F(FunctionsTest, AFunctionMayBeNoexcept) {
  functions_.add("thrice", "", &thrice)
      .add("lambda", "", [](int64_t number) noexcept { return number + 1; })
      .add("task", "", [](int64_t number) noexcept -> Task<int64_t> { co_return number + 2; });
  start();
  call("thrice", 21);
  EXPECT_EQ(answer<int64_t>(), 63);
  call("lambda", 21);
  EXPECT_EQ(answer<int64_t>(), 22);
  call("task", 21);
  EXPECT_EQ(answer<int64_t>(), 23);
}

// The line names the function: an assertion would not.
TEST(FunctionNameTest, ANameThatCannotBeIsTold) {
  const auto add = [](const std::string& name) {
    Functions functions;
    functions.add("first", "", &twice).add(name, "", &twice);
  };
  add(std::string(80, 'x'));
  EXPECT_EXIT(add("first"), ::testing::ExitedWithCode(2),
              R"(functions\.add\("first"\): it was added before)");
  EXPECT_EXIT(add("connect"), ::testing::ExitedWithCode(2),
              "clients begin with a call of this name");
  EXPECT_EXIT(add(""), ::testing::ExitedWithCode(2), "a function needs a name");
  EXPECT_EXIT(add(std::string(81, 'x')), ::testing::ExitedWithCode(2),
              R"(functions\.add\("x+"\): the name has 81 bytes)");
}

struct Named {
  int64_t id = 0;
  ZEROGATE_FIELDS(id)
};
/// One field, with the name that an error has.
struct LikeAnError {
  std::string text;
  template <class Self>
  static constexpr auto zerogate_fields() {
    return std::make_tuple(sdk::field("__zerror__server_exception", &Self::text));
  }
};

TEST_F(FunctionsTest, AResultIsLookedAtUnlessItsTypeSaysThatItIsNoError) {
  functions_.add("number", "", &twice)
      .add("nothing", "", [] {})
      .add("named", "", [](int64_t id) -> Task<Named> { co_return {.id = id}; })
      .add("dict", "", [](int64_t) { return std::map<std::string, int64_t>(); })
      .add("raw", "", [](int64_t) { return Raw(); })
      .add("like_an_error", "", [](int64_t) { return LikeAnError(); });
  start();
  for (const char* const known : {"number", "nothing", "named"}) {
    call(known, 1);
    EXPECT_EQ(sink_.answers.back().kind, BodyKind::result) << known;
  }
  for (const char* const unknown : {"dict", "raw", "like_an_error"}) {
    call(unknown, 1);
    EXPECT_EQ(sink_.answers.back().kind, BodyKind::any) << unknown;
  }
}

TEST_F(FunctionsTest, AnArgumentOfAnotherTypeIsInvalid) {
  functions_.add("twice", "", &twice);
  start();
  call("twice", std::string("x"));
  EXPECT_EQ(ended(Outcome::invalid), 1u);
  EXPECT_THAT(answer_bytes(), HasSubstr("__zerror__validation_error"));
}

TEST_F(FunctionsTest, AnExceptionIsPythonsAndLoggedOncePerKind) {
  functions_.add("plain", "", []() -> int64_t { throw std::runtime_error("it's \"so\"\n"); });
  functions_.add("task", "", []() -> Task<int64_t> {
    throw std::out_of_range("boom");
    co_return 1;
  });
  start();
  for (int i = 0; i < 3; ++i) {
    call("plain", 1);
    EXPECT_EQ(answer_bytes(), error(R"(RuntimeError('it\'s "so"\n'))"));
    call("task", 1);
    EXPECT_EQ(answer_bytes(), error("RuntimeError('boom')"));
  }
  EXPECT_EQ(ended(Outcome::error), 6u);
  ASSERT_EQ(lines_.size(), 2u);
  EXPECT_THAT(lines_[1], HasSubstr("function=task"));
  EXPECT_THAT(lines_[1], HasSubstr("std::out_of_range"));
}

// As repr() writes a str.
TEST_F(FunctionsTest, TheTextOfAnExceptionIsQuotedAsPythonDoes) {
  functions_.add("f", "", [](std::string text) -> int64_t { throw std::runtime_error(text); });
  start();
  const std::pair<std::string, const char*> texts[] = {
      {"plain", R"('plain')"},
      {"it's", R"("it's")"},
      {"\"so\"", R"('"so"')"},
      {"it's \"so\"", R"('it\'s "so"')"},
      {"\n\t\r\x01\x1f\x7f \\ ~", R"('\n\t\r\x01\x1f\x7f \\ ~')"},
      {"\xc3\xa9", "'\xc3\xa9'"}};
  for (const auto& [text, quoted] : texts) {
    call("f", text);
    EXPECT_EQ(answer_bytes(), error("RuntimeError(" + std::string(quoted) + ")"));
  }
}

TEST_F(FunctionsTest, WhatIsNoExceptionOfStdFailsItsCallToo) {
  functions_.add("f", "", []() -> int64_t { throw 1; });
  start();
  call("f", 1);
  EXPECT_EQ(answer_bytes(), error("RuntimeError('unknown exception')"));
  ASSERT_EQ(lines_.size(), 1u);
  EXPECT_THAT(lines_[0], HasSubstr("event=\"function failed\" function=f exception=int text="));
}

TEST_F(FunctionsTest, ACoroutineSleepsByTheTimers) {
  functions_.add("nap", "", [](int64_t ms, Context& context) -> Task<int64_t> {
    co_await context.sleep(static_cast<uint64_t>(ms));
    co_return ms;
  });
  start();
  call("nap", 20);
  pass_ms(19);
  EXPECT_EQ(answers(), 0u);
  EXPECT_EQ(runtime_->under_way(), 1u);
  pass_ms(1);
  EXPECT_EQ(answer<int64_t>(), 20);
  EXPECT_EQ(runtime_->under_way(), 0u);
}

TEST_F(FunctionsTest, RedisCommandsRunAtTheSameTime) {
  functions_.add("add", "", [](std::string key, Context& context) -> Task<int64_t> {
    auto set = context.redis.set(key, "1");
    auto get = context.redis.get(key);
    auto count = context.redis.command("INCRBY", "n", 5);
    co_await set;
    const std::optional<std::string> value = co_await get;
    const RedisValue counted = co_await count;
    co_return static_cast<int64_t>(value->size()) + counted.integer;
  });
  start();
  call("add", std::string("k"));
  ASSERT_EQ(commands_.size(), 3u);
  EXPECT_THAT(commands_[2].first, ElementsAre("INCRBY", "n", "5"));
  answer_redis(redis_ok());
  answer_redis(redis_value("abc"));
  EXPECT_EQ(answers(), 0u);
  answer_redis(redis_integer(5));
  EXPECT_EQ(answer<int64_t>(), 8);
}

TEST_F(FunctionsTest, AnArrayOfRedisHasItsElements) {
  functions_.add("list", "", [](Context& context) -> Task<std::vector<std::string>> {
    const RedisValue reply = co_await context.redis.command("LRANGE", "list", 0, -1);
    std::vector<std::string> texts;
    for (const RedisValue& item : reply.items) {
      texts.push_back(item.has_value ? item.text : "nil");
    }
    co_return texts;
  });
  start();
  call("list", 0);
  std::vector<RedisValue> items(3);
  items[0].has_value = items[2].has_value = true;
  items[0].text = "a";
  items[2].text = "b";
  RedisReply reply;
  reply.has_value = true;
  reply.items = &items;
  answer_redis(reply);
  EXPECT_THAT(answer<std::vector<std::string>>(), ElementsAre("a", "nil", "b"));
}

TEST_F(FunctionsTest, AFailureOfRedisIsTheCallsOutcome) {
  functions_.add("get", "", [](std::string key, Context& context) -> Task<std::string> {
    co_return (co_await context.redis.get(key)).value_or("");
  });
  start();
  call("get", std::string("k"));
  answer_redis(redis_away("redis unavailable: away"));
  EXPECT_EQ(answer_bytes(), error("redis unavailable: away"));
  EXPECT_EQ(ended(Outcome::unavailable), 1u);
  EXPECT_TRUE(lines_.empty());
}

TEST_F(FunctionsTest, ACallThatIsLateIsCancelled) {
  const auto watched = std::make_shared<int>(0);
  functions_.add("get", "",
                 [watched](std::string key, Context& context) -> Task<std::string> {
                   const std::shared_ptr<int> local = watched;
                   co_return (co_await context.redis.get(key)).value();
                 },
                 {.timeout_ms = 50});
  start();
  const long before = watched.use_count();
  call("get", std::string("k"));
  pass_ms(10);
  call("get", std::string("k"));
  EXPECT_EQ(watched.use_count(), before + 2);
  pass_ms(40);
  EXPECT_EQ(answers(), 1u);
  EXPECT_EQ(answer_bytes(), error("`get` has not ended within 50 ms"));
  pass_ms(10);
  EXPECT_EQ(ended(Outcome::timeout), 2u);
  EXPECT_EQ(watched.use_count(), before);
  answer_redis(redis_value("late"));
  EXPECT_EQ(answers(), 2u);
}

TEST_F(FunctionsTest, ACallerThatHasGoneEndsTheCallAtItsAwait) {
  int gone_on = 0;
  functions_.add("get", "", [&gone_on](std::string key, Context& context) -> Task<> {
    co_await context.redis.get(key);
    ++gone_on;
  });
  start();
  call("get", std::string("k"));
  sink_.callers_gone = true;
  sink_.delivery = Delivery::gone;
  answer_redis(redis_value("x"));
  EXPECT_EQ(gone_on, 0);
  EXPECT_EQ(runtime_->under_way(), 0u);
  EXPECT_EQ(ended(Outcome::abandoned), 1u);
}

TEST_F(FunctionsTest, ABackendIsCalledAndItsErrorIsThrown) {
  functions_.add("ask", "", [](int64_t id, Context& context) -> Task<int64_t> {
    co_return 1 + co_await context.call<int64_t>("orders", "get_order", id);
  });
  functions_.add("lost", "", [](Context& context) -> Task<> {
    co_await context.call<void>("nowhere", "get_order");
  });
  start();
  call("ask", 7);
  ASSERT_EQ(orders_.requests.size(), 1u);
  EXPECT_EQ(orders_.requests[0], std::make_pair(std::string("get_order"), std::string("\x07")));
  std::move(orders_.calls.front()).reply("\x29");
  orders_.calls.pop_front();
  EXPECT_EQ(answers(), 0u) << "a service's answer never runs a function within";
  runtime_->inner_calls().end_of_turn();
  EXPECT_EQ(answer<int64_t>(), 42);

  call("ask", 7);
  std::move(orders_.calls.front()).fail(Outcome::error, "boom");
  orders_.calls.pop_front();
  runtime_->inner_calls().end_of_turn();
  EXPECT_EQ(answer_bytes(), error("orders.get_order: server_exception: boom"));
  call("lost", 7);
  EXPECT_EQ(answer_bytes(), error("no backend is named `nowhere`"));
}

TEST_F(FunctionsTest, CallsToBackendsAreBounded) {
  functions_.add("flood", "", [](int64_t times, Context& context) -> Task<int64_t> {
    std::deque<Pending<sdk::TypedCall<int64_t>>> under_way;
    for (int64_t i = 0; i < times; ++i) {
      under_way.push_back(context.call<int64_t>("orders", "get_order", i));
    }
    co_return co_await under_way.back();
  });
  start();
  constexpr uint32_t kMost = sdk::InnerCalls::kMaxUnderWay;
  call("flood", kMost);
  EXPECT_EQ(orders_.requests.size(), kMost);
  EXPECT_EQ(answers(), 0u);
  call("flood", 1);
  EXPECT_EQ(orders_.requests.size(), kMost);
  EXPECT_EQ(answer_bytes(), error("too many calls of functions to backends are under way"));
  EXPECT_EQ(ended(Outcome::overloaded), 1u);
  std::move(orders_.calls.front()).reply("\x05");
  orders_.calls.pop_front();
  call("flood", 1);
  EXPECT_EQ(orders_.requests.size(), kMost + 1) << "one has made room";
}

TEST_F(FunctionsTest, CallsToBackendsLeaveNothingBehind) {
  constexpr int kCalls = 20'000;
  functions_.add("ask", "", [](int64_t id, Context& context) -> Task<int64_t> {
    co_return co_await context.call<int64_t>("orders", "get_order", id);
  });
  start();
  const auto ask = [this](int times) {
    for (int i = 0; i < times; ++i) {
      call("ask", 7);
      std::move(orders_.calls.front()).reply("\x05");
      orders_.calls.clear();
      orders_.requests.clear();
      runtime_->inner_calls().end_of_turn();
      calls_.on_turn_end(clock_.now_ns());
      ASSERT_EQ(answers(), 1u);
      sink_.answers.clear();
    }
  };
  const auto allocated = [] {  // with a sanitizer always 0
    const auto info = mallinfo2();
    return info.uordblks + info.hblkhd;
  };
  ask(kCalls);
  const size_t before = allocated();
  ask(kCalls);
  EXPECT_LT(allocated(), before + kCalls);
}

TEST_F(FunctionsTest, BlockingWorkRunsOnAThreadAndIsBounded) {
  std::promise<void> go, begun;
  const std::shared_future<void> gate = go.get_future().share();
  functions_.add("work", "", [gate, &begun](int64_t id, Context& context) -> Task<int64_t> {
    auto work = context.blocking([gate, id, &begun] {
      if (id == 1) {
        begun.set_value();
      }
      gate.wait();
      if (id == 2) {
        throw std::runtime_error("two");
      }
      return id;
    });
    co_return co_await work;
  });
  start();
  call("work", 1);
  begun.get_future().wait();
  call("work", 2);  // waits
  call("work", 3);  // refused
  EXPECT_EQ(ended(Outcome::overloaded), 1u);
  EXPECT_EQ(functions_.blocking().metrics().refused, 1u);
  go.set_value();
  while (answers() < 3) {
    uv_run(loop_.uv(), UV_RUN_ONCE);
  }
  EXPECT_EQ(sink_.answers[1].body, "\x01");
  EXPECT_EQ(sink_.answers[2].body, error("RuntimeError('two')"));
  EXPECT_EQ(functions_.blocking().metrics().finished, 2u);
}

TEST_F(FunctionsTest, BlockingWorkThatHasNotBegunIsLeftWhenItsCallHasGone) {
  std::promise<void> go, begun;
  const std::shared_future<void> gate = go.get_future().share();
  std::atomic<int> runs = 0;
  functions_.add("work", "",
                 [gate, &runs, &begun](Context& context) -> Task<> {
                   auto work = context.blocking([gate, &runs, &begun] {
                     if (++runs == 1) {
                       begun.set_value();
                     }
                     gate.wait();
                   });
                   co_await work;
                 },
                 {.timeout_ms = 5});
  start();
  call("work", 1);
  begun.get_future().wait();
  call("work", 2);
  pass_ms(5);
  EXPECT_EQ(ended(Outcome::timeout), 2u);
  // The pool has one thread: a third job runs after the second.
  functions_.add("last", "", [](Context& context) -> Task<> {
    auto work = context.blocking([] {});
    co_await work;
  });
  services_["last"] = functions_.find("last")->make(*runtime_);
  go.set_value();
  while (ended(Outcome::ok) == 0) {
    call("last", 3);
    uv_run(loop_.uv(), UV_RUN_ONCE);
  }
  EXPECT_EQ(runs, 1);
}

// Clients that vanish, calls that are late, answers in any order: each call is answered once, and
// nothing is left. With AddressSanitizer this shows that destroyed coroutines leak nothing.
TEST_F(FunctionsTest, AHundredThousandCallsLeaveNothingBehind) {
  constexpr int kCalls = 100'000;
  functions_.add("mixed", "",
                 [](int64_t id, Context& context) -> Task<std::string> {
                   auto kept = context.redis.get(std::to_string(id));
                   const auto inner = [](Context& of, int64_t number) -> Task<int64_t> {
                     co_await of.sleep(static_cast<uint64_t>(number % 5));
                     co_return co_await of.call<int64_t>("orders", "same", number);
                   };
                   const int64_t next = co_await inner(context, id);
                   co_return (co_await kept).value_or("none") + " " + std::to_string(next);
                 },
                 {.timeout_ms = 20});
  start();
  Random random(1);
  int begun = 0;
  while (begun < kCalls || calls_.in_flight() > 0) {
    sink_.callers_gone = random.below(8) == 0;
    sink_.delivery = sink_.callers_gone ? Delivery::gone : Delivery::queued;
    for (uint64_t i = random.below(64); i > 0 && begun < kCalls; --i, ++begun) {
      std::string id(4, '\0');
      std::memcpy(id.data(), &begun, id.size());
      call("mixed", begun, id);
    }
    for (uint64_t i = random.below(96); i > 0 && !commands_.empty(); --i) {
      const std::string key = commands_.front().first[1];
      answer_redis(redis_value(key));
    }
    for (uint64_t i = random.below(96); i > 0 && !orders_.calls.empty(); --i) {
      std::move(orders_.calls.back()).reply(orders_.requests.back().second);
      orders_.calls.pop_back();
      orders_.requests.pop_back();
    }
    runtime_->inner_calls().end_of_turn();
    pass_ms(random.below(3));
    calls_.on_turn_end(clock_.now_ns());
  }
  uint64_t sum = 0;
  for (size_t i = 0; i < kOutcomeNames.size(); ++i) {
    sum += ended(static_cast<Outcome>(i));
  }
  EXPECT_EQ(sum, static_cast<uint64_t>(kCalls));
  EXPECT_EQ(answers(), static_cast<size_t>(kCalls));
  for (const RecordingSink::Answer& answer : sink_.answers) {
    int id = 0;
    std::memcpy(&id, answer.id.data(), sizeof id);
    const Result<std::string> text = decode<std::string>(answer.body);
    if (text) {  // and no error
      EXPECT_EQ(text.value(), fmt::format("{} {}", id, id)) << "another's answer";
    }
  }
  EXPECT_GT(ended(Outcome::ok), 0u);
  EXPECT_GT(ended(Outcome::timeout), 0u);
  EXPECT_GT(ended(Outcome::abandoned), 0u);
  EXPECT_EQ(runtime_->under_way(), 0u);
}

TEST(FailureLogTest, WorkersMayNoteTheSameFailure) {
  std::atomic<int> lines = 0;
  log::configure(log::Level::info, log::Format::logfmt, [&](std::string_view) { ++lines; });
  FailureLog failures;
  const auto note = [&] { failures.note("f", "ValueError", "boom"); };
  beside(note, note);
  log::configure(log::Level::info, log::Format::logfmt);
  EXPECT_EQ(lines, 1);
}

}  // namespace
}  // namespace zerogate::testing
