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

TEST(DecodeTest, ATextThatIsNoEnumeratorIsQuotedAsPythonDoes) {
  const std::string longest(sdk::Decoder::kMaxQuotedBytes, 'x');
  const std::string shorter = longest.substr(1);
  const std::pair<std::string, std::string> quoted[] = {
      {"", "''"},
      {"gone", "'gone'"},
      {"say \"so\"", "'say \"so\"'"},
      {"it's", "\"it's\""},
      {"it's \"so\"", "'it\\'s \"so\"'"},
      {"a\\b", "'a\\\\b'"},
      {"\n\r\t", "'\\n\\r\\t'"},
      {"\x01\x1f\x7f ~", "'\\x01\\x1f\\x7f ~'"},
      {"\xc3\xa9", "'\xc3\xa9'"},
      {longest, "'" + longest + "'"},
      {longest + "y", "'" + longest + "...'"},
      {shorter + "\xc3\xa9", "'" + shorter + "...'"}};
  for (const auto& [text, repr] : quoted) {
    EXPECT_EQ(error_from<shop::Status>(text), "Invalid enum value " + repr);
  }
}

TEST(DecodeTest, ANumberThatIsNoEnumeratorHasItsSign) {
  EXPECT_EQ(error_from<shop::Level>(-1), "Invalid enum value -1");
  EXPECT_EQ(error_from<shop::Level>(UINT64_MAX), "Invalid enum value 18446744073709551615");
  EXPECT_EQ(error_from<shop::Level>(0), "Invalid enum value 0");
  EXPECT_EQ(decode<shop::Level>(encoded(200)).value(), shop::Level::high);
}

TEST(DecodeTest, ATimestampIsAnExtensionOfTypeMinusOne) {
  using namespace std::string_literals;
  EXPECT_EQ(decode<DateTime>("\xd6\xff\0\0\0\x05"s).value().system_time().time_since_epoch(),
            std::chrono::seconds(5));
  EXPECT_EQ(error_of<DateTime>("\xd6\x01\0\0\0\x05"s), "Expected `datetime`, got `ext`");
  EXPECT_EQ(error_of<DateTime>("\xd6\xff\0\0\0"s), "Input data was truncated");
  EXPECT_EQ(error_of<std::vector<DateTime>>("\x91\xd5\xff\0\0"s),
            "Invalid MessagePack timestamp - at `$[0]`");
  EXPECT_EQ(error_of<DateTime>("\xc7\x0c\xff\0\0\0\0\x7f\0\0\0\0\0\0\0"s),
            "Timestamp is out of range ");
  EXPECT_EQ(error_from<DateTime>(std::string("now")), "Invalid RFC3339 encoded datetime");
  EXPECT_EQ(error_from<DateTime>(5), "Expected `datetime`, got `int`");
}

TEST(DecodeTest, ANumberThatIsNoneOrCutShortIsToldApart) {
  EXPECT_EQ(error_from<double>(std::string("2.5")), "Expected `float`, got `str`");
  EXPECT_EQ(error_of<double>("\xcb\x40"), "Input data was truncated");
  EXPECT_EQ(error_of<double>("\xcd\x01"), "Input data was truncated");
  EXPECT_EQ(error_of<Decimal>("\xcb\x40"), "Input data was truncated");
  EXPECT_EQ(error_of<Decimal>("\xcd\x01"), "Input data was truncated");
  EXPECT_EQ(error_from<Decimal>(true), "Expected `decimal`, got `bool`");
  EXPECT_EQ(error_from<Decimal>(std::string("x")), "Invalid decimal string");
}

TEST(DecodeTest, AFieldHasANameThatIsAStr) {
  EXPECT_EQ(error_of<shop::Order>("\x81\xc0\x01"), "Expected `str`, got `null` - at `key` in `$`");
  EXPECT_EQ(error_of<shop::Order>("\x81\x05\x01"), "Expected `str`, got `int` - at `key` in `$`");
  EXPECT_EQ(error_of<shop::Order>("\x81"), "Input data was truncated");
  EXPECT_EQ(error_of<shop::Order>("\x81\xa5us"), "Input data was truncated");
  EXPECT_EQ(error_of<shop::Order>("\x81\xc1"),
            "MessagePack data is malformed: invalid opcode '\\xc1' (byte 1)");
}

