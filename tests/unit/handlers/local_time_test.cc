#include "handlers/local_time.h"

#include <gtest/gtest.h>

#include <string>

namespace zerogate {
namespace {

timespec fake_now{};
int fake_clock(clockid_t, timespec* now) {
  *now = fake_now;
  return 0;
}

/// What the C library says of the calendar part, in whatever zone the test runs.
std::string calendar(time_t second) {
  tm local{};
  localtime_r(&second, &local);
  char text[32];
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &local);
  return text;
}

TEST(LocalTimeTest, HasSixDigitsOfMicroseconds) {
  LocalTime time(&fake_clock);
  fake_now = {1'700'000'000, 1'234'999};
  EXPECT_EQ(time.now(), calendar(1'700'000'000) + ".001234");
  fake_now.tv_nsec = 999'999'999;
  EXPECT_EQ(time.now(), calendar(1'700'000'000) + ".999999");
  fake_now.tv_nsec = 0;
  EXPECT_EQ(time.now(), calendar(1'700'000'000) + ".000000");
  EXPECT_EQ(time.now().size(), LocalTime::kTextBytes);
}

TEST(LocalTimeTest, FollowsTheClockForwardsAndBackwards) {
  LocalTime time(&fake_clock);
  for (const time_t second : {time_t{0}, time_t{1'709'164'800}, time_t{1'709'251'200},
                              time_t{1'709'251'199}, time_t{4'102'444'799}}) {
    fake_now = {second, 5'000};
    EXPECT_EQ(time.now(), calendar(second) + ".000005");
  }
}

}  // namespace
}  // namespace zerogate
