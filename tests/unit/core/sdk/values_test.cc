#include "core/sdk/values.h"

#include <gtest/gtest.h>

#include "core/sdk/decode.h"
#include "core/sdk/encode.h"

namespace zerogate {
namespace {

using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;

template <class T>
std::string again(std::string_view text) {
  T value;
  if (!T::parse(text, value)) {
    return "invalid";
  }
  std::string out;
  value.write_to(out);
  return out;
}

TEST(ValuesTest, DatesAreThoseOfTheCalendar) {
  EXPECT_EQ(again<Date>("2024-02-29"), "2024-02-29");
  EXPECT_EQ(again<Date>("0001-01-01"), "0001-01-01");
  for (const char* text : {"2023-02-29", "0000-01-01", "2023-1-1", "2023-01-01 ", ""}) {
    EXPECT_EQ(again<Date>(text), "invalid") << text;
  }
}

TEST(ValuesTest, TimesAreRoundedToMicroseconds) {
  EXPECT_EQ(again<TimeOfDay>("03:04:05.5"), "03:04:05.500000");
  EXPECT_EQ(again<TimeOfDay>("03:04:05.1234565z"), "03:04:05.123457Z");
  EXPECT_EQ(again<TimeOfDay>("23:59:59.9999999"), "00:00:00");
  EXPECT_EQ(again<TimeOfDay>("03:04:05-0230"), "03:04:05-02:30");
  for (const char* text : {"24:00:00", "03:04", "03:04:05.", "03:04:60", "03:04:05+24:00"}) {
    EXPECT_EQ(again<TimeOfDay>(text), "invalid") << text;
  }
}

TEST(ValuesTest, ADateTimeKeepsItsOffset) {
  EXPECT_EQ(again<DateTime>("2026-01-31 23:59:59.9999999+01:30"), "2026-02-01T00:00:00+01:30");
  EXPECT_EQ(again<DateTime>("0001-01-01T00:00:00+01:00"), "invalid") << "in UTC before year 1";
  EXPECT_EQ(again<DateTime>("9999-12-31T23:59:59.9999999"), "invalid");
  DateTime value;
  ASSERT_TRUE(DateTime::parse("1970-01-01T02:00:00.000001+02:00", value));
  EXPECT_EQ(value.system_time().time_since_epoch(), microseconds(1));
}

TEST(ValuesTest, AnAwareDateTimeIsATimestamp) {
  std::string out;
  encode(DateTime::utc(DateTime::SystemTime(seconds(-1) + microseconds(5))), out);
  EXPECT_EQ(out, std::string("\xc7\x0c\xff\x00\x00\x13\x88\xff\xff\xff\xff\xff\xff\xff\xff", 15));
  const auto read = decode<DateTime>(out);
  ASSERT_TRUE(read.ok()) << read.error();
  EXPECT_EQ(read.value().system_time().time_since_epoch(), seconds(-1) + microseconds(5));
  EXPECT_EQ(read.value().offset, minutes(0));
}

TEST(ValuesTest, UuidsComeInThreeForms) {
  const std::string text = "01234567-89ab-cdef-0123-456789abcdef";
  EXPECT_EQ(again<Uuid>(text), text);
  EXPECT_EQ(again<Uuid>("0123456789ABCDEF0123456789ABCDEF"), text);
  EXPECT_EQ(again<Uuid>("01234567-89abcdef-0123-4567-89abcdef"), "invalid");
  Uuid value;
  EXPECT_TRUE(Uuid::from_bytes("0123456789abcdef", value));
  EXPECT_FALSE(Uuid::from_bytes("0123456789abcde", value));
}

TEST(ValuesTest, DecimalsAreWrittenAsPythonWritesThem) {
  EXPECT_EQ(again<Decimal>(" +1_000 "), "1000");
  EXPECT_EQ(again<Decimal>("-.5E-3"), "-0.0005");
  EXPECT_EQ(again<Decimal>("123e-9"), "1.23E-7");
  EXPECT_EQ(again<Decimal>("0e10"), "0E+10");
  EXPECT_EQ(again<Decimal>("nan007"), "NaN7");
  EXPECT_EQ(again<Decimal>("-inf"), "-Infinity");
  for (const char* text : {"", ".", "1e", "1..5", "e5", "0x1", "1e9999999999999999999999", "-"}) {
    EXPECT_EQ(again<Decimal>(text), "invalid") << text;
  }
  for (const char* text : {"1E+999999999999999999", "1.5E+999999999999999999"}) {
    EXPECT_EQ(again<Decimal>(text), text) << "the largest exponent that Python has";
  }
  EXPECT_EQ(again<Decimal>("1E+1000000000000000000"), "invalid");
  EXPECT_EQ(again<Decimal>("10E+999999999999999999"), "invalid");
  EXPECT_EQ(Decimal(2.0).text(), "2.0");
  EXPECT_EQ(Decimal(-0.0).text(), "-0.0");
  EXPECT_EQ(Decimal(1e16).text(), "1E+16");
  EXPECT_EQ(Decimal(9999999999999998.0).text(), "9999999999999998.0");
  EXPECT_EQ(Decimal(1e-5).text(), "0.00001");
}

}  // namespace
}  // namespace zerogate
