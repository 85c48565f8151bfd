#include "handlers/order.h"

#include <gtest/gtest.h>

#include <string>

#include "core/sdk/decode.h"

namespace zerogate {
namespace {

using namespace std::string_literals;

std::string fault_of(const std::string& argument) {
  const Result<NewOrder> order = decode<NewOrder>(argument);
  return order ? "" : order.error();
}

const std::string kUser = "\xa7user_id";
const std::string kItems = "\xa5items";

TEST(NewOrderTest, CutsTheBenchmarkArgument) {
  // msgspec.msgpack.encode({"user_id": "1", "items": ["apple", "python"]})
  const std::string argument = "\x82" + kUser +
                               "\xa1"
                               "1" +
                               kItems +
                               "\x92\xa5"
                               "apple\xa6python";
  const auto order = decode<NewOrder>(argument);
  ASSERT_TRUE(order.ok()) << order.error();
  EXPECT_EQ(order.value().user_id.msgpack,
            "\xa1"
            "1");
  EXPECT_EQ(order.value().items.msgpack,
            "\x92\xa5"
            "apple\xa6python");
}

TEST(NewOrderTest, TakesAnyOrderAndExtraKeysAndTheLastOfEqualKeys) {
  const std::string argument = "\x84" + kItems + "\x90" + "\xa1x\x81\x01\x02" + kUser +
                               "\xa1"
                               "a" +
                               kUser +
                               "\xd9\x01"
                               "b";
  const auto order = decode<NewOrder>(argument);
  ASSERT_TRUE(order.ok()) << order.error();
  EXPECT_EQ(order.value().user_id.msgpack,
            "\xd9\x01"
            "b")
      << "moved in the form in which it came";
  EXPECT_EQ(order.value().items.msgpack, "\x90");
}

// The texts are those of msgspec 0.22 for a Struct with user_id: str and items: list[str].
TEST(NewOrderTest, NamesWhatIsWrongAsMsgspecDoes) {
  EXPECT_EQ(fault_of("\x91\x01"), "Expected `object`, got `array`");
  EXPECT_EQ(fault_of("\xc0"), "Expected `object`, got `None`");
  EXPECT_EQ(fault_of("\x01"), "Expected `object`, got `int`");
  EXPECT_EQ(fault_of("\xa1"
                     "a"),
            "Expected `object`, got `str`");
  EXPECT_EQ(fault_of("\xc3"), "Expected `object`, got `bool`");
  EXPECT_EQ(fault_of("\xc4\x01x"), "Expected `object`, got `bytes`");
  EXPECT_EQ(fault_of("\xd4\x05\x01"), "Expected `object`, got `ext`");
  EXPECT_EQ(fault_of("\xcb\0\0\0\0\0\0\0\0"s), "Expected `object`, got `float`");
  EXPECT_EQ(fault_of("\x80"), "Object missing required field `user_id`");
  EXPECT_EQ(fault_of("\x81" + kItems + "\x90"), "Object missing required field `user_id`");
  EXPECT_EQ(fault_of("\x81" + kUser + "\xa0"), "Object missing required field `items`");
  EXPECT_EQ(fault_of("\x81" + kUser + "\x01"), "Expected `str`, got `int` - at `$.user_id`");
  EXPECT_EQ(fault_of("\x81" + kUser + "\xc0"), "Expected `str`, got `None` - at `$.user_id`");
  EXPECT_EQ(fault_of("\x81" + kItems + "\xa1x"), "Expected `array`, got `str` - at `$.items`");
  EXPECT_EQ(fault_of("\x81" + kItems + "\x92\xa0\x07"),
            "Expected `str`, got `int` - at `$.items[1]`");
  EXPECT_EQ(fault_of("\x81\x01\x02"), "Expected `str`, got `int` - at `key` in `$`");
  // The first fault in the order of the bytes, even when a later key would fix it.
  EXPECT_EQ(fault_of("\x83" + kUser + "\x01" + kItems + "\x90" + kUser +
                     "\xa1"
                     "a"),
            "Expected `str`, got `int` - at `$.user_id`");
}

TEST(NewOrderTest, RefusesTextThatIsNotUtf8) {
  EXPECT_EQ(fault_of("\x82" + kUser + "\xa1\xff" + kItems + "\x90"),
            "Invalid UTF-8 in `str` - at `$.user_id`");
  EXPECT_EQ(fault_of("\x82" + kUser + "\xa0" + kItems + "\x91\xa2\xc3("),
            "Invalid UTF-8 in `str` - at `$.items[0]`");
  EXPECT_EQ(fault_of("\x82" + kUser + "\xa2\xc3\xa9" + kItems + "\x90"), "");
}

}  // namespace
}  // namespace zerogate
