#include "core/rpc/rate_limits.h"

#include <gtest/gtest.h>
#include <prometheus/metric_family.h>

#include <map>

#include "tests/unit/core/base/beside.h"

namespace zerogate {
namespace {

using Counts = std::map<std::string, double>;

RateLimitOptions limit(uint32_t calls_per_second) {
  return {.functions = {"*"}, .per = RateLimitOptions::Per::all, .rate = {calls_per_second, 1'000}};
}

class RateLimitsTest : public ::testing::Test {
 protected:
  void exceed(const std::shared_ptr<const RateRules>& rules, uint64_t calls) {
    for (const RateRule& rule : *rules) {
      *rule.exceeded += calls;
    }
  }
  /// zerogate_rate_limited_total by limit.
  Counts exceeded() const {
    Counts counts;
    for (const auto& family : limits_.Collect()) {
      for (const auto& metric : family.metric) {
        if (family.name == "zerogate_rate_limited_total") {
          EXPECT_TRUE(counts.try_emplace(metric.label[0].value, metric.counter.value).second);
        }
      }
    }
    return counts;
  }

  RateLimits limits_{4711};
};

// Each reload may bring another rate, and a series that lives for ever costs for ever.
TEST_F(RateLimitsTest, OneThatIsNoLongerInForceHasNoSeries) {
  for (uint32_t rate = 1; rate <= 1'000; ++rate) {
    limits_.set({limit(rate)});
    exceed(limits_.rules(), 1);
    ASSERT_EQ(exceeded(), (Counts{{"* " + std::to_string(rate) + "/s", 1}}));
  }
  limits_.set({});
  EXPECT_TRUE(exceeded().empty());
}

TEST_F(RateLimitsTest, ACounterGoesOnWhereItWasWhenItsLimitComesBack) {
  limits_.set({limit(1), limit(2)});
  const auto rules = limits_.rules();
  exceed(rules, 5);
  limits_.set({limit(2)});
  exceed(rules, 1);  // a worker that has not heard of it yet
  EXPECT_EQ(exceeded(), (Counts{{"* 2/s", 6}}));
  limits_.set({});
  limits_.set({limit(1), limit(2)});
  EXPECT_EQ(exceeded(), (Counts{{"* 1/s", 6}, {"* 2/s", 6}}));
}

TEST_F(RateLimitsTest, TheFirstThatWentIsForgotten) {
  const auto last = static_cast<uint32_t>(RateLimits::kMaxGone + 2);
  for (uint32_t rate = 1; rate <= last; ++rate) {
    limits_.set({limit(rate)});
    exceed(limits_.rules(), 3);
  }
  limits_.set({limit(1), limit(2), limit(last)});
  EXPECT_EQ(exceeded(),
            (Counts{{"* 1/s", 0}, {"* 2/s", 3}, {"* " + std::to_string(last) + "/s", 3}}));
}

// Limits that differ in their bursts alone have one name, and one series.
TEST_F(RateLimitsTest, TwoOfOneNameCountTogether) {
  RateLimitOptions other = limit(1);
  other.burst = 7;
  limits_.set({limit(1), other});
  exceed(limits_.rules(), 2);
  EXPECT_EQ(exceeded(), (Counts{{"* 1/s", 4}}));
}

TEST_F(RateLimitsTest, ALongListOfFunctionsIsCutBetweenTwoCharacters) {
  const auto name_of = [](const std::string& function) {
    RateLimitOptions named = limit(1);
    named.functions = {function};
    return RateLimits::name_of(named);
  };
  const size_t most = RateLimits::kMaxListBytes;
  const std::string all(most, 'a');
  EXPECT_EQ(name_of(all), all + " 1/s");
  EXPECT_EQ(name_of(all + "b"), all + "... 1/s");
  const std::string but_one(most - 1, 'a');
  EXPECT_EQ(name_of(but_one + "ö"), but_one + "... 1/s") << "no half of it";
  EXPECT_EQ(name_of(but_one + "€"), but_one + "... 1/s");
  EXPECT_EQ(name_of(but_one.substr(1) + "öb"), but_one.substr(1) + "ö... 1/s");
}

TEST_F(RateLimitsTest, WorkersAndScrapesReadThemWhileTheyAreReloaded) {
  const auto reload = [&] { limits_.set({limit(1), limit(2)}); };
  reload();
  testing::beside(reload, [&] { limits_.rules(); });
  testing::beside(reload, [&] { limits_.Collect(); });
  testing::beside(reload, reload);
}

}  // namespace
}  // namespace zerogate
