// rate_limits in the configuration: what is read, what is shown, and the error lines.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "core/rpc/rate_limits.h"
#include "gateway/config/show_config.h"
#include "tests/unit/gateway/config/config_fixture.h"

namespace zerogate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Per = RateLimitOptions::Per;
using Mode = RateLimitOptions::Mode;

class RateLimitConfig : public ConfigTest {};

TEST_F(RateLimitConfig, EveryKeyIsRead) {
  const Config config = good(
      "rate_limits:\n"
      "  - {functions: [\"save_*\", pay], per: function, rate: 600/m, burst: 50, mode: observe}\n"
      "  - {functions: \"*\", rate: 1000/h}\n");
  EXPECT_THAT(
      config.rate_limits,
      ElementsAre(
          RateLimitOptions{{"save_*", "pay"}, Per::function, {600, 60'000}, 50, Mode::observe},
          RateLimitOptions{{"*"}, Per::caller, {1'000, 3'600'000}, 0, Mode::enforce}));
}

TEST_F(RateLimitConfig, AVariableReplacesThoseOfTheFile) {
  const Config config = good("rate_limits: [{functions: a, rate: 1/s}]\n",
                             {{"ZEROGATE_RATE_LIMITS", "[{functions: b, rate: 2/s}]"}});
  ASSERT_EQ(config.rate_limits.size(), 1u);
  EXPECT_EQ(config.rate_limits[0].functions, std::vector<std::string>{"b"});
}

TEST_F(RateLimitConfig, WhatIsShownReadsTheSame) {
  const Config config = good(
      "rate_limits:\n  - {functions: [\"save_*\", pay], per: all, rate: 7/h, mode: observe}\n");
  EXPECT_EQ(good(to_yaml(config)).rate_limits, config.rate_limits);
  EXPECT_THAT(to_yaml(Config{}), HasSubstr("\nrate_limits:\n  []\n"));
}

TEST_F(RateLimitConfig, ThereIsAMost) {
  std::string yaml = "rate_limits:\n";
  for (size_t i = 0; i < RateLimits::kMaxLimits; ++i) {
    yaml += fmt::format("  - {{functions: f{}, rate: 1/s}}\n", i);
  }
  EXPECT_EQ(good(yaml).rate_limits.size(), RateLimits::kMaxLimits);
  EXPECT_THAT(errors(yaml + "  - {functions: one, rate: 1/s}\n"),
              ElementsAre("zerogate.yaml:66: rate_limits: more than 64 rate limits; put several "
                          "functions into one"));
}

class BrokenRateLimits : public ConfigTest, public ::testing::WithParamInterface<Broken> {};

TEST_P(BrokenRateLimits, GivesExactlyThisLine) {
  EXPECT_THAT(errors(GetParam().text), ElementsAre(GetParam().line));
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, BrokenRateLimits,
    ::testing::Values(
        Broken{"rate_limits: 100/s\n",
               "zerogate.yaml:1: rate_limits: a list of rate limits is needed, not a single value; "
               "write - {functions: [\"*\"], per: caller, rate: 100/s}"},
        Broken{"rate_limits:\n  - 100/s\n",
               "zerogate.yaml:2: rate_limits: a rate limit is a map of keys, not a single value; "
               "write - {functions: [\"*\"], per: caller, rate: 100/s}"},
        Broken{"rate_limits:\n  - {functions: a}\n",
               "zerogate.yaml:2: rate_limits: no rate; add it, as in rate: 100/s"},
        Broken{"rate_limits:\n  - {rate: 1/s}\n",
               "zerogate.yaml:2: rate_limits: no functions; add it, as in functions: [\"save_*\", "
               "get_order]"},
        Broken{"rate_limits:\n  - {functions: a, rate: 1/s, by: caller}\n",
               "zerogate.yaml:2: unknown key 'rate_limits.by'; rate_limits has functions, per, "
               "rate, burst and mode"},
        Broken{"rate_limits:\n  - {functions: a, rate: 100}\n",
               "zerogate.yaml:2: rate_limits.rate: '100' is no rate; write calls in a second, "
               "minute or hour, as in 100/s, 600/m or 1000/h"},
        Broken{"rate_limits:\n  - {functions: a, rate: 0/s}\n",
               "zerogate.yaml:2: rate_limits.rate: '0' is out of range; write 1 to 1000000"},
        Broken{"rate_limits:\n  - {functions: a, rate: 1/s, per: client}\n",
               "zerogate.yaml:2: rate_limits.per: 'client' is not known; write caller, function or "
               "all"},
        Broken{"rate_limits:\n  - {functions: a, rate: 1/s}\n  - {functions: [a], rate: 1/s}\n",
               "zerogate.yaml:3: rate_limits: the same limit stands twice; keep one"}));

}  // namespace
}  // namespace zerogate
