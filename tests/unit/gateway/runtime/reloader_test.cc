#include "gateway/runtime/reloader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/metric_family.h>

#include <atomic>
#include <future>

#include "core/base/fingerprint.h"
#include "core/log/log.h"
#include "gateway/config/show_config.h"
#include "tests/unit/core/base/beside.h"

namespace zerogate {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

Config routed() {
  Config config;
  BackendOptions orders;
  orders.name = "orders";
  orders.urls = {ServerUrl::parse("tcp://orders:5559").value()};
  config.backends = {orders};
  config.routes = {{{"*"}, "orders", 0}};
  config.source = {.has_keys = true, .says_routes = true};
  return config;
}

/// A reloader whose file is `next`, and what it put into force.
class ReloaderTest : public ::testing::Test {
 protected:
  ReloaderTest() {
    log::configure(log::Level::info, log::Format::logfmt, [](std::string_view) {});
  }
  ~ReloaderTest() override { log::configure(log::Level::info, log::Format::logfmt); }

  ReloadParts parts() {
    ReloadParts parts;
    parts.load = [this] { return next_; };
    parts.apply = [this](const Config& config) { applied_.push_back(config); };
    parts.pending = [this] { return pending_.load(); };
    return parts;
  }

  static double reloads(const Reloader& reloader, const std::string& result) {
    for (const auto& family : reloader.metrics()->Collect()) {
      for (const auto& metric : family.metric) {
        if (!metric.label.empty() && metric.label[0].value == result) {
          return metric.counter.value;
        }
      }
    }
    return -1;
  }

  static std::string hash(const Reloader& reloader) {
    std::string found;
    for (const auto& family : reloader.metrics()->Collect()) {
      if (family.name == "zerogate_config_info") {
        EXPECT_EQ(family.metric.size(), 1u);
        found = family.metric.at(0).label.at(0).value;
      }
    }
    return found;
  }

