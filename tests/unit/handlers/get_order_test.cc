#include "handlers/get_order.h"

#include <gmock/gmock.h>

#include "tests/unit/handlers/handler_fixture.h"

namespace zerogate {
namespace {

using testing::ElementsAre;
using wire::ErrorKey;

class GetOrderTest : public HandlerTest {
 protected:
  GetOrder get_{redis_.command()};
};

TEST_F(GetOrderTest, AnswersWithTheStoredBytes) {
  serve(get_,
        "\xa3"
        "abc");
  ASSERT_EQ(redis_.commands.size(), 1u);
  EXPECT_THAT(redis_.commands[0].arguments, ElementsAre("GET", "abc"));
  EXPECT_TRUE(answers_.bodies.empty());
  redis_.answer(0, ok("\x81\xa2id\xd9\x03"
                      "abc"));
  EXPECT_THAT(answers_.bodies, ElementsAre("\x81\xa2id\xd9\x03"
                                           "abc"));
  EXPECT_EQ(ended(Outcome::ok), 1u);
}

TEST_F(GetOrderTest, SaysThatThereIsNoSuchOrder) {
  serve(get_,
        "\xa3"
        "abc");
  redis_.answer(0, RedisReply{});
  EXPECT_THAT(answers_.bodies,
              ElementsAre(error_body(ErrorKey::server_exception, "order `abc` not found")));
  EXPECT_EQ(ended(Outcome::error), 1u);
}

TEST_F(GetOrderTest, DoesNotPassOnWhatIsNotOneValue) {
  const std::string text = error_body(ErrorKey::server_exception,
                                      "what is stored as order `k` is not one MessagePack value");
  size_t index = 0;
  for (const std::string stored : {"", "\xc1", "\x01\x02", "\x92\x01", "\xd9"}) {
    serve(get_, "\xa1k");
    redis_.answer(index++, ok(stored));
    EXPECT_EQ(answers_.bodies.back(), text);
  }
  EXPECT_EQ(ended(Outcome::error), index);
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
  ASSERT_EQ(redis_.commands.size(), 1u);
  redis_.answer(0, ok("\xc0"));
}

TEST_F(GetOrderTest, PassesRedisFailuresOn) {
  serve(get_, "\xa1k");
  redis_.answer(0, failure(RedisReply::Status::timeout, "no answer within 1000 ms"));
  EXPECT_THAT(answers_.bodies,
              ElementsAre(error_body(ErrorKey::server_exception, "no answer within 1000 ms")));
  EXPECT_EQ(ended(Outcome::timeout), 1u);
}

}  // namespace
}  // namespace zerogate
