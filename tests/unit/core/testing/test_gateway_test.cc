#include "core/testing/test_gateway.h"

#include <gmock/gmock.h>

#include <chrono>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace zerogate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StrEq;
using ::testing::ThrowsMessage;

struct Parcel {
  std::string title;
  int64_t grams = 0;
  ZEROGATE_FIELDS(title, grams)
};

Functions parcel_functions() {
  Functions functions({.threads = 1, .queue = 10});
  functions.add("twice", "", [](int64_t number) { return 2 * number; })
      .add("fail", "", [] { throw std::runtime_error("boom"); })
      .add("fail_by_map", "",
           [] {
             return std::map<std::string, std::string>{{"Order", "7"},
                                                       {"__zerror__server_exception", "boom"}};
           })
      .add("same", "", [](Parcel parcel) { return parcel; })
      .add("length", "", [](const std::string& text) { return text.size(); })
      .add("save", "",
           [](Parcel parcel, Context& context) -> Task<> {
             co_await context.redis.set(parcel.title, parcel);
           })
      .add("read", "",
           [](std::string key, Context& context) -> Task<std::optional<std::string>> {
             co_return co_await context.redis.get(key);
           })
      .add("count", "",
           [](std::string key, Context& context) -> Task<int64_t> {
             const RedisValue reply = co_await context.redis.command("INCRBY", key, 2);
             co_return reply.integer;
           })
      .add("nap", "",
           [](uint64_t ms, Context& context) -> Task<uint64_t> {
             co_await context.sleep(ms);
             co_return ms;
           })
      .add("price", "",
           [](std::string title, Context& context) -> Task<int64_t> {
             co_return co_await context.call<int64_t>("shop", "price", title);
           })
      .add("literal", "",
           [](Context& context) -> Task<int64_t> {
             co_return co_await context.call<int64_t>("shop", "price", "literal");
           })
      .add("thread", "",
           [](Context& context) -> Task<int64_t> {
             auto work = context.blocking([] {
               std::this_thread::sleep_for(std::chrono::milliseconds(20));
               return int64_t{7};
             });
             co_return co_await work;
           })
      .add("never", "", [](Context& context) -> Task<> { co_await context.redis.get("x"); },
           {.timeout_ms = 0});
  return functions;
}

class TestGatewayTest : public ::testing::Test {
 protected:
  template <class Exception>
  static auto fails_with(const char* text) {
    return ThrowsMessage<Exception>(HasSubstr(text));
  }
  TestGateway gateway_{parcel_functions()};
};

TEST_F(TestGatewayTest, APlainFunctionIsCalledByItsName) {
  EXPECT_EQ(gateway_.call<int64_t>("twice", 21), 42);
  EXPECT_EQ(gateway_.call<Parcel>("same", Parcel{.title = "t", .grams = 3}).grams, 3);
  EXPECT_EQ(gateway_.call<size_t>("length", "text"), 4u);
}

TEST_F(TestGatewayTest, AFailureIsTheExceptionOfAPythonClient) {
  EXPECT_THAT([&] { gateway_.call("fail"); },
              ThrowsMessage<RemoteException>(StrEq("RuntimeError('boom')")));
  EXPECT_THAT([&] { gateway_.call("fail_by_map"); }, ThrowsMessage<RemoteException>(StrEq("boom")));
  EXPECT_THAT([&] { gateway_.call("twice", "x"); },
              fails_with<ValidationException>("Expected `int`, got `str`"));
  EXPECT_THAT([&] { gateway_.call("same", 1); }, fails_with<ValidationException>("Expected"));
  EXPECT_THAT([&] { gateway_.call("nothing"); },
              fails_with<MethodNotFoundException>("Function `nothing` not found!"));
  EXPECT_THAT([&] { gateway_.call<std::string>("twice", 1); },
              fails_with<std::logic_error>("the result is of another type"));
}

TEST_F(TestGatewayTest, RedisKeepsTextsAndItsCommandsAreSeen) {
  gateway_.call("save", Parcel{.title = "a", .grams = 1});
  EXPECT_EQ(decode<Parcel>(gateway_.redis.texts["a"]).value().grams, 1);
  gateway_.redis.texts["b"] = "text";
  EXPECT_EQ(gateway_.call<std::optional<std::string>>("read", "b"), "text");
  EXPECT_EQ(gateway_.call<std::optional<std::string>>("read", "c"), std::nullopt);
  EXPECT_THAT(gateway_.redis.commands[1], ElementsAre("GET", "b"));
}

TEST_F(TestGatewayTest, ARedisCommandIsAnsweredAfterTheFunctionHasBegunToWait) {
  TestCall<std::optional<std::string>> read =
      gateway_.begin<std::optional<std::string>>("read", "a");
  EXPECT_FALSE(read.done());
  gateway_.redis.texts["a"] = "later";
  EXPECT_EQ(read.result(), "later");
}

