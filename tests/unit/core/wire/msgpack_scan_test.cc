#include "core/wire/msgpack_scan.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/unit/core/wire/reference_scan.h"
#include "tests/unit/core/wire/wire_testing.h"

namespace zerogate::wire {
namespace {

using testing::from_hex;
using testing::RandomValues;
using testing::reference_scan;
using testing::times;

Scan scan_hex(std::string_view hex) { return scan_value(from_hex(hex)); }

void expect_as_reference(ByteView bytes) {
  const Scan ours = scan_value(bytes);
  const Scan theirs = reference_scan(bytes);
  ASSERT_EQ(is_one_value(bytes), theirs.error == ScanError::none && theirs.length == bytes.size())
      << ::testing::PrintToString(bytes);
  ASSERT_EQ(ours.error, theirs.error) << ::testing::PrintToString(bytes);
  ASSERT_EQ(ours.length, theirs.length) << ::testing::PrintToString(bytes);
}

TEST(ScanValue, MeasuresEveryFormatByte) {
  const std::pair<const char*, size_t> values[] = {
      {"00", 1},
      {"7f", 1},
      {"e0", 1},
      {"ff", 1},
      {"c0", 1},
      {"c2", 1},
      {"c3", 1},
      {"80", 1},
      {"90", 1},
      {"a0", 1},
      {"810102", 3},
      {"920102", 3},
      {"a3616263", 4},
      {"c40161", 3},
      {"c5000161", 4},
      {"c60000000161", 6},
      {"c7010561", 4},
      {"c800010561", 5},
      {"c9000000010561", 7},
      {"ca00000000", 5},
      {"cb0000000000000000", 9},
      {"cc00", 2},
      {"cd0000", 3},
      {"ce00000000", 5},
      {"cf0000000000000000", 9},
      {"d000", 2},
      {"d10000", 3},
      {"d200000000", 5},
      {"d30000000000000000", 9},
      {"d40500", 3},
      {"d5050000", 4},
      {"d60500000000", 6},
      {"d7050000000000000000", 10},
      {"d80500000000000000000000000000000000", 18},
      {"d90161", 3},
      {"da000161", 4},
      {"db0000000161", 6},
      {"dc000101", 4},
      {"dd0000000101", 6},
      {"de00010102", 5},
      {"df000000010102", 7},
  };
  for (const auto& [hex, length] : values) {
    const std::string bytes = from_hex(hex);
    EXPECT_EQ(bytes.size(), length) << hex;
    EXPECT_EQ(scan_value(bytes).error, ScanError::none) << hex;
    EXPECT_EQ(scan_value(bytes).length, length) << hex;
    EXPECT_EQ(scan_value(bytes + "\xc1 behind").length, length) << hex;
    for (size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_EQ(scan_value(ByteView(bytes).substr(0, size)).error, ScanError::truncated) << hex;
    }
  }
}

TEST(ScanValue, RefusesTheByteThatMessagePackNeverUses) {
  EXPECT_EQ(scan_hex("c1").error, ScanError::invalid);
  EXPECT_EQ(scan_hex("92 01 c1").error, ScanError::invalid);
  EXPECT_EQ(scan_hex("92 01 c1").length, 0u);
}

TEST(ScanValue, ClaimsBeyondTheBufferAreTruncatedAtOnce) {
  for (const char* hex :
       {"db ffffffff 61", "c6 ffffffff 61", "c9 ffffffff 05 61", "dd ffffffff 01", "df ffffffff 01",
        "df 80000000 01 02", "da ffff 61", "c8 ffff 05", "bf 61"}) {
    EXPECT_EQ(scan_hex(hex).error, ScanError::truncated) << hex;
  }
  // Each level claims 2^32-1 pairs of which none but the first is there.
  EXPECT_EQ(scan_value(times(200, from_hex("df ffffffff"))).error, ScanError::truncated);
}

TEST(ScanValue, CountsDoNotWrapAt32Bits) {
  // 2^31 pairs are 2^32 values: a 32-bit count of them would be 0 and end the map at its head.
  const std::string bytes = from_hex("df 80000000");
  EXPECT_EQ(scan_value(bytes).error, ScanError::truncated);
  EXPECT_EQ(scan_value(bytes + times(64, from_hex("00"))).error, ScanError::truncated);
  // One pair more, and such a count would be satisfied by that pair.
  EXPECT_EQ(scan_hex("df 80000001 00 00").error, ScanError::truncated);
  EXPECT_EQ(scan_hex("dd 00000001 df 80000001 00 00").error, ScanError::truncated);
}

TEST(ScanValue, NestsToItsLimitAndNoDeeper) {
  for (const char* level : {"91", "8100", "dc0001", "df0000000100"}) {
    const std::string head = from_hex(level);
    const std::string full = times(kMaxDepth, head) + "\xc0";
    EXPECT_EQ(scan_value(full).length, full.size()) << level;
    EXPECT_EQ(scan_value(head + full).error, ScanError::too_deep) << level;
    EXPECT_EQ(scan_value(times(1 << 16, head)).error, ScanError::too_deep) << level;
  }
  // An empty container is a level too.
  EXPECT_EQ(scan_value(times(kMaxDepth - 1, "\x91") + "\x90").error, ScanError::none);
  EXPECT_EQ(scan_value(times(kMaxDepth, "\x91") + "\x90").error, ScanError::too_deep);
}

// Up to kMaxDepth bytes it is found out another way.
TEST(IsOneValue, IsThatOfItsScanBesideEachLimit) {
  for (const char* level : {"91", "8100", "dc0001", "df0000000100"}) {
    const std::string head = from_hex(level);
    for (size_t levels = kMaxDepth / head.size() - 2; levels <= kMaxDepth + 2; ++levels) {
      for (const char* last : {"", "\xc0", "\x90", "\xc0\xc0"}) {
        const std::string bytes = times(levels, head) + last;
        ASSERT_EQ(is_one_value(bytes), scan_value(bytes).length == bytes.size())
            << level << " " << levels;
      }
    }
  }
  for (const size_t size : {kMaxDepth - 3, kMaxDepth - 2, kMaxDepth}) {
    const std::string text = from_hex("da03fd") + std::string(0x3fd, 'x');
    EXPECT_EQ(is_one_value(ByteView(text).substr(0, size)), size == kMaxDepth);
  }
}

TEST(ScanValue, DepthIsGivenBackWhenAContainerEnds) {
  const std::string deep = times(kMaxDepth - 1, "\x91") + "\xc0";
  const std::string bytes = "\x93" + deep + deep + deep;
  EXPECT_EQ(scan_value(bytes).length, bytes.size());
}

TEST(ScanValue, MeasuresRandomValuesAndRefusesTheirTruncations) {
  RandomValues values(1);
  for (int round = 0; round < 3000; ++round) {
    const std::string value = values.value();
    ASSERT_EQ(scan_value(value).error, ScanError::none);
    ASSERT_EQ(scan_value(value).length, value.size());
    ASSERT_TRUE(is_one_value(value));
    ASSERT_FALSE(is_one_value(value + values.bytes(1 + values.below(4))));
    for (size_t size = 0; size < value.size(); ++size) {
      // A copy of its own, so that the address sanitizer sees a read past the end.
      const std::string front = value.substr(0, size);
      ASSERT_EQ(scan_value(front).error, ScanError::truncated);
      ASSERT_FALSE(is_one_value(front));
    }
  }
}

TEST(ScanValue, JudgesRandomBytesAsMsgpackCxxDoes) {
  RandomValues values(2);
  for (int round = 0; round < 100000; ++round) {
    ASSERT_NO_FATAL_FAILURE(expect_as_reference(values.bytes(values.below(64))));
  }
}

TEST(ScanValue, JudgesDamagedValuesAsMsgpackCxxDoes) {
  RandomValues values(3);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = values.value() + values.bytes(values.below(3));
    for (uint64_t hits = values.below(4); hits > 0; --hits) {
      bytes[values.below(bytes.size())] = static_cast<char>(values.below(256));
    }
    ASSERT_NO_FATAL_FAILURE(expect_as_reference(bytes));
  }
}

TEST(IsOneValue, TakesNothingButOneWholeValue) {
  EXPECT_TRUE(is_one_value(from_hex("c0")));
  EXPECT_FALSE(is_one_value(""));
  EXPECT_FALSE(is_one_value(from_hex("c0c0")));
  EXPECT_FALSE(is_one_value(from_hex("92c0")));
  EXPECT_FALSE(is_one_value(from_hex("c1")));
}

TEST(TypeOf, KnowsEveryFirstByte) {
  const std::pair<const char*, Type> firsts[] = {
      {"00", Type::integer}, {"7f", Type::integer}, {"80", Type::map},     {"8f", Type::map},
      {"90", Type::array},   {"9f", Type::array},   {"a0", Type::str},     {"bf", Type::str},
      {"c0", Type::nil},     {"c1", Type::invalid}, {"c2", Type::boolean}, {"c3", Type::boolean},
      {"c4", Type::bin},     {"c5", Type::bin},     {"c6", Type::bin},     {"c7", Type::ext},
      {"c8", Type::ext},     {"c9", Type::ext},     {"ca", Type::real},    {"cb", Type::real},
      {"cc", Type::integer}, {"cf", Type::integer}, {"d0", Type::integer}, {"d3", Type::integer},
      {"d4", Type::ext},     {"d8", Type::ext},     {"d9", Type::str},     {"db", Type::str},
      {"dc", Type::array},   {"dd", Type::array},   {"de", Type::map},     {"df", Type::map},
      {"e0", Type::integer}, {"ff", Type::integer},
  };
  for (const auto& [hex, type] : firsts) {
    EXPECT_EQ(type_of(from_hex(hex)[0]), type) << hex;
  }
}

// The words of msgspec 0.22.0 in "Expected `int`, got `…`", from msgspec.msgpack.decode.
TEST(TypeName, IsTheWordOfMsgspec) {
  EXPECT_STREQ(type_name(Type::nil), "None");
  EXPECT_STREQ(type_name(Type::boolean), "bool");
  EXPECT_STREQ(type_name(Type::integer), "int");
  EXPECT_STREQ(type_name(Type::real), "float");
  EXPECT_STREQ(type_name(Type::str), "str");
  EXPECT_STREQ(type_name(Type::bin), "bytes");
  EXPECT_STREQ(type_name(Type::array), "array");
  EXPECT_STREQ(type_name(Type::map), "object");
  EXPECT_STREQ(type_name(Type::ext), "ext");
}

TEST(Reader, WalksAMap) {
  // msgspec 0.22.0: encode({"a": [1, 2], "b": None})
  const std::string bytes = from_hex("82 a161 920102 a162 c0");
  Reader reader(bytes);
  uint32_t count = 0;
  ByteView text;
  ByteView value;
  EXPECT_EQ(reader.next_type(), Type::map);
  ASSERT_TRUE(reader.read_map(count));
  EXPECT_EQ(count, 2u);
  ASSERT_TRUE(reader.read_str(text));
  EXPECT_EQ(text, "a");
  ASSERT_TRUE(reader.read_array(count));
  EXPECT_EQ(count, 2u);
  ASSERT_TRUE(reader.read_value(value));
  ASSERT_TRUE(reader.read_value(value));
  EXPECT_EQ(value, "\x02");
  ASSERT_TRUE(reader.read_str(text));
  EXPECT_EQ(reader.rest(), "\xc0");
  ASSERT_TRUE(reader.read_value(value));
  EXPECT_TRUE(reader.at_end());
  EXPECT_EQ(reader.next_type(), Type::invalid);
}

TEST(Reader, ReadsEveryWidthOfHead) {
  uint32_t count = 0;
  ByteView text;
  const auto map_of = [&](const char* hex) {
    return Reader(from_hex(hex)).read_map(count) ? count : 0;
  };
  const auto array_of = [&](const char* hex) {
    return Reader(from_hex(hex)).read_array(count) ? count : 0;
  };
  EXPECT_EQ(map_of("8f"), 15u);
  EXPECT_EQ(map_of("de 0102"), 0x102u);
  EXPECT_EQ(map_of("df fffefdfc"), 0xfffefdfcu);
  EXPECT_EQ(array_of("9f"), 15u);
  EXPECT_EQ(array_of("dc 0102"), 0x102u);
  EXPECT_EQ(array_of("dd fffefdfc"), 0xfffefdfcu);
  for (const char* hex : {"a26869", "d9026869", "da00026869", "db000000026869"}) {
    const std::string bytes = from_hex(hex);
    Reader reader(bytes);
    ASSERT_TRUE(reader.read_str(text)) << hex;
    EXPECT_EQ(text, "hi") << hex;
    EXPECT_TRUE(reader.at_end()) << hex;
  }
  const std::string longest = from_hex("bf") + std::string(31, 'x');
  ASSERT_TRUE(Reader(longest).read_str(text));
  EXPECT_EQ(text.size(), 31u);
}

// Written as in Python; empty when it is none, or when there is more.
std::string integer_of(std::string_view hex) {
  const std::string bytes = from_hex(hex);
  Reader reader(bytes);
  Integer value;
  if (!reader.read_integer(value) || !reader.at_end()) {
    return "";
  }
  return value.negative ? std::to_string(static_cast<int64_t>(value.bits))
                        : std::to_string(value.bits);
}

TEST(Reader, ReadsIntegersOfEveryWidthToTheirLimits) {
  const std::pair<const char*, const char*> integers[] = {
      {"00", "0"},
      {"7f", "127"},
      {"e0", "-32"},
      {"ff", "-1"},
      {"cc ff", "255"},
      {"cd fffe", "65534"},
      {"ce fffefdfc", "4294901244"},
      {"cf 8000000000000000", "9223372036854775808"},
      {"cf ffffffffffffffff", "18446744073709551615"},
      {"d0 7f", "127"},
      {"d0 80", "-128"},
      {"d1 7ffe", "32766"},
      {"d1 8001", "-32767"},
      {"d2 7ffefdfc", "2147417596"},
      {"d2 80000001", "-2147483647"},
      {"d3 7fffffffffffffff", "9223372036854775807"},
      {"d3 8000000000000000", "-9223372036854775808"},
  };
  for (const auto& [hex, integer] : integers) {
    EXPECT_EQ(integer_of(hex), integer) << hex;
  }
}

TEST(Reader, TakesScalarsOneBehindTheOther) {
  const std::string bytes =
      from_hex("c0 c3 c2 ca3fc00000 cbbff8000000000000 c4026869 c500026869 c6000000026869 2a");
  Reader reader(bytes);
  bool truth = false;
  double real = 0;
  ByteView text;
  Integer last;
  EXPECT_TRUE(reader.read_nil());
  EXPECT_TRUE(reader.read_bool(truth));
  EXPECT_TRUE(truth);
  EXPECT_TRUE(reader.read_bool(truth));
  EXPECT_FALSE(truth);
  EXPECT_TRUE(reader.read_real(real));
  EXPECT_EQ(real, 1.5);
  EXPECT_TRUE(reader.read_real(real));
  EXPECT_EQ(real, -1.5);
  for (int width = 0; width < 3; ++width) {
    text = {};
    EXPECT_TRUE(reader.read_bin(text));
    EXPECT_EQ(text, "hi");
  }
  EXPECT_TRUE(reader.read_integer(last));
  EXPECT_EQ(last.bits, 42u);
  EXPECT_TRUE(reader.at_end());
}

TEST(Reader, ReadsExtensionsOfEveryForm) {
  const std::pair<const char*, size_t> heads[] = {
      {"d4 fb", 1},  {"d5 fb", 2},    {"d6 fb", 4},        {"d7 fb", 8},
      {"d8 fb", 16}, {"c7 03 fb", 3}, {"c8 0103 fb", 259}, {"c9 00010003 fb", 65'539}};
  for (const auto& [head, size] : heads) {
    const std::string bytes = from_hex(head) + std::string(size, 'x');
    Reader reader(bytes);
    int8_t type = 0;
    ByteView body;
    EXPECT_TRUE(reader.read_ext(type, body)) << head;
    EXPECT_EQ(type, -5) << head;
    EXPECT_EQ(body, std::string(size, 'x')) << head;
    EXPECT_TRUE(reader.at_end()) << head;
  }
}

TEST(Reader, StaysWhereItIsWhenAScalarIsAnotherOrCutShort) {
  for (const char* hex : {"",
                          "c1",
                          "a0",
                          "90",
                          "80",
                          "ca",
                          "ca000000",
                          "cb00000000000000",
                          "cc",
                          "cd00",
                          "ce000000",
                          "cf00000000000000",
                          "d0",
                          "d100",
                          "d2000000",
                          "d300000000000000",
                          "c4",
                          "c402",
                          "c40261",
                          "c500",
                          "c5000261",
                          "c6000000",
                          "c6ffffffff61",
                          "d4",
                          "d405",
                          "d50561",
                          "c7",
                          "c701",
                          "c70105",
                          "c80001",
                          "c800020561",
                          "c9000000",
                          "c9ffffffff0561"}) {
    const std::string bytes = from_hex(hex);
    Reader reader(bytes);
    bool truth = false;
    double real = 0;
    Integer integer;
    int8_t type = 0;
    ByteView view;
    EXPECT_FALSE(reader.read_nil()) << hex;
    EXPECT_FALSE(reader.read_bool(truth)) << hex;
    EXPECT_FALSE(reader.read_integer(integer)) << hex;
    EXPECT_FALSE(reader.read_real(real)) << hex;
    EXPECT_FALSE(reader.read_bin(view)) << hex;
    EXPECT_FALSE(reader.read_ext(type, view)) << hex;
    EXPECT_EQ(reader.rest(), bytes) << hex;
  }
}

TEST(Reader, StaysWhereItIsWhenAskedForTheWrongThing) {
  uint32_t count = 7;
  ByteView view = "untouched";
  // Nothing, other types, heads cut short, strs whose body is cut short.
  for (const char* hex :
       {"", "c0", "c1", "de", "de00", "df000000", "dc", "dc00", "dd0000", "d9", "d90561", "da00",
        "da0005", "db00000005", "dbffffffff61", "a261", "c40161"}) {
    const std::string bytes = from_hex(hex);
    Reader reader(bytes);
    EXPECT_FALSE(reader.read_map(count)) << hex;
    EXPECT_FALSE(reader.read_array(count)) << hex;
    EXPECT_FALSE(reader.read_str(view)) << hex;
    EXPECT_EQ(reader.rest(), bytes) << hex;
  }
  Reader truncated(ByteView("\x92\x01", 2));
  EXPECT_FALSE(truncated.read_value(view));
  EXPECT_EQ(truncated.rest().size(), 2u);
  EXPECT_EQ(count, 7u);
  EXPECT_EQ(view, "untouched");
}

}  // namespace
}  // namespace zerogate::wire
