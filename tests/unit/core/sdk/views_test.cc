#include "core/sdk/views.h"

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "tests/unit/core/sdk/everything.h"
#include "tests/unit/core/sdk/functions_fixture.h"

namespace zerogate::testing {
namespace {

using ::testing::ElementsAre;

struct Viewing {
  std::string_view text;
  EncodedView<std::vector<std::string>> items;
  int64_t number = 0;
  ZEROGATE_FIELDS(text, items, number)
};

TEST(ViewsTest, AreFoundWhereverTheyStand) {
  static_assert(sdk::HoldsViews<std::string_view>::value);
  static_assert(sdk::HoldsViews<Viewing>::value);
  static_assert(sdk::HoldsViews<std::vector<std::optional<Viewing>>>::value);
  static_assert(sdk::HoldsViews<std::array<std::map<int64_t, std::string_view>, 2>>::value);
  static_assert(sdk::HoldsViews<std::variant<int64_t, std::tuple<std::string_view>>>::value);
  static_assert(!sdk::HoldsViews<std::vector<std::string>>::value);
  static_assert(!sdk::HoldsViews<everything::Everything>::value);
  static_assert(!sdk::HoldsViews<everything::Node>::value, "which is part of itself");
}

class ViewsOfCallsTest : public FunctionsTest {
 protected:
  /// The message is gone once the call has begun.
  void call_and_forget(const std::string& name, const Viewing& argument) {
    auto bytes = std::make_unique<std::string>();
    encode(argument, *bytes);
    call_with_bytes(name, *bytes);
    std::fill(bytes->begin(), bytes->end(), '#');
  }
  static Viewing small() { return {"text", {"\x91\xa1x"}, 7}; }
};

TEST_F(ViewsOfCallsTest, ACoroutinesArgumentOutlivesItsMessage) {
  functions_.add("later", "", [](const Viewing& argument, Context& context) -> Task<Viewing> {
    co_await context.sleep(5);
    co_return argument;
  });
  start();
  call_and_forget("later", small());
  const std::string large(10'000, 'x');
  call_and_forget("later", {large, {"\x90"}, 8});
  pass_ms(5);
  ASSERT_EQ(answers(), 2u);
  EXPECT_EQ(decode<Viewing>(sink_.answers[0].body).value().items.msgpack, "\x91\xa1x");
  EXPECT_EQ(decode<Viewing>(sink_.answers[1].body).value().text, large);
}

TEST_F(ViewsOfCallsTest, WhatIsKeptLivesAsLongAsTheCall) {
  functions_.add("keeps", "", [](Context& context) -> Task<std::vector<std::string_view>> {
    std::vector<std::string_view> kept;
    for (const size_t size : {0, 100, 100, 1, 5'000, 20}) {
      kept.push_back(context.keep(std::string(size, static_cast<char>('a' + kept.size()))));
    }
    co_await context.sleep(1);
    co_return kept;
  });
  start();
  call("keeps", 0);
  pass_ms(1);
  EXPECT_THAT(answer<std::vector<std::string>>(),
              ElementsAre("", std::string(100, 'b'), std::string(100, 'c'), "d",
                          std::string(5'000, 'e'), std::string(20, 'f')));
}

TEST_F(ViewsOfCallsTest, FreshIdsDifferAndLiveAsLongAsTheCall) {
  functions_.add("ids", "", [](Context& context) -> Task<std::vector<std::string_view>> {
    const std::vector<std::string_view> ids = {context.uuid(), context.uuid()};
    co_await context.sleep(1);
    co_return ids;
  });
  start();
  call("ids", 0);
  pass_ms(1);
  const auto ids = answer<std::vector<std::string>>();
  Uuid id;
  EXPECT_TRUE(Uuid::parse(ids[0], id) && Uuid::parse(ids[1], id));
  EXPECT_NE(ids[0], ids[1]);
}

TEST_F(ViewsOfCallsTest, AValueIsStoredAsItsMessagePackAndATextAsItIs) {
  functions_.add("store", "", [](Context& context) -> Task<> {
    co_await context.redis.set("value", small(), RedisRepeat::harmless);
    co_await context.redis.set("text", std::string("as it is"));
    const std::vector<int64_t> list = {1, 2};
    co_await context.redis.set("list", list);
  });
  start();
  call("store", 0);
  EXPECT_EQ(decode<Viewing>(commands_[0].first[2]).value().text, "text");
  EXPECT_TRUE(commands_[0].second->idempotent());
  answer_redis(redis_ok());
  EXPECT_THAT(commands_[0].first, ElementsAre("SET", "text", "as it is"));
  EXPECT_FALSE(commands_[0].second->idempotent());
  answer_redis(redis_ok());
  EXPECT_THAT(commands_[0].first, ElementsAre("SET", "list", "\x92\x01\x02"));
  answer_redis(redis_ok());
  EXPECT_EQ(ended(Outcome::ok), 1u);
}

TEST_F(ViewsOfCallsTest, AViewOfAReplyIsThereWheneverTheReplyComes) {
  functions_.add("both", "", [](Context& context) -> Task<std::string> {
    auto early = context.redis.get_view("early");
    const std::optional<std::string_view> awaited = co_await context.redis.get_view("awaited");
    std::string text(awaited.value_or("nothing"));
    text += (co_await early).value_or("nothing");
    co_return text;
  });
  start();
  call("both", 0);
  {
    const std::string early(40, 'e');
    answer_redis(redis_value(early));
  }
  answer_redis(redis_value("a"));
  EXPECT_EQ(answer<std::string>(), "a" + std::string(40, 'e'));
  call("both", 0);
  answer_redis(RedisReply{});
  answer_redis(RedisReply{});
  EXPECT_EQ(answer<std::string>(), "nothingnothing");
}

TEST_F(ViewsOfCallsTest, AResultMayViewTheReply) {
  functions_.add("pass", "", [](Context& context) -> Task<EncodedView<Raw>> {
    co_return {(co_await context.redis.get_view("k")).value()};
  });
  start();
  call("pass", 0);
  answer_redis(redis_value("\x93\x01\x02\x03"));
  EXPECT_EQ(answer_bytes(), "\x93\x01\x02\x03");
}

}  // namespace
}  // namespace zerogate::testing
