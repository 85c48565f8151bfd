#include "handlers/save_order.h"

#include <gmock/gmock.h>

#include <iterator>
#include <set>

#include "handlers/local_time.h"
#include "tests/unit/handlers/handler_fixture.h"

namespace zerogate {
namespace {

const std::string kArgument =
    "\x82\xa7user_id\xa1"
    "1"
    "\xa5items\x92\xa5"
    "apple\xa6python";

class SaveOrderTest : public HandlerTest {
 protected:
  void save() { call_with_bytes("save_order", kArgument); }
};

TEST_F(SaveOrderTest, StoresTheBenchmarkRecord) {
  const std::string before(LocalTime().now());
  save();
  const std::string after(LocalTime().now());
  ASSERT_EQ(commands_.size(), 1u);
  ASSERT_EQ(command(0).size(), 3u);
  EXPECT_EQ(command(0)[0], "SET");
  EXPECT_EQ(command(0)[1].size(), 36u);
  const std::string& record = command(0)[2];
  ASSERT_EQ(record.size(), 159u);
  const std::string now = record.substr(record.size() - LocalTime::kTextBytes);
  EXPECT_LE(before, now);
  EXPECT_LE(now, after);
  // As msgspec encodes the benchmark's Order.
  EXPECT_EQ(record, "\x86\xa2id\xd9\x24" + command(0)[1] +
                        "\xa5items\x92\xa5"
                        "apple\xa6python"
                        "\xaa"
                        "created_by\xa1"
                        "1"
                        "\xaa"
                        "created_at\xba" +
                        now + std::string("\xa6status\x00", 8) + "\xaaupdated_at\xba" + now);
}

TEST_F(SaveOrderTest, AnswersOnlyWhenRedisHasSaidOk) {
  save();
  EXPECT_EQ(answers(), 0u);
  const std::string id = command(0)[1];
  answer_redis(redis_ok());
  const std::string reply = "\x83\xa8order_id\xd9\x24" + id + std::string("\xa6status\x00", 8) +
                            "\xa5items\x92\xa5"
                            "apple\xa6python";
  EXPECT_EQ(answer_bytes(), reply);
  EXPECT_EQ(reply.size(), 76u) << "a T3 frame of 85 bytes";
  EXPECT_EQ(ended(Outcome::ok), 1u);
}

TEST_F(SaveOrderTest, MayBeSentAgain) {
  save();
  EXPECT_TRUE(commands_[0].second->idempotent()) << "the key is new, and the value the same";
}

TEST_F(SaveOrderTest, AnyOtherReplyThanOkIsAnError) {
  RedisReply array;
  array.has_value = true;
  RedisReply number = array;
  number.integer = 1;
  RedisReply queued = redis_value("QUEUED");
  queued.is_status = true;
  const RedisReply replies[] = {RedisReply{}, array, number, redis_value("OK"), queued};
  for (const RedisReply& reply : replies) {
    save();
    answer_redis(reply);
    EXPECT_EQ(answer_bytes(), error("redis answered SET with something else than OK"));
  }
  EXPECT_EQ(ended(Outcome::error), std::size(replies));
}

TEST_F(SaveOrderTest, KeepsCallsApartThatAreAnsweredOutOfOrder) {
  std::set<std::string> ids;
  for (int i = 0; i < 3; ++i) {
    save();
  }
  while (!commands_.empty()) {
    const std::string id = commands_.back().first[1];
    answer_last(redis_ok());
    EXPECT_NE(answer_bytes().find(id), std::string::npos);
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 3u);
}

TEST_F(SaveOrderTest, PassesRedisFailuresOn) {
  using Status = RedisReply::Status;
  const std::pair<Status, Outcome> kinds[] = {{Status::error, Outcome::error},
                                              {Status::timeout, Outcome::timeout},
                                              {Status::unavailable, Outcome::unavailable},
                                              {Status::overloaded, Outcome::overloaded}};
  for (const auto& [status, outcome] : kinds) {
    save();
    answer_redis(redis_failure(status, "Redis is away"));
    EXPECT_EQ(answer_bytes(), error("Redis is away"));
    EXPECT_EQ(ended(outcome), 1u);
  }
}

TEST_F(SaveOrderTest, RefusesAWrongArgumentWithoutAskingRedis) {
  call_with_bytes("save_order", "\x81\xa7user_id\x07");
  EXPECT_EQ(answer_bytes(),
            error("Expected `str`, got `int` - at `$.user_id`", wire::ErrorKey::validation_error));
  EXPECT_EQ(ended(Outcome::invalid), 1u);
  EXPECT_TRUE(commands_.empty());
}

TEST_F(SaveOrderTest, MovesALargeOrder) {
  std::string items = "\xdc\x27\x10";  // an array of 10,000
  for (int i = 0; i < 10'000; ++i) {
    items +=
        "\xa3"
        "abc";
  }
  call_with_bytes("save_order", "\x82\xa5items" + items +
                                    "\xa7user_id\xa1"
                                    "1");
  EXPECT_THAT(command(0)[2], ::testing::HasSubstr(items));
  answer_redis(redis_ok());
  EXPECT_THAT(answer_bytes(), ::testing::EndsWith(items));
  save();
  EXPECT_EQ(command(0)[2].size(), 159u);
  answer_redis(redis_ok());
}

}  // namespace
}  // namespace zerogate
