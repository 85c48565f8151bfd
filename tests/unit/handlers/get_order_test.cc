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
  const std::string kNotFound =
      error_body(ErrorKey::server_exception, "order `" + kId + "` not found");
  GetOrder get_{redis_.command()};
};

TEST_F(GetOrderTest, AnswersWithTheStoredBytes) {
  serve(get_, kArgument);
  ASSERT_EQ(redis_.commands.size(), 1u);
  EXPECT_THAT(redis_.commands[0].arguments, ElementsAre("GET", kId));
  EXPECT_TRUE(answers_.bodies.empty());
  const std::string stored = order_with("updated_at");
  redis_.answer(0, ok(stored));
  EXPECT_THAT(answers_.bodies, ElementsAre(stored));
  EXPECT_EQ(ended(Outcome::ok), 1u);
}

TEST_F(GetOrderTest, SaysThatThereIsNoSuchOrder) {
  serve(get_, kArgument);
  redis_.answer(0, RedisReply{});
  EXPECT_THAT(answers_.bodies, ElementsAre(kNotFound));
  EXPECT_EQ(ended(Outcome::error), 1u);
}

TEST_F(GetOrderTest, WhatIsNoOrderIsNotFound) {
  size_t index = 0;
  for (const std::string& stored :
       {std::string(), std::string("\xc1"), std::string("\x01\x02"), std::string("\x92\x01"),
        std::string("\xd9"), std::string("A"), std::string("\x81\xa2id\xa1x"), order_with("other"),
        order_with("updated_at") + "\xc0"}) {
    serve(get_, kArgument);
    redis_.answer(index++, ok(stored));
    EXPECT_EQ(answers_.bodies.back(), kNotFound);
  }
  EXPECT_EQ(ended(Outcome::error), index);
}

TEST_F(GetOrderTest, OnlyAnOrdersIdIsAskedFor) {
  for (const std::string id :
       {"session:admin", "0b5a8f6e-2f0b-4c1e-9d55-1c2f3a4b5c6", "",
        "0b5a8f6e-2f0b-4c1e-9d55-1c2f3a4b5c6g", "0b5a8f6e02f0b-4c1e-9d55-1c2f3a4b5c6d"}) {
    serve(get_, "\xd9" + std::string(1, static_cast<char>(id.size())) + id);
    EXPECT_EQ(answers_.bodies.back(),
              error_body(ErrorKey::server_exception, "order `" + id + "` not found"));
  }
  EXPECT_TRUE(redis_.commands.empty());
  EXPECT_EQ(ended(Outcome::error), 5u);
}

TEST_F(GetOrderTest, RefusesAWrongArgumentWithoutAskingRedis) {
  serve(get_, "\x01");
  EXPECT_EQ(answers_.bodies.back(),
            error_body(ErrorKey::validation_error, "Expected `str`, got `int`"));
  serve(get_, "\xa1\xff");
  EXPECT_EQ(answers_.bodies.back(),
            error_body(ErrorKey::validation_error, "Invalid UTF-8 in `str`"));
  serve(get_, "\xda\x01\x01" + std::string(257, 'a'));
  EXPECT_EQ(answers_.bodies.back(),
            error_body(ErrorKey::validation_error, "Expected `str` of length <= 256"));
  EXPECT_TRUE(redis_.commands.empty());
  EXPECT_EQ(ended(Outcome::invalid), 3u);

  serve(get_, std::string("\xda\x01\x00", 3) + std::string(256, 'a'));  // just short enough
  EXPECT_EQ(ended(Outcome::error), 1u) << "an unknown id, but no wrong argument";
}

TEST_F(GetOrderTest, PassesRedisFailuresOn) {
  serve(get_, kArgument);
  redis_.answer(0, failure(RedisReply::Status::timeout, "no answer within 1000 ms"));
  EXPECT_THAT(answers_.bodies,
              ElementsAre(error_body(ErrorKey::server_exception, "no answer within 1000 ms")));
  EXPECT_EQ(ended(Outcome::timeout), 1u);
}

}  // namespace
}  // namespace zerogate
