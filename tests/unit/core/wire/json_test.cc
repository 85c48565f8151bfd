#include "core/wire/json.h"

#include <gmock/gmock.h>

namespace zerogate {
namespace {

using namespace std::string_literals;
using ::testing::HasSubstr;

std::string packed(std::string_view json) {
  auto result = json_to_msgpack(json);
  return result ? std::move(result).value() : "error: " + result.error();
}
std::string shown(const std::string& msgpack) {
  auto result = msgpack_to_json(msgpack);
  return result ? std::move(result).value() : "error: " + result.error();
}

TEST(JsonToMsgpackTest, PacksAsPythonsClientsDo) {
  // msgspec.msgpack.encode of the same values.
  EXPECT_EQ(packed("null"), "\xc0"s);
  EXPECT_EQ(packed(R"({"a":[1,2.5,null,true,"x"]})"),
            "\x81\xa1"
            "a\x95\x01\xcb\x40\x04\0\0\0\0\0\0\xc0\xc3\xa1x"s);
  EXPECT_EQ(packed(" [ false , -1 , 128 , {} , [] ] "), "\x95\xc2\xff\xcc\x80\x80\x90"s);
  EXPECT_EQ(packed("\"\xc3\xa9\\u20ac\""), "\xa5\xc3\xa9\xe2\x82\xac"s);
  EXPECT_EQ(packed(R"({"user_id":"1","items":["apple","python"]})").size(), 31u);
}

TEST(JsonToMsgpackTest, KeepsIntegersOf64Bits) {
  EXPECT_EQ(packed("18446744073709551615"), "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"s);
  EXPECT_EQ(packed("-9223372036854775808"), "\xd3\x80\0\0\0\0\0\0\0"s);
  EXPECT_EQ(packed("1.0"), "\xcb\x3f\xf0\0\0\0\0\0\0"s) << "a float stays one";
  EXPECT_EQ(packed("1e2"), "\xcb\x40\x59\0\0\0\0\0\0"s);
}

TEST(JsonToMsgpackTest, SaysThatAnIntegerIsTooLarge) {
  EXPECT_THAT(packed("[18446744073709551616]"), HasSubstr("18446744073709551616 does not fit"));
  EXPECT_THAT(packed("-9223372036854775809"), HasSubstr("-9223372036854775809 does not fit"));
}

TEST(JsonToMsgpackTest, SaysWhereJsonIsWrong) {
  for (const char* bad :
       {"", "{", "[1,]", "nul", "1 2", "{a:1}", "'x'", "\"\xff\"", "1e999", "NaN"}) {
    EXPECT_THAT(packed(bad), ::testing::StartsWith("error: not valid JSON: ")) << bad;
  }
  EXPECT_THAT(packed("[1,]"), HasSubstr("line 1, column 4"));
  EXPECT_THAT(packed("[1,]"), ::testing::Not(HasSubstr("json.exception")));
  EXPECT_THAT(packed("1e999"), ::testing::Not(HasSubstr("json.exception")));
}

TEST(JsonToMsgpackTest, LimitsDepth) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_EQ(packed(nested(1'024)).size(), 1'024u);
  EXPECT_THAT(packed(nested(1'025)), HasSubstr("deeper than 1024"));
}

TEST(MsgpackToJsonTest, IsOneCompactLine) {
  EXPECT_EQ(shown("\x81\xa1"
                  "a\x95\x01\xcb\x40\x04\0\0\0\0\0\0\xc0\xc3\xa1x"s),
            R"({"a":[1,2.5,null,true,"x"]})");
  EXPECT_EQ(shown("\x82\xa1z\x80\xa1"
                  "a\x90"),
            R"({"z":{},"a":[]})")
      << "in the order of the bytes";
  EXPECT_EQ(shown("\xa3\n\"\x01"), R"("\n\"\u0001")");
  EXPECT_EQ(shown("\xa7\x7f\xc2\x9b\xe2\x80\xae\x31"), R"("\u007f\u009b\u202e1")")
      << "no terminal obeys it";
}

TEST(MsgpackToJsonTest, ShowsNumbersExactly) {
  EXPECT_EQ(shown("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), "18446744073709551615");
  EXPECT_EQ(shown("\xd3\x80\0\0\0\0\0\0\0"s), "-9223372036854775808");
  EXPECT_EQ(shown("\xe0"), "-32");
  EXPECT_EQ(shown("\xcb\x3f\xf0\0\0\0\0\0\0"s), "1.0");
  EXPECT_EQ(shown("\xca\x40\x20\0\0"s), "2.5");
  EXPECT_EQ(shown("\xcb\x7f\xf8\0\0\0\0\0\0"s), "null") << "NaN";
  EXPECT_EQ(shown("\xcb\xff\xf0\0\0\0\0\0\0"s), "null") << "-inf";
}

TEST(MsgpackToJsonTest, ShowsWhatJsonLacks) {
  EXPECT_EQ(shown("\xc4\x00"s), R"("")");
  EXPECT_EQ(shown("\xc4\x01"
                  "f"),
            R"("Zg==")");
  EXPECT_EQ(shown("\xc4\x02"
                  "fo"),
            R"("Zm8=")");
  EXPECT_EQ(shown("\xc4\x06"
                  "foobar"),
            R"("Zm9vYmFy")");
  EXPECT_EQ(shown("\xd4\xff\x00"s), R"({"$ext":[-1,"AA=="]})");
  EXPECT_EQ(shown("\xc7\x00\x05"s), R"({"$ext":[5,""]})");
  EXPECT_EQ(shown("\xa2\xff"
                  "a"),
            "\"\xef\xbf\xbd"
            "a\"");
}

TEST(MsgpackToJsonTest, ShowsKeysThatAreNoStrings) {
  EXPECT_EQ(shown("\x83\x01\xa1"
                  "a\xc0\x02\xc4\x01"
                  "f\x03"),
            R"({"1":"a","null":2,"Zg==":3})");
  EXPECT_EQ(shown("\x81\x92\xa1"
                  "a\x01\xc0"),
            R"({"[\"a\",1]":null})");
  EXPECT_EQ(shown("\x81\x81\x01\x02\x03"), R"({"{\"1\":2}":3})");
}

TEST(MsgpackToJsonTest, RefusesWhatIsNotOneValue) {
  EXPECT_THAT(shown(""), HasSubstr("middle of a value"));
  EXPECT_THAT(shown("\x92\x01"), HasSubstr("middle of a value"));
  EXPECT_THAT(shown("\xc1"), HasSubstr("never uses"));
  EXPECT_THAT(shown("\x01\x02"), HasSubstr("behind the value"));
  // Counts that only claim: neither memory nor time.
  EXPECT_THAT(shown("\xdd\xff\xff\xff\xff"), HasSubstr("middle of a value"));
  EXPECT_THAT(shown("\xdf\xff\xff\xff\xff\x01"), HasSubstr("middle of a value"));
  EXPECT_THAT(shown("\xc9\xff\xff\xff\xff\x01"), HasSubstr("middle of a value"));
  EXPECT_EQ(shown(std::string(1'024, '\x91') + "\xc0").size(), 1'024u * 2 + 4);
  EXPECT_THAT(shown(std::string(1'025, '\x91') + "\xc0"), HasSubstr("nested too deep"));
}

TEST(JsonToMsgpackTest, AnErrorIsALineOfUtf8) {
  EXPECT_THAT(packed("\"\xff\""), HasSubstr(R"(last read: '"\xff')"));
  EXPECT_LT(packed('"' + std::string(10'000, 'x')).size(), 300u);
  EXPECT_LT(packed(std::string(10'000, '7')).size(), 300u);
}

/// Each such key would double what is in it: a GiB for 61 bytes.
TEST(MsgpackToJsonTest, AKeyHasNoContainersForKeys) {
  EXPECT_THAT(shown(std::string(30, '\x81') + '\x01' + std::string(30, '\x02')),
              HasSubstr("a key within a key"));
  EXPECT_EQ(shown("\x81\x92\x80\x81\x01\x90\x05"), R"({"[{},{\"1\":[]}]":5})");
}

TEST(JsonToMsgpackTest, OfALongIntegerFortyDigitsAreShown) {
  const std::string forty(40, '7');
  EXPECT_THAT(packed(forty), HasSubstr("the integer " + forty + " does not fit"));
  EXPECT_THAT(packed(forty + "8"), HasSubstr("the integer " + forty + "... does not fit"));
}

TEST(MsgpackToJsonTest, TellsTrueFromFalse) { EXPECT_EQ(shown("\x92\xc3\xc2"), "[true,false]"); }

TEST(MsgpackToJsonTest, PadsBase64ToGroupsOfFour) {
  EXPECT_EQ(shown("\xc4\x03\xff\xff\xff"), R"("////")");
  EXPECT_EQ(shown("\xc4\x04\xfb\xff\xfe\x00"s), R"("+//+AA==")");
  EXPECT_EQ(shown("\xc4\x05\x00\x01\x02\x03\x04"s), R"("AAECAwQ=")");
}

}  // namespace
}  // namespace zerogate
