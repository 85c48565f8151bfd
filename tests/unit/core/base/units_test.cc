#include "core/base/units.h"

#include <gtest/gtest.h>

namespace zerogate {
namespace {

TEST(Units, TakesSizes) {
  EXPECT_EQ(parse_size("0").value(), 0u);
  EXPECT_EQ(parse_size("1500").value(), 1500u);
  EXPECT_EQ(parse_size("64KiB").value(), 65'536u);
  EXPECT_EQ(parse_size("16MiB").value(), 16'777'216u);
  EXPECT_EQ(parse_size("2GiB").value(), 2'147'483'648u);
}

TEST(Units, RefusesOtherSizes) {
  for (const auto* text : {"", "16Mib", "16 MiB", "16MB", "1.5MiB", "-1", "+1", "MiB", "0x10",
                           "18446744073709551616", "17179869184GiB"}) {
    const auto size = parse_size(text);
    ASSERT_FALSE(size.ok()) << text;
    EXPECT_EQ(size.error(), "'" + std::string(text) +
                                "' is not a size; write bytes or a unit, as in 64KiB or 16MiB");
  }
}

TEST(Units, TakesDurations) {
  EXPECT_EQ(parse_duration_ms("250ms").value(), 250u);
  EXPECT_EQ(parse_duration_ms("5s").value(), 5'000u);
  EXPECT_EQ(parse_duration_ms("1m").value(), 60'000u);
  EXPECT_EQ(parse_duration_ms("1h").value(), 3'600'000u);
  EXPECT_EQ(parse_duration_ms("0s").value(), 0u);
}

TEST(Units, RefusesOtherDurations) {
  for (const auto* text :
       {"", "5", "5 s", "1.5s", "-5s", "5S", "s", "1m30s", "1d", "4294967296ms", "9999999h"}) {
    const auto ms = parse_duration_ms(text);
    ASSERT_FALSE(ms.ok()) << text;
    EXPECT_EQ(ms.error(),
              "'" + std::string(text) +
                  "' is not a duration; write a whole number with its unit, as in 250ms, 5s or 1m");
  }
}

TEST(Units, ShowsWhatItReads) {
  for (const auto* text : {"0", "1500", "1023", "64KiB", "1025KiB", "16MiB", "1GiB", "3GiB"}) {
    EXPECT_EQ(show_size(parse_size(text).value()), text);
  }
  for (const auto* text : {"0ms", "250ms", "1500ms", "8s", "90s", "1m", "1h"}) {
    EXPECT_EQ(show_duration_ms(parse_duration_ms(text).value()), text);
  }
  EXPECT_EQ(show_size(1024), "1KiB");
  EXPECT_EQ(show_duration_ms(60'000), "1m");
}

TEST(Units, TakesCounts) {
  EXPECT_EQ(parse_count("10000").value(), 10'000u);
  for (const auto* text : {"", "-1", "1e4", "1_000", "1KiB", " 1"}) {
    EXPECT_FALSE(parse_count(text).ok()) << text;
  }
}

TEST(Units, KeepsCountsAndTimeoutsInTheirLimits) {
  EXPECT_EQ(parse_count("0", 0, 9).value(), 0u);
  EXPECT_EQ(parse_count("9", 0, 9).value(), 9u);
  EXPECT_EQ(parse_count("10", 0, 9).error(), "'10' is out of range; write 0 to 9");
  EXPECT_EQ(parse_count("0", 1, 9).error(), "'0' is out of range; write 1 to 9");
  EXPECT_EQ(parse_count("4294967297", 0, 9).error(), "'4294967297' is out of range; write 0 to 9");
  EXPECT_EQ(parse_count("x", 0, 9).error(), "'x' is not a whole number; write 0 to 9");
  EXPECT_EQ(parse_timeout_ms("1ms").value(), 1u);
  EXPECT_EQ(parse_timeout_ms("1h").value(), 3'600'000u);
  EXPECT_EQ(parse_timeout_ms("0ms").error(), "'0ms' is out of range; write 1ms to 1h");
  EXPECT_EQ(parse_timeout_ms("61m").error(), "'61m' is out of range; write 1ms to 1h");
}

}  // namespace
}  // namespace zerogate
