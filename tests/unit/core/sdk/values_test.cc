#include "core/sdk/values.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>

#include "core/sdk/decode.h"
#include "core/sdk/encode.h"
#include "core/wire/big_endian.h"

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

/// The body of the longest form.
std::string timestamp_of(uint32_t nanoseconds, int64_t second) {
  char body[12];
  wire::store_be<4>(body, nanoseconds);
  wire::store_be<8>(body + 4, static_cast<uint64_t>(second));
  return {body, sizeof body};
}

std::string moment(std::string_view timestamp) {
  DateTime value;
  if (const char* const fault = DateTime::from_timestamp(timestamp, value)) {
    return fault;
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

TEST(ValuesTest, ADateHasTwoDashesAndNothingElse) {
  EXPECT_EQ(again<Date>("9999-12-31"), "9999-12-31");
  for (const char* text : {"2024.02-29", "2024-02.29", "2024-00-01", "2024-13-01", "2024-01-00",
                           "2024-01-32", "2024-01-3", "2024-0a-01", "2024-01-0:", "20240229"}) {
    EXPECT_EQ(again<Date>(text), "invalid") << text;
  }
}

TEST(ValuesTest, TheSeventhDigitBehindThePointIsTheOneThatRounds) {
  EXPECT_EQ(again<TimeOfDay>("03:04:05.12345"), "03:04:05.123450");
  EXPECT_EQ(again<TimeOfDay>("03:04:05.123456"), "03:04:05.123456");
  EXPECT_EQ(again<TimeOfDay>("03:04:05.1234564"), "03:04:05.123456");
  EXPECT_EQ(again<TimeOfDay>("03:04:05.12345649"), "03:04:05.123456");
  EXPECT_EQ(again<TimeOfDay>("03:04:05.12345651"), "03:04:05.123457");
  EXPECT_EQ(again<TimeOfDay>("03:04:05.000000"), "03:04:05");
}

TEST(ValuesTest, ATimeEndsBeforeADayAMinuteAndASecondDo) {
  EXPECT_EQ(again<TimeOfDay>("00:00:00"), "00:00:00");
  EXPECT_EQ(again<TimeOfDay>("23:59:59.999999"), "23:59:59.999999");
  for (const char* text : {"24:00:00", "23:60:00", "23:59:60", "3:04:05", "03-04:05", "03:04-05",
                           "03:4:05", "03:04:5", "03:04:05,5", "03:04:05x", "03:04:05Zz", ""}) {
    EXPECT_EQ(again<TimeOfDay>(text), "invalid") << text;
  }
}

TEST(ValuesTest, AnOffsetIsBelowADayAndHasItsMinutes) {
  EXPECT_EQ(again<TimeOfDay>("03:04:05+23:59"), "03:04:05+23:59");
  EXPECT_EQ(again<TimeOfDay>("03:04:05-23:59"), "03:04:05-23:59");
  EXPECT_EQ(again<TimeOfDay>("03:04:05-00:01"), "03:04:05-00:01");
  EXPECT_EQ(again<TimeOfDay>("03:04:05-00:00"), "03:04:05Z");
  for (const char* offset : {"+24:00", "+00:60", "+", "+2", "+02", "+02:", "+02:3", "+0a:00",
                             "+02:0a", "+02-30", "++02:30", "+02:300"}) {
    EXPECT_EQ(again<TimeOfDay>(std::string("03:04:05") + offset), "invalid") << offset;
  }
}

TEST(ValuesTest, ADateTimeIsADateAndATimeBehindATOrABlank) {
  EXPECT_EQ(again<DateTime>("2026-01-31t03:04:05"), "2026-01-31T03:04:05");
  for (const char* text :
       {"2026-01-31", "2026-01-31T", "2026-01-31_03:04:05", "2026-02-30T03:04:05",
        "2026-01-31T03:04", "2026-01-31T03:04:05 ", "2026-01-3103:04:05"}) {
    EXPECT_EQ(again<DateTime>(text), "invalid") << text;
  }
}

TEST(ValuesTest, ADateTimeIsOfTheYears1To9999ThereAndInUtc) {
  for (const char* text : {"0001-01-01T00:00:00", "0001-01-01T00:00:00-00:01",
                           "9999-12-31T23:59:59.999999", "9999-12-31T23:59:59+00:01"}) {
    EXPECT_EQ(again<DateTime>(text), text);
  }
  for (const char* text : {"0001-01-01T00:00:59+00:01", "9999-12-31T23:59:00-00:01",
                           "9999-12-31T23:59:59.9999995+23:59"}) {
    EXPECT_EQ(again<DateTime>(text), "invalid") << text;
  }
  EXPECT_EQ(again<DateTime>("0001-01-01T00:01:00+00:01"), "0001-01-01T00:01:00+00:01");
  EXPECT_EQ(again<DateTime>("9999-12-31T23:58:59-00:01"), "9999-12-31T23:58:59-00:01");
}

TEST(ValuesTest, ATimestampHasThreeForms) {
  EXPECT_EQ(moment("\xff\xff\xff\xff"), "2106-02-07T06:28:15Z");
  // 30 bits of nanoseconds before 34 of seconds.
  EXPECT_EQ(moment({"\0\0\x1f\x40\0\0\0\x05", 8}), "1970-01-01T00:00:05.000002Z");
  EXPECT_EQ(moment({"\0\0\0\x03\xff\xff\xff\xff", 8}), "2514-05-30T01:53:03Z");
  EXPECT_EQ(moment({"\0\0\0\x04\0\0\0\0", 8}), "1970-01-01T00:00:00Z");
  EXPECT_EQ(moment(timestamp_of(3'000, -1)), "1969-12-31T23:59:59.000003Z");
  for (const size_t size : {0, 1, 3, 5, 7, 9, 11, 13}) {
    EXPECT_EQ(moment(std::string(size, '\0')), "Invalid MessagePack timestamp") << size;
  }
}

TEST(ValuesTest, NanosecondsOfATimestampAreBelowASecond) {
  EXPECT_EQ(moment(timestamp_of(499, 0)), "1970-01-01T00:00:00Z");
  EXPECT_EQ(moment(timestamp_of(500, 0)), "1970-01-01T00:00:00.000001Z");
  EXPECT_EQ(moment(timestamp_of(999'999'999, 0)), "1970-01-01T00:00:01Z");
  const char* const wrong = "Invalid MessagePack timestamp: nanoseconds out of range";
  EXPECT_EQ(moment(timestamp_of(1'000'000'000, 0)), wrong);
  EXPECT_EQ(moment({"\xff\xff\xff\xfc\0\0\0\0", 8}), wrong);
}

TEST(ValuesTest, ATimestampIsOfTheYears1To9999) {
  constexpr int64_t kFirst = -62'135'596'800;
  constexpr int64_t kLast = 253'402'300'799;
  EXPECT_EQ(moment(timestamp_of(0, kFirst)), "0001-01-01T00:00:00Z");
  EXPECT_EQ(moment(timestamp_of(999'999'499, kLast)), "9999-12-31T23:59:59.999999Z");
  EXPECT_EQ(moment(timestamp_of(999'999'500, kLast - 1)), "9999-12-31T23:59:59Z");
  for (const std::string& beyond :
       {timestamp_of(999'999'999, kFirst - 1), timestamp_of(999'999'500, kLast),
        timestamp_of(0, kLast + 1), timestamp_of(0, INT64_MIN), timestamp_of(0, INT64_MAX)}) {
    EXPECT_EQ(moment(beyond), "Timestamp is out of range ");
  }
}

TEST(ValuesTest, APointOfTimeIsWholeSecondsAndWhatIsBehindThem) {
  DateTime value;
  ASSERT_TRUE(DateTime::parse("1969-12-31T23:59:58.25-00:01", value));
  const DateTime::Timestamp at = value.timestamp();
  EXPECT_EQ(at.seconds, 58);
  EXPECT_EQ(at.nanoseconds, 250'000'000u);
  value.offset.reset();
  EXPECT_EQ(value.timestamp().seconds, -2);
}

TEST(ValuesTest, AUuidHasItsDigitsAndItsDashesWhereTheyBelong) {
  const std::string text = "01234567-89ab-cdef-0123-456789abcdef";
  for (size_t at = 0; at < text.size(); ++at) {
    for (const char wrong : {'g', 'G', '`', '@', '/', ':'}) {
      std::string other = text;
      other[at] = wrong;
      EXPECT_EQ(again<Uuid>(other), "invalid") << other;
    }
    std::string shorter = text;
    shorter.erase(at, 1);
    EXPECT_EQ(again<Uuid>(shorter), "invalid") << shorter;
  }
  for (const size_t size : {0, 31, 33, 35, 36, 37}) {
    EXPECT_EQ(again<Uuid>(std::string(size, '0')), "invalid") << size;
  }
  EXPECT_EQ(again<Uuid>(std::string(32, 'f')), "ffffffff-ffff-ffff-ffff-ffffffffffff");
}

TEST(ValuesTest, WhatIsNoNumberIsADecimalByItsWholeName) {
  const std::pair<const char*, const char*> names[] = {
      {"inf", "Infinity"}, {"+INFINITY", "Infinity"}, {"-Infinity", "-Infinity"},
      {"nan", "NaN"},      {"-nan", "-NaN"},          {"NaN000", "NaN"},
      {"sNaN", "sNaN"},    {"snan050", "sNaN50"},     {"nan9", "NaN9"}};
  for (const auto& [text, name] : names) {
    EXPECT_EQ(again<Decimal>(text), name) << text;
  }
  for (const char* text : {"infi", "infinityy", "nanx", "nan1x", "snan-1", "sna", "na", "s"}) {
    EXPECT_EQ(again<Decimal>(text), "invalid") << text;
  }
}

TEST(ValuesTest, ADecimalHasOneSignOnePointAndOneExponent) {
  const std::pair<const char*, const char*> numbers[] = {
      {"007.50", "7.50"}, {"5.", "5"},        {".5", "0.5"}, {"1e+2", "1E+2"}, {"1e-2", "0.01"},
      {"12E1", "1.2E+2"}, {"0.000", "0.000"}, {"-0", "-0"},  {"1E0", "1"},     {"1.5e1", "15"}};
  for (const auto& [text, number] : numbers) {
    EXPECT_EQ(again<Decimal>(text), number) << text;
  }
  for (const char* text : {"++1", "+-1", "1e--5", "1e+-5", "1e+", "1e-", "1e5.", "1e5x", "1 2",
                           "1.2.3", "1e5e5", "-.", "e"}) {
    EXPECT_EQ(again<Decimal>(text), "invalid") << text;
  }
}

TEST(ValuesTest, ADecimalHasAnExponentWhereItsZerosWouldBeMany) {
  EXPECT_EQ(again<Decimal>("1e-6"), "0.000001");
  EXPECT_EQ(again<Decimal>("1e-7"), "1E-7");
  EXPECT_EQ(again<Decimal>("12e-7"), "0.0000012");
  EXPECT_EQ(again<Decimal>("12e-8"), "1.2E-7");
  EXPECT_EQ(again<Decimal>("1E-999999999999999999"), "1E-999999999999999999");
}

// MAX_EMAX and MIN_ETINY of Python's decimal module, whatever the exponent says as it is written.
TEST(ValuesTest, ADecimalIsInPythonsRange) {
  const std::pair<const char*, const char*> numbers[] = {
      {"1E+999999999999999999", "1E+999999999999999999"},
      {"0.01E+1000000000000000001", "1E+999999999999999999"},
      {"1E-1999999999999999997", "1E-1999999999999999997"},
      {"0.1E-1999999999999999996", "1E-1999999999999999997"}};
  for (const auto& [text, number] : numbers) {
    EXPECT_EQ(again<Decimal>(text), number) << text;
  }
  for (const char* text :
       {"1E+1000000000000000000", "10E+999999999999999999", "0E+1000000000000000000",
        "1E-1999999999999999998", "0.1E-1999999999999999997", "0E-1999999999999999998",
        "1E+9223372036854775807", "0.01E-9223372036854775807", "1E+9223372036854775808"}) {
    EXPECT_EQ(again<Decimal>(text), "invalid") << text;
  }
}

TEST(ValuesTest, AFloatIsADecimalAsPythonsStrShowsIt) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::pair<double, const char*> floats[] = {{0.0, "0.0"},
                                                   {100.0, "100.0"},
                                                   {1e15, "1000000000000000.0"},
                                                   {-1e15, "-1000000000000000.0"},
                                                   {1.25e16, "1.25E+16"},
                                                   {0.1, "0.1"},
                                                   {-2.5e-7, "-2.5E-7"},
                                                   {kInfinity, "Infinity"},
                                                   {-kInfinity, "-Infinity"},
                                                   {std::nan(""), "NaN"}};
  for (const auto& [number, text] : floats) {
    EXPECT_EQ(Decimal(number).text(), text);
  }
}

}  // namespace
}  // namespace zerogate
