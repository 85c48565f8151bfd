// Rate limits as a worker applies them: who is counted with whom, what the error says, and what is
// counted. The time is the requests' own.
#include "core/rpc/rate_limiter.h"

#include <gmock/gmock.h>
#include <prometheus/metric_family.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/log/log.h"
#include "core/rpc/connect_service.h"
#include "core/rpc/dispatcher.h"
#include "tests/unit/core/rpc/call_fixture.h"

namespace zerogate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Per = RateLimitOptions::Per;
using Mode = RateLimitOptions::Mode;

constexpr Rate kTwoPerSecond = {2, 1'000};

/// A transport whose callers have names by their slots.
struct NamedCallers final : ReplySink {
  Delivery deliver(const ReturnPath&, ByteView body, BodyKind) override {
    last.assign(body);
    return Delivery::queued;
  }
  std::string peer(CallerKey) const override { return "10.0.0.7:4031"; }
  const Caller& caller(CallerKey key) const override { return callers.at(key.slot); }

  std::string last;
  std::vector<Caller> callers = {{"10.0.0.1"}, {"10.0.0.2"}, {"10.0.0.1", true}};
};

struct Answering final : Service {
  void serve(const Request&, Call call) override { std::move(call).reply("\xc0"); }
};

class RateLimiterTest : public ::testing::Test {
 protected:
  RateLimiterTest() {
    log::set_level(log::Level::off);
    router_.add("first", service_);
    router_.add("second", service_);
    router_.add(ConnectService::kName, connect_);
  }
  void limit(const std::vector<RateLimitOptions>& limits) {
    limits_.set(limits);
    dispatcher_.refresh_limits();
  }
  /// How many of ten calls that come at once are answered by the function.
  uint64_t passed_of_ten(ByteView function, uint32_t caller = 0) {
    uint64_t passed = 0;
    for (int i = 0; i < 10; ++i) {
      passed += call(function, caller) ? 1 : 0;
    }
    return passed;
  }
  bool call(ByteView function, uint32_t caller = 0) {
    const uint64_t before = ended(Outcome::limited);
    dispatcher_.dispatch(
        {{&sink_, {caller, 0}, Wire::t3, RequestId("0001")}, {function, "\xc0"}, now_ns_});
    return ended(Outcome::limited) == before;
  }
  uint64_t ended(Outcome outcome) const {
    uint64_t sum = 0;
    for (const char* name : {"first", "second", "_other"}) {
      sum += metrics_.ended(labels_.find(name), Wire::t3, outcome);
    }
    return sum;
  }
  /// zerogate_rate_limited_total by limit and mode.
  std::map<std::string, double> exceeded() const {
    std::map<std::string, double> counts;
    for (const auto& family : limits_.Collect()) {
      for (const auto& metric : family.metric) {
        if (family.name == "zerogate_rate_limited_total") {
          counts[metric.label[0].value + ", " + metric.label[1].value] = metric.counter.value;
        }
      }
    }
    return counts;
  }

  uint64_t now_ns_ = 100 * kNsPerSecond;
  FunctionLabels labels_{{"first", "second"}};
  WorkerMetrics metrics_{labels_};
  AccessLogSettings no_log_;
  CallTable calls_{100, metrics_, no_log_};
  Router router_{labels_};
  RateLimits limits_{4711};
  Dispatcher dispatcher_{router_, calls_, &limits_};
  Answering service_;
  ConnectService connect_;
  NamedCallers sink_;
};

TEST_F(RateLimiterTest, WithoutLimitsEveryCallPasses) {
  EXPECT_EQ(passed_of_ten("first"), 10u);
  limit({});
  EXPECT_EQ(passed_of_ten("first"), 10u);
}

TEST_F(RateLimiterTest, EachCallerHasItsOwnRate) {
  limit({{.functions = {"*"}, .per = Per::caller, .rate = kTwoPerSecond}});
  EXPECT_EQ(passed_of_ten("first", 0), 2u);
  EXPECT_EQ(passed_of_ten("second", 0), 0u) << "over all functions of the limit";
  EXPECT_EQ(passed_of_ten("first", 1), 2u);
  EXPECT_EQ(passed_of_ten("first", 2), 2u) << "a key's name is no address";
  now_ns_ += 500 * kNsPerMs;
  EXPECT_EQ(passed_of_ten("first", 0), 1u);
}

TEST_F(RateLimiterTest, EachFunctionHasItsOwnRate) {
  limit({{.functions = {"*"}, .per = Per::function, .rate = kTwoPerSecond}});
  EXPECT_EQ(passed_of_ten("first", 0), 2u);
  EXPECT_EQ(passed_of_ten("first", 1), 0u);
  EXPECT_EQ(passed_of_ten("second", 1), 2u);
  EXPECT_EQ(passed_of_ten("unknown", 1), 2u) << "those without a label too";
  EXPECT_EQ(passed_of_ten("unheard", 1), 2u);
}

TEST_F(RateLimiterTest, AllCallsTogetherHaveARate) {
  limit({{.functions = {"*"}, .per = Per::all, .rate = kTwoPerSecond}});
  EXPECT_TRUE(call("first", 0));
  EXPECT_TRUE(call("second", 1));
  EXPECT_FALSE(call("first", 2));
}

TEST_F(RateLimiterTest, OnlyTheNamedFunctionsAreLimited) {
  limit({{.functions = {"fir*", "third"}, .per = Per::all, .rate = kTwoPerSecond}});
  EXPECT_EQ(passed_of_ten("first"), 2u);
  EXPECT_EQ(passed_of_ten("second"), 10u);
  EXPECT_EQ(passed_of_ten("third"), 0u);
}

// They share a label, under which no limit of one may be remembered for another.
TEST_F(RateLimiterTest, FunctionsWithoutALabelAreLimitedByTheirNames) {
  limit({{.functions = {"x*"}, .per = Per::all, .rate = kTwoPerSecond}});
  EXPECT_EQ(passed_of_ten("y"), 10u);
  EXPECT_EQ(passed_of_ten("x1"), 2u);
  EXPECT_EQ(passed_of_ten("y"), 10u);
}

TEST_F(RateLimiterTest, ClientsCanAlwaysConnect) {
  limit({{.functions = {"*"}, .per = Per::all, .rate = kTwoPerSecond}});
  EXPECT_EQ(passed_of_ten("first"), 2u);
  EXPECT_EQ(passed_of_ten("connect"), 10u);
}

TEST_F(RateLimiterTest, ObservingOnlyCounts) {
  limit({{.functions = {"*"}, .per = Per::caller, .rate = kTwoPerSecond, .mode = Mode::observe}});
  EXPECT_EQ(passed_of_ten("first"), 10u);
  EXPECT_EQ(exceeded(), (std::map<std::string, double>{{"* per caller 2/s, observe", 8}}));
}

TEST_F(RateLimiterTest, TwoLimitsCountTheSameCallerApart) {
  limit({{.functions = {"first"}, .per = Per::caller, .rate = kTwoPerSecond},
         {.functions = {"second"}, .per = Per::caller, .rate = kTwoPerSecond}});
  EXPECT_EQ(passed_of_ten("first"), 2u);
  EXPECT_EQ(passed_of_ten("second"), 2u);
}

TEST_F(RateLimiterTest, TheStricterOfTwoDecides) {
  limit({{.functions = {"*"}, .per = Per::all, .rate = {6, 60'000}, .burst = 5},
         {.functions = {"first"}, .per = Per::caller, .rate = {3'600'000, 3'600'000}, .burst = 3}});
  EXPECT_EQ(passed_of_ten("first"), 3u);
  EXPECT_EQ(exceeded(), (std::map<std::string, double>{
                            {"* 6/m, enforce", 0}, {"first per caller 3600000/h, enforce", 7}}));
  EXPECT_EQ(passed_of_ten("first", 1), 2u) << "what was refused has used up nothing";
}

/// Ten together, six of each function, three of each caller; an hour later all of it again.
RateLimitOptions hourly(Per per, Mode mode = Mode::enforce) {
  const uint32_t calls = per == Per::all ? 10 : per == Per::function ? 6 : 3;
  return {.functions = {"*"}, .per = per, .rate = {calls, 3'600'000}, .burst = calls, .mode = mode};
}

TEST_F(RateLimiterTest, InEveryOrderOfLimitsTheSameCallsPass) {
  const auto passed = [this](const std::vector<RateLimitOptions>& limits) {
    limit(limits);
    now_ns_ += 2 * 3'600 * kNsPerSecond;
    std::vector<uint64_t> counts;
    const std::initializer_list<std::pair<const char*, uint32_t>> calls = {
        {"first", 0}, {"first", 1}, {"second", 0}, {"second", 1}, {"second", 2}};
    for (const auto& [function, caller] : calls) {
      counts.push_back(passed_of_ten(function, caller));
    }
    return counts;
  };
  std::vector<RateLimitOptions> limits = {hourly(Per::all), hourly(Per::caller)};
  for (int turn = 0; turn < 2; ++turn) {
    EXPECT_THAT(passed(limits), ElementsAre(3, 3, 0, 0, 3)) << turn;
    std::swap(limits[0], limits[1]);
  }
  limits = {hourly(Per::all), hourly(Per::function)};
  for (int turn = 0; turn < 2; ++turn) {
    EXPECT_THAT(passed(limits), ElementsAre(6, 0, 4, 0, 0)) << turn;
    std::swap(limits[0], limits[1]);
  }
  std::array<Per, 3> order = {Per::caller, Per::function, Per::all};
  do {
    EXPECT_THAT(passed({hourly(order[0]), hourly(order[1]), hourly(order[2])}),
                ElementsAre(3, 3, 0, 0, 3));
    for (size_t observing = 0; observing < order.size(); ++observing) {
      std::vector<RateLimitOptions> some;
      for (size_t i = 0; i < order.size(); ++i) {
        some.push_back(hourly(order[i], i == observing ? Mode::observe : Mode::enforce));
      }
      const auto expected = order[observing] == Per::caller     ? ElementsAre(6, 0, 4, 0, 0)
                            : order[observing] == Per::function ? ElementsAre(3, 3, 0, 0, 3)
                                                                : ElementsAre(3, 3, 0, 0, 3);
      EXPECT_THAT(passed(some), expected) << "one that observes refuses nothing";
    }
  } while (std::ranges::next_permutation(order).found);
}

TEST_F(RateLimiterTest, AnObservingLimitIsChargedWithCallsThatPass) {
  for (const bool first : {true, false}) {
    std::vector<RateLimitOptions> limits = {hourly(Per::all, Mode::observe), hourly(Per::caller)};
    if (!first) {
      std::swap(limits[0], limits[1]);
    }
    limit(limits);
    now_ns_ += 2 * 3'600 * kNsPerSecond;
    for (uint32_t caller = 0; caller < 3; ++caller) {
      EXPECT_EQ(passed_of_ten("first", caller), 3u);
    }
    EXPECT_EQ(exceeded()["* 10/h, observe"], 0) << "nine have passed";
  }
}

TEST_F(RateLimiterTest, ThreadsChargeASharedLimitWithCallsThatPassOnly) {
  constexpr uint32_t kShared = 3'000;
  const FunctionLabel label = labels_.find("first");
  const auto flood = [&](uint32_t caller, uint64_t step_ns, std::atomic<uint32_t>& passed) {
    RateLimiter limiter(&limits_);
    limiter.refresh();
    const ReturnPath path{&sink_, {caller, 0}, Wire::t3, RequestId("0001")};
    for (uint64_t i = 0; i < 400'000; ++i) {  // the own limit has a call again after 200
      passed += limiter.take({"first", label, path, now_ns_ + i * step_ns}) ? 0 : 1;
    }
  };
  const RateLimitOptions shared{
      .functions = {"*"}, .per = Per::all, .rate = {1, 3'600'000}, .burst = kShared};
  const RateLimitOptions own{
      .functions = {"*"}, .per = Per::caller, .rate = {1'000, 1'000}, .burst = 1};
  for (const bool shared_first : {true, false}) {
    const std::vector<RateLimitOptions> limits =
        shared_first ? std::vector{shared, own} : std::vector{own, shared};
    limit(limits);
    now_ns_ += 2ULL * kShared * 3'600 * kNsPerSecond;
    std::atomic<uint32_t> passed = 0;
    std::thread other(flood, 0, 5'000, std::ref(passed));
    flood(0, 5'000, passed);
    other.join();
    EXPECT_GE(passed, 1'000u);
    EXPECT_LT(passed, kShared);
    now_ns_ += 2 * kNsPerSecond;
    limit({shared});
    flood(1, 0, passed);
    EXPECT_EQ(passed, kShared) << shared_first;
  }
}

TEST_F(RateLimiterTest, TheErrorNamesLimitAndCaller) {
  limit({{.functions = {"first", "save_*"}, .per = Per::caller, .rate = kTwoPerSecond}});
  passed_of_ten("first", 1);
  EXPECT_THAT(sink_.last, HasSubstr("over the rate limit \"first,save_* per caller 2/s\": caller "
                                    "10.0.0.2; try again in 501 ms"));
  EXPECT_EQ(ended(Outcome::limited), 8u);
  EXPECT_EQ(ended(Outcome::ok), 2u);
  EXPECT_EQ(metrics_.begun(Protocol::tcp), 10u) << "requests = sum of outcomes";
}

TEST_F(RateLimiterTest, AReloadKeepsWhatWasUsedOfALimitThatStays) {
  const RateLimitOptions stays = {.functions = {"first"}, .rate = kTwoPerSecond};
  limit({stays});
  EXPECT_EQ(passed_of_ten("first"), 2u);
  limit({{.functions = {"second"}, .rate = kTwoPerSecond}, stays});
  EXPECT_EQ(passed_of_ten("first"), 0u);
  EXPECT_EQ(passed_of_ten("second"), 2u);
  limit({});
  EXPECT_EQ(passed_of_ten("first"), 10u);
}

TEST_F(RateLimiterTest, LimitsThatDifferInTheirBurstsCountApart) {
  const auto with_burst = [](uint32_t burst) {
    return RateLimitOptions{.functions = {"first"}, .rate = kTwoPerSecond, .burst = burst};
  };
  limit({with_burst(8), with_burst(6)});
  EXPECT_EQ(passed_of_ten("first", 0), 6u);
  EXPECT_EQ(passed_of_ten("first", 1), 6u);
  limit({with_burst(9)});
  EXPECT_EQ(passed_of_ten("first", 0), 3u) << "a reload of the burst keeps what was used";
}

TEST_F(RateLimiterTest, ALabelThatChangesHandsTakesNoLimitWithIt) {
  limit({{.functions = {"first"}, .per = Per::all, .rate = kTwoPerSecond}});
  EXPECT_EQ(passed_of_ten("first"), 2u);
  const FunctionLabel label = labels_.find("first");
  labels_.retire(label);
  router_.forget(label);
  dispatcher_.forget(label);
  labels_.release(label, nullptr);
  ASSERT_EQ(labels_.learn("third"), label);
  router_.add("third", service_);
  EXPECT_EQ(passed_of_ten("third"), 10u);
}

TEST_F(RateLimiterTest, ADrainGoesFirst) {
  limit({{.functions = {"*"}, .per = Per::all, .rate = kTwoPerSecond}});
  dispatcher_.drain();
  dispatcher_.refresh_limits();
  EXPECT_EQ(passed_of_ten("first"), 10u);
  EXPECT_EQ(ended(Outcome::unavailable), 10u);
}

TEST_F(RateLimiterTest, ALineSaysWhoAndTheNextHowManyWereLeftOut) {
  std::vector<std::string> lines;
  log::configure(log::Level::warn, log::Format::logfmt,
                 [&](std::string_view line) { lines.emplace_back(line); });
  limit({{.functions = {"first"}, .per = Per::caller, .rate = kTwoPerSecond}});
  passed_of_ten("first", 1);
  now_ns_ += RateLimiter::kLineNs;
  passed_of_ten("first", 1);
  log::set_level(log::Level::off);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[0], HasSubstr("event=\"rate limit exceeded\" limit=\"first per caller 2/s\" "
                                  "mode=enforce caller=10.0.0.2 function=first"));
  EXPECT_THAT(lines[1], HasSubstr("suppressed=7"));
}

TEST_F(RateLimiterTest, TheLastOfAsManyLimitsAsThereMayBeHolds) {
  std::vector<RateLimitOptions> limits(RateLimits::kMaxLimits,
                                       {.functions = {"second"}, .rate = kTwoPerSecond});
  limits.back() = {.functions = {"first"}, .rate = {1, 1'000}};
  limit(limits);
  EXPECT_EQ(passed_of_ten("first"), 1u);
  EXPECT_THAT(sink_.last, HasSubstr("over the rate limit \"first per caller 1/s\""));
  EXPECT_EQ(passed_of_ten("second"), 2u);
}

// Another thread takes what is left while the line is written that tells of an observing limit.
TEST_F(RateLimiterTest, WhatACallHasUsedBeforeALimitRefusesItIsGivenBack) {
  limit({{.functions = {"first"}, .per = Per::caller, .rate = {2, 3'600'000}, .burst = 2},
         {.functions = {"*"}, .per = Per::all, .rate = {2, 1'000}},
         {.functions = {"first"}, .per = Per::all, .rate = {1, 1'000}, .mode = Mode::observe}});
  RateLimiter other(&limits_);
  ASSERT_TRUE(other.refresh());
  const ReturnPath path{&sink_, {1, 0}, Wire::t3, RequestId("0001")};
  bool taken = false;
  log::configure(log::Level::warn, log::Format::logfmt, [&](std::string_view) {
    if (!std::exchange(taken, true)) {
      EXPECT_FALSE(other.take({"second", labels_.find("second"), path, now_ns_}));
    }
  });
  EXPECT_TRUE(call("first"));
  EXPECT_FALSE(call("first")) << "two together have passed";
  log::configure(log::Level::off, log::Format::logfmt);
  EXPECT_EQ(exceeded(), (std::map<std::string, double>{{"first per caller 2/h, enforce", 0},
                                                       {"* 2/s, enforce", 1},
                                                       {"first 1/s, observe", 1}}));
  now_ns_ += kNsPerSecond;
  EXPECT_EQ(passed_of_ten("first"), 1u) << "the second of the two in an hour";
}

TEST_F(RateLimiterTest, CallersThatTheTableHasNoRoomForPassAndAreCounted) {
  constexpr size_t kCallers = 2 * GcraTable::kSlots;
  sink_.callers.clear();
  for (size_t i = 0; i < kCallers; ++i) {
    sink_.callers.push_back({std::to_string(i)});
  }
  limit({{.functions = {"first"}, .per = Per::caller, .rate = {1, 3'600'000}}});
  const auto passed = [this] {
    size_t count = 0;
    for (uint32_t caller = 0; caller < kCallers; ++caller) {
      count += call("first", caller) ? 1 : 0;
    }
    return count;
  };
  EXPECT_EQ(passed(), kCallers);
  const size_t untracked = passed();
  EXPECT_GE(untracked, kCallers - GcraTable::kSlots);
  EXPECT_LT(untracked, kCallers);
  const auto families = limits_.Collect();
  ASSERT_EQ(families.back().name, "zerogate_rate_limit_untracked_total");
  EXPECT_EQ(families.back().metric[0].counter.value, 2 * untracked);
}

TEST(RateLimits, ANameIsALabelOfAReasonableLength) {
  RateLimitOptions limit{.functions = std::vector<std::string>(50, "größe"),
                         .rate = {7, 3'600'000}};
  const std::string name = RateLimits::name_of(limit);
  EXPECT_LE(name.size(), RateLimits::kMaxListBytes + 30);
  EXPECT_THAT(name, HasSubstr("... per caller 7/h"));
}

}  // namespace
}  // namespace zerogate