  std::variant<Config, ConfigErrors> next_ = routed();
  std::vector<Config> applied_;
  std::atomic<bool> pending_ = false;
};

TEST_F(ReloaderTest, TakesLiveKeysOver) {
  Reloader reloader(routed(), parts());
  Config next = routed();
  next.log_slow_ms = 7;
  next.threads = 9;
  next_ = next;
  EXPECT_EQ(reloader.reload().value(), "reloaded; needs a restart: threads");
  ASSERT_EQ(applied_.size(), 1u);
  EXPECT_EQ(applied_[0].log_slow_ms, 7u);
  EXPECT_EQ(reloader.in_force().log_slow_ms, 7u);
  EXPECT_EQ(reloader.in_force().threads, 1u);
  EXPECT_EQ(reloads(reloader, "ok"), 1);
  EXPECT_EQ(reloads(reloader, "refused"), 0);
}

TEST_F(ReloaderTest, ShowsAHashOfWhatIsInForce) {
  Reloader reloader(routed(), parts());
  const std::string first = hash(reloader);
  EXPECT_EQ(first.size(), 16u);
  next_ = ConfigErrors{{"zerogate.yaml:1: one"}};
  EXPECT_FALSE(reloader.reload().ok());
  EXPECT_EQ(hash(reloader), first) << "it was refused";
  Config next = routed();
  next.threads = 9;
  next_ = next;
  EXPECT_TRUE(reloader.reload().ok());
  EXPECT_EQ(hash(reloader), first) << "it needs a restart";
  next.log_slow_ms = 7;
  next_ = next;
  EXPECT_TRUE(reloader.reload().ok());
  EXPECT_NE(hash(reloader), first);
  next_ = routed();
  EXPECT_TRUE(reloader.reload().ok());
  EXPECT_EQ(hash(reloader), first);
}

TEST_F(ReloaderTest, TheHashIsOfTheRoutesInForceWhileNewOnesArePending) {
  auto given = parts();
  given.patience = 1ms;
  Reloader reloader(routed(), std::move(given));
  const std::string first = hash(reloader);
  Config next = routed();
  next.routes[0].timeout_ms = 7;
  next_ = next;
  pending_ = true;
  EXPECT_TRUE(reloader.reload().ok());
  EXPECT_EQ(hash(reloader), first);
  EXPECT_EQ(hash(reloader), fingerprint(to_yaml(reloader.in_force())));
  pending_ = false;
  EXPECT_NE(hash(reloader), first);
  EXPECT_EQ(hash(reloader), fingerprint(to_yaml(next)));
}

TEST_F(ReloaderTest, WhatItShowsMayOutliveIt) {
  auto reloader = std::make_unique<Reloader>(routed(), parts());
  const auto metrics = reloader->metrics();
  const size_t families = metrics->Collect().size();
  reloader.reset();
  EXPECT_EQ(metrics->Collect().size(), families - 1);
}

TEST_F(ReloaderTest, AnErrorLeavesEverythingAsItIs) {
  Reloader reloader(routed(), parts());
  next_ = ConfigErrors{{"zerogate.yaml:1: one", "zerogate.yaml:2: two"}};
  EXPECT_EQ(reloader.reload().error(), "zerogate.yaml:1: one\nzerogate.yaml:2: two");
  EXPECT_TRUE(applied_.empty());
  EXPECT_EQ(reloader.in_force(), routed());
  EXPECT_EQ(reloads(reloader, "refused"), 1);
  EXPECT_THAT(reloader.last_result(), HasSubstr("reload refused: zerogate.yaml:1: one"));
}

TEST_F(ReloaderTest, AnEmptyOrCutFileIsRefused) {
  Reloader reloader(routed(), parts());
  next_ = Config{};
  EXPECT_THAT(reloader.reload().error(), HasSubstr("configuration: empty, or comments only"));
  Config cut;
  cut.source.has_keys = true;
  next_ = cut;
  EXPECT_THAT(reloader.reload().error(), HasSubstr("no route is left of 1"));
  EXPECT_TRUE(applied_.empty());
  cut.source.says_routes = true;  // routes: []
  next_ = cut;
  EXPECT_TRUE(reloader.reload().ok());
  EXPECT_EQ(applied_.size(), 1u);
}

TEST_F(ReloaderTest, WhatDoesNotGoWithWhatWaitsForARestartIsRefused) {
  Reloader reloader(routed(), parts());
  Config next = routed();
  next.listen_tcp->port = 5557;
  next.backends[0].urls = {ServerUrl::parse("tcp://127.0.0.1:5559").value()};
  next_ = next;
  EXPECT_THAT(reloader.reload().error(), HasSubstr("is this gateway's own listen.tcp"));
  EXPECT_TRUE(applied_.empty());
  EXPECT_EQ(reloader.in_force(), routed());
  EXPECT_EQ(reloads(reloader, "refused"), 1);
}

TEST_F(ReloaderTest, AFileThatNeverComesHoldsNobodyUp) {
  auto reading = std::make_shared<std::promise<void>>();
  auto let_go = std::make_shared<std::promise<void>>();
  auto shared = let_go->get_future().share();
  ReloadParts stuck = parts();
  // Made here: the reading thread may outlive the test, and the functions that are served with it.
  stuck.load = [reading, shared, config = routed()] {
    reading->set_value();
    shared.wait();
    return config;
  };
  stuck.patience = 1ms;
  {
    Reloader reloader(routed(), stuck);
    EXPECT_THAT(reloader.reload().error(), HasSubstr("could not be read in time"));
    EXPECT_EQ(reloader.in_force(), routed());
    EXPECT_THAT(reloader.reload().error(), HasSubstr("still being read"));
    reading->get_future().wait();
  }  // the end does not wait for it either
  let_go->set_value();
  EXPECT_TRUE(applied_.empty());
}

TEST_F(ReloaderTest, TheEndDoesNotWaitForAFile) {
  auto reading = std::make_shared<std::promise<void>>();
  auto let_go = std::make_shared<std::promise<void>>();
  auto shared = let_go->get_future().share();
  ReloadParts stuck = parts();
  stuck.load = [reading, shared, config = routed()] {
    reading->set_value();
    shared.wait();
    return config;
  };
  stuck.patience = 1h;
  {
    Reloader reloader(routed(), stuck);
    reloader.request();  // as SIGHUP does
    reading->get_future().wait();
    EXPECT_EQ(reloader.in_force(), routed());
  }
  let_go->set_value();
}

TEST_F(ReloaderTest, ShowsTheOldRoutesUntilTheNewOnesAreInForce) {
  ReloadParts slow = parts();
  slow.patience = 1ms;
  Reloader reloader(routed(), slow);
  Config next = routed();
  next.routes[0].functions = {"get_*"};
  next_ = next;
  pending_ = true;
  EXPECT_THAT(reloader.reload().value(), HasSubstr("in force as soon as"));
  EXPECT_EQ(reloader.in_force().routes, routed().routes);
  pending_ = false;
  EXPECT_EQ(reloader.in_force().routes, next.routes);
}

TEST_F(ReloaderTest, ShowsTheRoutesInForceWhenASecondReloadComesBeforeThoseOfTheFirstAre) {
  ReloadParts slow = parts();
  slow.patience = 1ms;
  Reloader reloader(routed(), slow);
  pending_ = true;
  for (const std::string function : {"get_*", "save_*"}) {
    Config next = routed();
    next.routes[0].functions = {function};
    next.handlers = {"echo"};
    next_ = next;
    EXPECT_THAT(reloader.reload().value(), HasSubstr("in force as soon as"));
    EXPECT_EQ(reloader.in_force().routes, routed().routes);
    EXPECT_EQ(reloader.in_force().handlers, routed().handlers);
  }
  pending_ = false;
  EXPECT_EQ(reloader.in_force().routes, std::get<Config>(next_).routes);
}

TEST_F(ReloaderTest, TheLogCannotBeSilencedInSilence) {
  std::vector<std::string> lines;
  log::configure(log::Level::info, log::Format::logfmt,
                 [&lines](std::string_view line) { lines.emplace_back(line); });
  Reloader reloader(routed(), parts());
  EXPECT_TRUE(reloader.set_log_level("off").ok());
  EXPECT_EQ(log::level(), log::Level::off);
  EXPECT_TRUE(reloader.set_log_level("error").ok());
  EXPECT_EQ(log::level(), log::Level::error);
  log::configure(log::Level::info, log::Format::logfmt, [](std::string_view) {});
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[0], HasSubstr("event=\"log level changed\" change=\"info -> off\""));
  EXPECT_THAT(lines[1], HasSubstr("change=\"off -> error\""));
}