TEST_F(TestGatewayTest, OtherCommandsAreScripted) {
  EXPECT_THAT([&] { gateway_.call("count", "n"); },
              fails_with<RemoteException>("TestRedis does not know `INCRBY n 2`"));
  gateway_.redis.on("INCRBY", [](const TestRedis::Words& words) {
    return TestRedis::integer(40 + std::stoll(words[2]));
  });
  EXPECT_EQ(gateway_.call<int64_t>("count", "n"), 42);
  gateway_.redis.on("GET", [](const TestRedis::Words&) -> RedisValue {
    throw CallFailure(Outcome::timeout, "no answer within 1000 ms");
  });
  EXPECT_THAT([&] { gateway_.call("read", "a"); },
              fails_with<RemoteException>("no answer within 1000 ms"));
  gateway_.redis.on("GET", [](const TestRedis::Words& words) -> RedisValue {
    return TestRedis::text(words.at(7));
  });
  EXPECT_THAT([&] { gateway_.call("read", "a"); },
              fails_with<RemoteException>("the test's answer to GET: vector::_M_range_check"));
  gateway_.redis.on("GET", [](const TestRedis::Words&) {
    return TestRedis::array({TestRedis::text("a"), TestRedis::status("b")});
  });
  EXPECT_EQ(gateway_.call<std::optional<std::string>>("read", "a"), std::nullopt);
}

TEST_F(TestGatewayTest, RedisMayBeAway) {
  gateway_.redis.away = "redis is away";
  EXPECT_THAT([&] { gateway_.call("read", "a"); }, fails_with<RemoteException>("redis is away"));
  gateway_.redis.away.clear();
  EXPECT_EQ(gateway_.call<std::optional<std::string>>("read", "a"), std::nullopt);
}

TEST_F(TestGatewayTest, TimePassesWhenTheTestSaysSo) {
  TestCall<uint64_t> nap = gateway_.begin<uint64_t>("nap", 20'000);
  gateway_.pass_ms(19'999);
  EXPECT_FALSE(nap.done());
  gateway_.pass_ms(1);
  EXPECT_TRUE(nap.done());
  EXPECT_EQ(nap.result(), 20'000u);
}

TEST_F(TestGatewayTest, TimePassesWhileAResultIsWaitedFor) {
  EXPECT_EQ(gateway_.call<uint64_t>("nap", 29'000), 29'000u);
  EXPECT_THAT([&] { gateway_.call("nap", 31'000); },
              fails_with<RemoteException>("`nap` has not ended within 30000 ms"));
}

TEST_F(TestGatewayTest, ABackendIsOtherFunctions) {
  EXPECT_THAT([&] { gateway_.call("price", "a"); },
              fails_with<RemoteException>("no backend is named `shop`"));
  Functions shop;
  shop.add("price", "", [](std::string title, Context& context) -> Task<int64_t> {
    co_await context.sleep(5);
    if (title.empty()) {
      throw std::runtime_error("no title");
    }
    co_return static_cast<int64_t>(title.size());
  });
  gateway_.add_backend("shop", shop);
  EXPECT_EQ(gateway_.call<int64_t>("price", "four"), 4);
  EXPECT_EQ(gateway_.call<int64_t>("literal"), 7);
  EXPECT_THAT(
      [&] { gateway_.call("price", ""); },
      fails_with<RemoteException>("shop.price: server_exception: RuntimeError('no title')"));
  EXPECT_THAT([&] { gateway_.add_backend("shop", shop); },
              ThrowsMessage<std::logic_error>(HasSubstr("`shop`")));
}

TEST_F(TestGatewayTest, AThreadIsWaitedForAndTakesNoTime) {
  TestCall<int64_t> work = gateway_.begin<int64_t>("thread");
  EXPECT_FALSE(work.done());
  gateway_.pass_ms(0);
  EXPECT_TRUE(work.done());
  EXPECT_EQ(work.result(), 7);
}

TEST_F(TestGatewayTest, AClientMayHangUp) {
  TestCall<std::optional<std::string>> read =
      gateway_.begin<std::optional<std::string>>("read", "a");
  read.hang_up();
  gateway_.pass_ms(0);
  EXPECT_FALSE(read.done());
  EXPECT_THAT([&] { read.result(); }, fails_with<std::logic_error>("hung up"));
}

TEST_F(TestGatewayTest, CallsMayBeUnderWayAtTheEnd) {
  const TestCall<> never = gateway_.begin("never");
  const TestCall<> nap = gateway_.begin("nap", 10);
  EXPECT_FALSE(never.done());
  EXPECT_FALSE(nap.done());
}

struct Waits {
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<>) const {}
  void await_resume() const {}
};

TEST_F(TestGatewayTest, WhatWillNotAnswerIsTold) {
  Functions functions;
  functions.add("stuck", "", []() -> Task<> { co_await Waits(); }, {.timeout_ms = 0});
  TestGateway gateway(functions);
  EXPECT_THAT([&] { gateway.call("stuck"); },
              fails_with<std::logic_error>("`stuck` will not answer"));
}

TEST_F(TestGatewayTest, ARealRedisThatIsNotThereIsTold) {
  EXPECT_THAT([] { TestGateway(Functions(), {.redis = "redis://127.0.0.1:1/0"}); },
              fails_with<std::runtime_error>("TestOptions.redis: "));
  EXPECT_THAT([] { TestGateway(Functions(), {.redis = "127.0.0.1"}); },
              fails_with<std::runtime_error>("TestOptions.redis: "));
  EXPECT_THAT([] { TestGateway(Functions(), {.redis = "rediss://127.0.0.1"}); },
              fails_with<std::runtime_error>("TLS"));
}

}  // namespace
}  // namespace zerogate
