#include "handlers/save_order.h"

#include <gmock/gmock.h>

#include <set>

#include "tests/unit/handlers/handler_fixture.h"

namespace zerogate {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;

constexpr time_t kSecond = 1'714'972'089;
timespec fixed_clock() { return {kSecond, 12'345'678}; }

const std::string kArgument =
    "\x82\xa7user_id\xa1"
    "1"
    "\xa5items\x92\xa5"
    "apple\xa6python";

class SaveOrderTest : public HandlerTest {
 protected:
  SaveOrder save_{redis_.command(), &fixed_clock};

  static std::string order_id(const FakeRedis::Command& command) { return command.arguments[1]; }
};

TEST_F(SaveOrderTest, StoresTheBenchmarkRecord) {
  serve(save_, kArgument);
  ASSERT_EQ(redis_.commands.size(), 1u);
  const auto& arguments = redis_.commands[0].arguments;
  ASSERT_EQ(arguments.size(), 3u);
  EXPECT_EQ(arguments[0], "SET");
  EXPECT_EQ(arguments[1].size(), 36u);
  const std::string now(LocalTime(&fixed_clock).now());
  // As msgspec encodes the benchmark's Order.
  EXPECT_EQ(arguments[2], "\x86\xa2id\xd9\x24" + arguments[1] +
                              "\xa5items\x92\xa5"
                              "apple\xa6python"
                              "\xaa"
                              "created_by\xa1"
                              "1"
                              "\xaa"
                              "created_at\xba" +
                              now + std::string("\xa6status\x00", 8) + "\xaaupdated_at\xba" + now);
  EXPECT_EQ(arguments[2].size(), 159u);
  redis_.answer(0, said("OK"));
}

TEST_F(SaveOrderTest, AnswersOnlyWhenRedisHasSaidOk) {
  serve(save_, kArgument);
  EXPECT_THAT(answers_.bodies, ElementsAre());
  redis_.answer(0, said("OK"));
  const std::string reply = "\x83\xa8order_id\xd9\x24" + order_id(redis_.commands[0]) +
                            std::string("\xa6status\x00", 8) +
                            "\xa5items\x92\xa5"
                            "apple\xa6python";
  EXPECT_THAT(answers_.bodies, ElementsAre(reply));
  EXPECT_EQ(reply.size(), 76u) << "a T3 frame of 85 bytes";
  EXPECT_EQ(ended(Outcome::ok), 1u);
}

TEST_F(SaveOrderTest, AnyOtherReplyThanOkIsAnError) {
  RedisReply array;
  array.has_value = true;
  RedisReply number = array;
  number.integer = 1;
  const RedisReply replies[] = {RedisReply{}, array,          number,
                                ok("OK"),     said("QUEUED"), said("PONG")};
  for (size_t i = 0; i < std::size(replies); ++i) {
    serve(save_, kArgument);
    redis_.answer(i, replies[i]);
    EXPECT_EQ(answers_.bodies.back(), error_body(wire::ErrorKey::server_exception,
                                                 "redis answered SET with something else than OK"));
  }
  EXPECT_EQ(ended(Outcome::error), std::size(replies));
}

TEST_F(SaveOrderTest, KeepsCallsApartThatAreAnsweredOutOfOrder) {
  std::set<std::string> ids;
  for (int i = 0; i < 3; ++i) {
    serve(save_, kArgument);
  }
  for (const size_t i : {size_t{2}, size_t{0}, size_t{1}}) {
    redis_.answer(i, said("OK"));
    EXPECT_NE(answers_.bodies.back().find(order_id(redis_.commands[i])), std::string::npos);
    ids.insert(order_id(redis_.commands[i]));
  }
  EXPECT_EQ(ids.size(), 3u);
}

TEST_F(SaveOrderTest, ReusesItsOperationsWithoutLeftovers) {
  for (size_t i = 0; i < 3; ++i) {
    serve(save_, kArgument);
    redis_.answer(i, said("OK"));
    EXPECT_EQ(redis_.commands[i].request, redis_.commands[0].request);
    EXPECT_EQ(redis_.commands[i].arguments[2].size(), 159u);
    EXPECT_EQ(answers_.bodies[i].size(), 76u);
  }
}

TEST_F(SaveOrderTest, PassesRedisFailuresOn) {
  using Status = RedisReply::Status;
  const std::pair<Status, Outcome> kinds[] = {{Status::error, Outcome::error},
                                              {Status::timeout, Outcome::timeout},
                                              {Status::unavailable, Outcome::unavailable},
                                              {Status::overloaded, Outcome::overloaded}};
  for (size_t i = 0; i < std::size(kinds); ++i) {
    serve(save_, kArgument);
    redis_.answer(i, failure(kinds[i].first, "Redis is away"));
    EXPECT_EQ(answers_.bodies.back(),
              error_body(wire::ErrorKey::server_exception, "Redis is away"));
    EXPECT_EQ(ended(kinds[i].second), 1u);
  }
}

TEST_F(SaveOrderTest, StandsBeingRefusedFromInsideTheCommand) {
  redis_.refuse_at_once = true;
  redis_.refusal = failure(RedisReply::Status::unavailable, "not connected");
  serve(save_, kArgument);
  serve(save_, kArgument);
  EXPECT_EQ(redis_.refused, 2);
  EXPECT_EQ(ended(Outcome::unavailable), 2u);
  redis_.refuse_at_once = false;
  serve(save_, kArgument);
  redis_.answer(0, said("OK"));
  EXPECT_EQ(answers_.bodies.back().size(), 76u);
}

TEST_F(SaveOrderTest, RefusesAWrongArgumentWithoutAskingRedis) {
  serve(save_, "\x81\xa7user_id\x07");
  EXPECT_EQ(answers_.bodies.back(), error_body(wire::ErrorKey::validation_error,
                                               "Expected `str`, got `int` - at `$.user_id`"));
  EXPECT_EQ(ended(Outcome::invalid), 1u);
  EXPECT_TRUE(redis_.commands.empty());
}

TEST_F(SaveOrderTest, MovesALargeOrderAndShrinksAfterIt) {
  std::string items = "\xdc\x27\x10";  // an array of 10,000
  for (int i = 0; i < 10'000; ++i) {
    items +=
        "\xa3"
        "abc";
  }
  serve(save_, "\x82\xa5items" + items +
                   "\xa7user_id\xa1"
                   "1");
  EXPECT_THAT(redis_.commands[0].arguments[2], ::testing::HasSubstr(items));
  redis_.answer(0, said("OK"));
  EXPECT_THAT(answers_.bodies[0], ::testing::EndsWith(items));
  serve(save_, kArgument);
  EXPECT_EQ(redis_.commands[1].arguments[2].size(), 159u);
  redis_.answer(1, said("OK"));
}

}  // namespace
}  // namespace zerogate