TEST_F(ReloaderTest, TheLogsLevelHoldsUntilTheNextReload) {
  Reloader reloader(routed(), parts());
  EXPECT_EQ(reloader.set_log_level("debug").value(), "info -> debug");
  EXPECT_FALSE(reloader.set_log_level("loud").ok());
  EXPECT_EQ(reloader.in_force().log_level, log::Level::debug);
  EXPECT_EQ(hash(reloader), fingerprint(to_yaml(reloader.in_force())));
  EXPECT_TRUE(reloader.reload().ok());
  EXPECT_EQ(reloader.in_force().log_level, log::Level::info);
}

TEST_F(ReloaderTest, IsAskedAndToldWhileItReloads) {
  Reloader reloader(routed(), parts());
  const auto show = [&] { (void)reloader.in_force(); };
  const auto set_level = [&] { EXPECT_TRUE(reloader.set_log_level("info").ok()); };
  const auto reload = [&] { EXPECT_TRUE(reloader.reload().ok()); };
  testing::beside(show, reload);
  testing::beside([&] { (void)reloader.last_result(); }, reload);
  testing::beside([&] { (void)hash(reloader); }, reload);
  testing::beside(set_level, reload);
  testing::beside([&] { EXPECT_FALSE(reloader.renew_certificates()); }, reload);
  testing::beside(reload, reload);
  testing::beside(set_level, show);
}

}  // namespace
}  // namespace zerogate
