#include "handlers/get_order.h"

#include <gmock/gmock.h>

#include "tests/unit/handlers/handler_fixture.h"

namespace zerogate {
namespace {

using ::testing::ElementsAre;
using wire::ErrorKey;

class GetOrderTest : public HandlerTest {
 protected:
  /// An order whose last field has this name.
  static std::string order_with(const std::string& last) {
    std::string order = "\x86";
    for (const std::string& name :
         {std::string("id"), std::string("items"), std::string("created_by"),
          std::string("created_at"), std::string("status"), last}) {
      order += static_cast<char>(0xa0 + name.size());
      order += name + "\xa1v";
    }
    return order;
  }

  const std::string kId = "0b5a8f6e-2f0b-4c1e-9d55-1c2f3a4b5c6d";
  const std::string kArgument = "\xd9\x24" + kId;
  const std::string kNotFound = error("order `" + kId + "` not found");
};

TEST_F(GetOrderTest, AnswersWithTheStoredBytes) {
  call_with_bytes("get_order", kArgument);
  ASSERT_EQ(commands_.size(), 1u);
  EXPECT_THAT(command(0), ElementsAre("GET", kId));
  EXPECT_EQ(answers(), 0u);
  const std::string stored = order_with("updated_at");
  answer_redis(redis_value(stored));
  EXPECT_EQ(answer_bytes(), stored);
  EXPECT_EQ(ended(Outcome::ok), 1u);
}

TEST_F(GetOrderTest, SaysThatThereIsNoSuchOrder) {
  call_with_bytes("get_order", kArgument);
  answer_redis(RedisReply{});
  EXPECT_EQ(answer_bytes(), kNotFound);
  EXPECT_EQ(ended(Outcome::error), 1u);
}

TEST_F(GetOrderTest, WhatIsNoOrderIsNotFound) {
  size_t count = 0;
  for (const std::string& stored :
       {std::string(), std::string("\xc1"), std::string("\x01\x02"), std::string("\x92\x01"),
        std::string("\xd9"), std::string("A"), std::string("\x81\xa2id\xa1x"), order_with("other"),
        order_with("updated_at") + "\xc0"}) {
    call_with_bytes("get_order", kArgument);
    answer_redis(redis_value(stored));
    ++count;
    EXPECT_EQ(answer_bytes(), kNotFound);
  }
  EXPECT_EQ(ended(Outcome::error), count);
}

TEST_F(GetOrderTest, OnlyAnOrdersIdIsAskedFor) {
  for (const std::string id :
       {"session:admin", "0b5a8f6e-2f0b-4c1e-9d55-1c2f3a4b5c6", "",
        "0b5a8f6e-2f0b-4c1e-9d55-1c2f3a4b5c6g", "0b5a8f6e02f0b-4c1e-9d55-1c2f3a4b5c6d"}) {
    call_with_bytes("get_order", "\xd9" + std::string(1, static_cast<char>(id.size())) + id);
    EXPECT_EQ(answer_bytes(), error("order `" + id + "` not found"));
  }
  EXPECT_TRUE(commands_.empty());
  EXPECT_EQ(ended(Outcome::error), 5u);
}

TEST_F(GetOrderTest, RefusesAWrongArgumentWithoutAskingRedis) {
  call_with_bytes("get_order", "\x01");
  EXPECT_EQ(answer_bytes(), error("Expected `str`, got `int`", ErrorKey::validation_error));
  call_with_bytes("get_order", "\xa1\xff");
  EXPECT_EQ(answer_bytes(), error("Invalid UTF-8 in `str`", ErrorKey::validation_error));
  call_with_bytes("get_order", "\xda\x01\x01" + std::string(257, 'a'));
  EXPECT_EQ(answer_bytes(), error("Expected `str` of length <= 256", ErrorKey::validation_error));
  EXPECT_TRUE(commands_.empty());
  EXPECT_EQ(ended(Outcome::invalid), 3u);

  call_with_bytes("get_order",
                  std::string("\xda\x01\x00", 3) + std::string(256, 'a'));  // just short enough
  EXPECT_EQ(ended(Outcome::error), 1u) << "an unknown id, but no wrong argument";
}

TEST_F(GetOrderTest, PassesRedisFailuresOn) {
  call_with_bytes("get_order", kArgument);
  answer_redis(redis_failure(RedisReply::Status::timeout, "no answer within 1000 ms"));
  EXPECT_EQ(answer_bytes(), error("no answer within 1000 ms"));
  EXPECT_EQ(ended(Outcome::timeout), 1u);
}

}  // namespace
}  // namespace zerogate
