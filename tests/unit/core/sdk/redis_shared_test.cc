#include "core/sdk/redis_shared.h"

#include <gmock/gmock.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/unit/core/sdk/functions_fixture.h"

namespace zerogate::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

TEST(RedisSharedTest, WhatWouldChangeTheConnectionOfAllCallsIsRefused) {
  for (const ByteView name :
       {"ASKING",     "AUTH",      "BLMOVE",   "BLMPOP",    "BLPOP",        "BRPOP",
        "BRPOPLPUSH", "BZMPOP",    "BZPOPMAX", "BZPOPMIN",  "CLIENT",       "DEBUG",
        "DISCARD",    "EXEC",      "HELLO",    "MONITOR",   "MULTI",        "PSUBSCRIBE",
        "PSYNC",      "QUIT",      "READONLY", "READWRITE", "PUNSUBSCRIBE", "REPLCONF",
        "RESET",      "SELECT",    "SHUTDOWN", "SUBSCRIBE", "SSUBSCRIBE",   "SUNSUBSCRIBE",
        "SYNC",       "UNWATCH",   "WAIT",     "WAITAOF",   "UNSUBSCRIBE",  "WATCH",
        "multi",      "Subscribe", "bLpOp"}) {
    const ByteView words[] = {name, "x"};
    EXPECT_THAT(sdk::why_redis_refuses(words), HasSubstr("is refused, for all calls share"))
        << name;
  }
  for (const ByteView name :
       {"GET", "SET", "EVAL", "EVALSHA", "FCALL", "PUBLISH", "LPOP", "MGET", "MULTIX", "MULT", "",
        "PUNSUBSCRIBES", "XADD", "ZPOPMIN", "A-NAME-LONGER-THAN-ANY-OF-REDIS"}) {
    const ByteView words[] = {name, "MULTI"};
    EXPECT_EQ(sdk::why_redis_refuses(words), "") << name;
  }
}

TEST(RedisSharedTest, ARefusalSaysWhatElseToDo) {
  const std::pair<ByteView, ByteView> commands[] = {
      {"MULTI", "; EVAL runs a script as one step"},
      {"SELECT", "; user, password and database are those of redis.url"},
      {"CLIENT", "; CLIENT ID, INFO, LIST and GETNAME are sent"},
      {"SUBSCRIBE", "; it needs a Redis client of your own"},
      {"BLPOP", "; ask without waiting, and again after context.sleep()"},
      {"SHUTDOWN", "; it is for redis-cli"}};
  for (const auto& [name, instead] : commands) {
    const ByteView words[] = {name, "x"};
    EXPECT_THAT(sdk::why_redis_refuses(words), EndsWith(std::string(instead))) << name;
  }
}

TEST(RedisSharedTest, AStreamMayBeReadWithoutWaiting) {
  const std::pair<std::vector<ByteView>, bool> commands[] = {
      {{"XREAD", "COUNT", "5", "BLOCK", "0", "STREAMS", "s", "$"}, true},
      {{"xread", "block", "10", "streams", "s", "$"}, true},
      {{"XREADGROUP", "GROUP", "g", "me", "NOACK", "BLOCK", "0", "STREAMS", "s", ">"}, true},
      {{"XREAD", "COUNT", "5", "STREAMS", "BLOCK", "0"}, false},
      {{"XREADGROUP", "GROUP", "BLOCK", "block", "STREAMS", "s", ">"}, false},
      {{"XREAD"}, false}};
  for (const auto& [words, refused] : commands) {
    EXPECT_EQ(sdk::why_redis_refuses(words).find(" with BLOCK is refused") != std::string::npos,
              refused)
        << words[0];
  }
}

TEST(RedisSharedTest, AClientMayAskWhoThereIs) {
  for (const ByteView what : {"ID", "info", "LIST", "GetName"}) {
    const ByteView words[] = {"CLIENT", what};
    EXPECT_EQ(sdk::why_redis_refuses(words), "") << what;
  }
  for (const ByteView what : {"REPLY", "PAUSE", "TRACKING", "KILL", ""}) {
    const ByteView words[] = {"client", what};
    EXPECT_NE(sdk::why_redis_refuses(words), "") << what;
  }
  const ByteView alone[] = {"CLIENT"};
  EXPECT_NE(sdk::why_redis_refuses(alone), "");
}

TEST_F(FunctionsTest, ARefusedCommandFailsAtItsAwaitAndIsNotSent) {
  functions_.add("both", "", [](std::string name, Context& context) -> Task<int64_t> {
    auto refused = context.redis.command(name);
    const RedisValue counted = co_await context.redis.command("INCRBY", "n", 5);
    co_await refused;
    co_return counted.integer;
  });
  start();
  call("both", std::string("multi"));
  ASSERT_EQ(commands_.size(), 1u);
  EXPECT_THAT(commands_[0].first, ElementsAre("INCRBY", "n", "5"));
  answer_redis(redis_integer(5));
  EXPECT_EQ(ended(Outcome::error), 1u);
  EXPECT_THAT(answer_bytes(), AllOf(HasSubstr("redis command MULTI is refused"),
                                    HasSubstr("EVAL runs a script as one step")));
}

}  // namespace
}  // namespace zerogate::testing
