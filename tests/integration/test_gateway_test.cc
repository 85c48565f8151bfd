// The testing kit of the SDK with a real Redis: what functions write is there, and its failures are
// theirs.
#include "core/testing/test_gateway.h"

#include <gmock/gmock.h>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/log/log.h"
#include "tests/integration/own_port.h"
#include "tests/integration/redis_server.h"

namespace zerogate {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using Text = std::optional<std::string>;
using testing::RedisServer;

struct Memo {
  std::string key;
  std::string text;
  ZEROGATE_FIELDS(key, text)
};

Functions memos() {
  Functions functions({.threads = 1, .queue = 10});
  functions
      .add("keep", "",
           [](Memo memo, Context& context) -> Task<> {
             co_await context.redis.set(memo.key, memo.text);
           })
      .add("read", "",
           [](std::string key, Context& context) -> Task<Text> {
             co_return co_await context.redis.get(key);
           })
      .add("count", "",
           [](std::string key, Context& context) -> Task<int64_t> {
             const RedisValue reply = co_await context.redis.command("INCR", key);
             co_return reply.integer;
           })
      .add("list", "",
           [](std::string key, Context& context) -> Task<std::vector<std::string>> {
             const RedisValue reply = co_await context.redis.command("LRANGE", key, 0, -1);
             std::vector<std::string> items;
             for (const RedisValue& item : reply.items) {
               items.push_back(item.text);
             }
             co_return items;
           })
      .add("later", "", [](std::string key, Context& context) -> Task<Text> {
        co_await context.sleep(20'000);
        auto work = context.blocking([] { return 1; });
        co_await work;
        co_return co_await context.redis.get(key);
      });
  return functions;
}

class TestGatewayRedisTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { log::set_level(log::Level::off); }

  std::string url(uint32_t database = 0) const {
    return "redis://:secret@127.0.0.1:" + std::to_string(server_.port()) + "/" +
           std::to_string(database);
  }
  std::string fails(const char* function) {
    try {
      gateway_.call(function, "a");
    } catch (const RemoteException& error) {
      return error.what();
    }
    return "it did not fail";
  }

  RedisServer server_{{.password = "secret"}};
  TestGateway gateway_{memos(), {.redis = url()}};
};

TEST_F(TestGatewayRedisTest, WhatAFunctionWritesIsInRedis) {
  gateway_.call("keep", Memo{.key = "a", .text = "text"});
  EXPECT_EQ(server_.run({"GET", "a"}), "text");
  EXPECT_EQ(gateway_.call<Text>("read", "a"), "text");
  EXPECT_EQ(gateway_.call<Text>("read", "b"), std::nullopt);
  EXPECT_EQ(gateway_.call<int64_t>("count", "n"), 1);
  server_.run({"RPUSH", "l", "x", "y"});
  EXPECT_EQ(gateway_.call<std::vector<std::string>>("list", "l"),
            (std::vector<std::string>{"x", "y"}));
}

TEST_F(TestGatewayRedisTest, TheDatabaseIsThatOfTheUrl) {
  TestGateway other(memos(), {.redis = url(3)});
  other.call("keep", Memo{.key = "a", .text = "text"});
  EXPECT_EQ(server_.run({"GET", "a"}, 3), "text");
  EXPECT_EQ(gateway_.call<Text>("read", "a"), std::nullopt);
}

TEST_F(TestGatewayRedisTest, ManyCallsAreUnderWayAtOnce) {
  std::vector<TestCall<int64_t>> calls;
  for (int i = 0; i < 200; ++i) {
    calls.push_back(gateway_.begin<int64_t>("count", "n"));
  }
  int64_t expected = 0;
  for (TestCall<int64_t>& call : calls) {
    EXPECT_EQ(call.result(), ++expected);
  }
}

TEST_F(TestGatewayRedisTest, RedisAndThreadsTakeNoneOfItsTime) {
  server_.run({"SET", "a", "text"});
  TestCall<Text> later = gateway_.begin<Text>("later", "a");
  EXPECT_EQ(gateway_.call<Text>("read", "a"), "text");
  gateway_.pass_ms(19'999);
  EXPECT_FALSE(later.done());
  gateway_.pass_ms(1);
  EXPECT_TRUE(later.done());
  EXPECT_EQ(later.result(), "text");
}

TEST_F(TestGatewayRedisTest, AnErrorOfRedisIsTheCalls) {
  server_.run({"RPUSH", "a", "x"});
  EXPECT_THAT(fails("read"), HasSubstr("WRONGTYPE"));
  EXPECT_THAT(fails("count"), HasSubstr("WRONGTYPE"));
}

TEST_F(TestGatewayRedisTest, AfterALateAnswerItGoesOn) {
  server_.run({"SET", "a", "text"});
  server_.stop();
  EXPECT_THAT(fails("read"), HasSubstr("redis timed out after 1"));
  server_.resume();
  EXPECT_EQ(gateway_.call<Text>("read", "a"), "text");
  EXPECT_EQ(gateway_.call<int64_t>("count", "n"), 1);
}

TEST_F(TestGatewayRedisTest, IsAwayAndComesBack) {
  server_.kill();
  EXPECT_THAT(fails("count"), HasSubstr("redis unavailable: "));
  EXPECT_THAT(fails("read"), HasSubstr("redis unavailable: "));
  server_.restart();
  Text text = "nothing yet";
  for (const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
       text && std::chrono::steady_clock::now() < end;) {
    try {
      text = gateway_.call<Text>("read", "a");
    } catch (const RemoteException&) {
    }
  }
  EXPECT_EQ(text, std::nullopt);
  EXPECT_EQ(gateway_.call<int64_t>("count", "n"), 1);
}

TEST_F(TestGatewayRedisTest, MayEndWithCommandsUnderWay) {
  TestGateway other(memos(), {.redis = url()});
  server_.stop();
  TestCall<Text> read = other.begin<Text>("read", "a");
  TestCall<Text> left = other.begin<Text>("read", "b");
  left.hang_up();
  EXPECT_FALSE(read.done());
}

TEST_F(TestGatewayRedisTest, SaysWhyItReachesNone) {
  const auto with = [](const std::string& redis) {
    return [redis] { TestGateway gateway(memos(), {.redis = redis}); };
  };
  const std::string nobody = "127.0.0.1:" + std::to_string(testing::own_port());
  EXPECT_THAT(with("redis://" + nobody),
              ThrowsMessage<std::runtime_error>(
                  AllOf(HasSubstr("TestOptions.redis: connection refused"), HasSubstr(nobody))));
  EXPECT_THAT(with("redis://127.0.0.1:" + std::to_string(server_.port())),
              ThrowsMessage<std::runtime_error>(HasSubstr("NOAUTH")));
  EXPECT_THAT(with("http://a"),
              ThrowsMessage<std::runtime_error>(HasSubstr("TestOptions.redis: ")));
}

}  // namespace
}  // namespace zerogate