TEST(DecodeTest, OfWhatIsAnotherTypeOnlyTheFrontHasToBeWhole) {
  EXPECT_EQ(error_of<int>("\x92\x01"), "Expected `int`, got `array`");
  EXPECT_EQ(error_of<int>("\x82\x01"), "Expected `int`, got `object`");
  EXPECT_EQ(error_of<int>("\xa1x"), "Expected `int`, got `str`");
  for (const ByteView cut : {"\xdc", "\xde", "\xa5x", "\xd9", "\xc4\x02x"}) {
    EXPECT_EQ(error_of<int>(cut), "Input data was truncated");
  }
  EXPECT_EQ(error_of<std::vector<int>>("\x92\x01\xc1"),
            "MessagePack data is malformed: invalid opcode '\\xc1' (byte 2)");
}

TEST(DecodeTest, AnyValueIsOneThatIsWhole) {
  EXPECT_EQ(decode<Raw>("\x92\x01\xc0").value().msgpack, "\x92\x01\xc0");
  EXPECT_EQ(error_of<Raw>("\x92\x01"), "Input data was truncated");
  EXPECT_EQ(error_of<Raw>("\xc1"),
            "MessagePack data is malformed: invalid opcode '\\xc1' (byte 0)");
  EXPECT_EQ(error_of<Raw>(std::string(wire::kMaxDepth + 1, '\x91') + "\xc0"),
            "MessagePack data is nested deeper than 1024 levels");
}

TEST(DecodeTest, BytesOfTheRightTypeMayBeWrong) {
  EXPECT_EQ(error_of<std::vector<std::string>>("\x92\xa1x\xa1\xff"),
            "Invalid UTF-8 in `str` - at `$[1]`");
  EXPECT_EQ(error_of<Uuid>("\xc4\x0f" + std::string(15, 'x')), "Invalid UUID bytes");
  EXPECT_EQ(error_of<Uuid>("\xc4\x11" + std::string(17, 'x')), "Invalid UUID bytes");
  EXPECT_TRUE(decode<Uuid>("\xc4\x10" + std::string(16, 'x')).ok());
  EXPECT_EQ(error_from<Uuid>(std::string("x")), "Invalid UUID");
}

TEST(DecodeTest, DepthIsThatOfAllContainersThatAreOpen) {
  const auto trees = [](uint32_t around) {  // the innermost one has two levels, too
    std::string bytes;
    for (uint32_t i = 0; i < around; ++i) {
      bytes +=
          "\x81\xa8"
          "children\x91";
    }
    return bytes +
           "\x81\xa8"
           "children\x90";
  };
  static_assert(wire::kMaxDepth % 2 == 0);
  const std::string deepest = trees(wire::kMaxDepth / 2 - 1);
  EXPECT_TRUE(decode<shop::Tree>(deepest).ok());
  EXPECT_EQ(error_of<std::vector<shop::Tree>>("\x91" + deepest),
            "MessagePack data is nested deeper than 1024 levels");
  EXPECT_TRUE(decode<std::vector<shop::Tree>>("\x91" + trees(wire::kMaxDepth / 2 - 2)).ok());
}

TEST(DescribeTest, NamesTheTypesInTheOrderOfMsgspec) {
  EXPECT_EQ(sdk::describe(sdk::kNull | sdk::kIntEnum | sdk::kStruct | sdk::kBytes | sdk::kArray),
            "int | bytes | object | array | null");
  EXPECT_EQ(sdk::describe(sdk::kDateTime | sdk::kDate | sdk::kTime | sdk::kUuid | sdk::kDecimal |
                          sdk::kBool | sdk::kFloat | sdk::kStrEnum),
            "bool | float | str | datetime | date | time | uuid | decimal");
  EXPECT_EQ(sdk::describe(sdk::kAny), "any");
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
