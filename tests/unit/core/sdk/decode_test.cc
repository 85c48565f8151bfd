#include "core/sdk/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/sdk/encode.h"
#include "core/sdk/type_name.h"

namespace shop {

enum class Status { open, paid };
ZEROGATE_STR_ENUM(Status, open, paid)
enum class Level : uint8_t { low = 1, high = 200 };
ZEROGATE_INT_ENUM(Level, low, high)

struct Item {
  int32_t count;
  std::string name;
  ZEROGATE_FIELDS(count, name)
};
struct Order {
  std::string user_id;
  std::vector<Item> items;
  std::map<std::string, Item> extra;
  std::optional<Status> status = Status::open;
  int8_t priority = 5;
  ZEROGATE_FIELDS(user_id, items)
  ZEROGATE_DEFAULTS(extra, status, priority)
};
struct Tree {
  std::vector<Tree> children;
  ZEROGATE_FIELDS(children)
};

}  // namespace shop

namespace zerogate {
namespace {

using ::testing::HasSubstr;

template <class T>
std::string encoded(const T& value) {
  std::string out;
  encode(value, out);
  return out;
}

template <class T>
std::string error_of(ByteView bytes) {
  const Result<T> result = decode<T>(bytes);
  return result.ok() ? "ok" : result.error();
}

template <class T, class From>
std::string error_from(const From& value) {
  return error_of<T>(encoded(value));
}

TEST(DecodeTest, ANumberIsTakenInEachOfItsForms) {
  EXPECT_EQ(decode<double>(encoded(2.5)).value(), 2.5);
  EXPECT_EQ(decode<double>(ByteView("\xca\x40\x20\x00\x00", 5)).value(), 2.5);
  EXPECT_EQ(decode<double>(encoded(int64_t{-7})).value(), -7);
  EXPECT_EQ(decode<double>(encoded(uint64_t{1} << 63)).value(), 0x1p63);
  EXPECT_EQ(decode<Decimal>(encoded(2.5)).value().text(), "2.5");
  EXPECT_EQ(decode<Decimal>(encoded(int64_t{-7})).value().text(), "-7");
  EXPECT_EQ(decode<Decimal>(encoded(UINT64_MAX)).value().text(), "18446744073709551615");
  EXPECT_EQ(decode<Decimal>(encoded(std::string("2.50"))).value().text(), "2.50");
}

TEST(DecodeTest, StructsAreMaps) {
  const auto order = decode<shop::Order>(
      "\x83\xa7user_id\xa1"
      "1\xa5items\x91\x82\xa5"
      "count\x07\xa4name\xa1x\xa8priority\xff");
  ASSERT_TRUE(order.ok()) << order.error();
  EXPECT_EQ(order.value().user_id, "1");
  ASSERT_EQ(order.value().items.size(), 1u);
  EXPECT_EQ(order.value().items[0].count, 7);
  EXPECT_EQ(order.value().priority, -1);
  EXPECT_EQ(order.value().status, shop::Status::open);
  const auto again = decode<shop::Order>(encoded(order.value()));
  ASSERT_TRUE(again.ok()) << again.error();
  EXPECT_EQ(again.value().items[0].name, "x");
}

TEST(DecodeTest, FaultsAreNamedWithTheirPlace) {
  using Map = std::map<std::string, std::variant<int, std::string, std::vector<Raw>>>;
  EXPECT_EQ(error_from<int>(std::string("x")), "Expected `int`, got `str`");
  EXPECT_EQ(error_from<int8_t>(128), "Expected `int` <= 127");
  EXPECT_EQ(error_from<uint64_t>(-1), "Expected `int` >= 0");
  EXPECT_EQ(error_from<std::optional<double>>(std::string()), "Expected `float | null`, got `str`");
  EXPECT_EQ(error_from<shop::Order>(Map()), "Object missing required field `user_id`");
  EXPECT_EQ((error_from<std::map<int, int>>(Map{{"a", 1}})),
            "Expected `int`, got `str` - at `key` in `$`");
  EXPECT_EQ((error_from<std::map<std::string, int>>(Map{{"a", "x"}})),
            "Expected `int`, got `str` - at `$[...]`");
  EXPECT_EQ(error_from<shop::Order>(Map{{"items", std::vector<Raw>{{"\x81\xa5"
                                                                    "count\x05"}}}}),
            "Object missing required field `name` - at `$.items[0]`");
  EXPECT_EQ((error_from<std::tuple<int, int>>(std::vector<int>{1})),
            "Expected `array` of length 2, got 1");
  EXPECT_EQ(error_from<shop::Status>(std::string("it's")), "Invalid enum value \"it's\"");
  EXPECT_EQ(error_from<shop::Level>(300), "Invalid enum value 300");
}

TEST(DecodeTest, BytesThatAreNoMessageAreAnError) {
  EXPECT_EQ(error_of<int>(""), "Input data was truncated");
  EXPECT_EQ(error_of<std::vector<int>>("\x92\x01"), "Input data was truncated");
  EXPECT_EQ(error_of<int>("\x01\x01"),
            "MessagePack data is malformed: trailing characters (byte 1)");
  EXPECT_EQ(error_of<std::vector<int>>("\xdd\xff\xff\xff\xff"), "Input data was truncated");
}

TEST(DecodeTest, DepthHasALimit) {
  std::string deep;
  for (uint32_t i = 0; i < wire::kMaxDepth; ++i) {
    deep +=
        "\x81\xa8"
        "children\x91";
  }
  EXPECT_THAT(error_of<shop::Tree>(deep), HasSubstr("nested deeper"));
}

TEST(DecodeTest, DepthCountsAlsoWhatNoFieldTakes) {
  const auto skipped = [](uint32_t levels) {  // three of them around x's value
    return "\x81\xa8"
           "children\x91\x82\xa8"
           "children\x90\xa1x" +
           std::string(levels - 3, '\x91') + "\x01";
  };
  EXPECT_TRUE(wire::is_one_value(skipped(wire::kMaxDepth)));
  EXPECT_TRUE(decode<shop::Tree>(skipped(wire::kMaxDepth)).ok());
  EXPECT_FALSE(wire::is_one_value(skipped(wire::kMaxDepth + 1)));
  EXPECT_THAT(error_of<shop::Tree>(skipped(wire::kMaxDepth + 1)), HasSubstr("nested deeper"));
}

TEST(DecodeTest, AnEncodedValueIsCheckedAndKept) {
  using List = Encoded<std::vector<std::string>>;
  const auto list = decode<List>("\x92\xa1x\xd9\x01y");  // y's form is kept
  ASSERT_TRUE(list.ok());
  EXPECT_EQ(encoded(list.value()), "\x92\xa1x\xd9\x01y");
  EXPECT_EQ(error_of<List>("\x92\xa1x\x01"), "Expected `str`, got `int` - at `$[1]`");
}

TEST(TypeNameTest, IsPythons) {
  EXPECT_EQ(type_name<int64_t>(), "int");
  EXPECT_EQ(type_name<void>(), "None");
  EXPECT_EQ(type_name<std::vector<shop::Order>>(), "list[Order]");
  EXPECT_EQ((type_name<std::map<std::string, std::optional<double>>>()), "dict[str, float | None]");
  EXPECT_EQ((type_name<std::variant<std::monostate, int, shop::Status>>()), "int | Status | None");
  EXPECT_EQ((type_name<std::tuple<Bytes, DateTime, Raw>>()),
            "tuple[bytes, datetime.datetime, Any]");
}

}  // namespace
}  // namespace zerogate
