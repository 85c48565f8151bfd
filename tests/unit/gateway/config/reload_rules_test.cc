#include "gateway/config/reload_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/config/settings.h"

namespace zerogate {
namespace {

using ::testing::ElementsAre;

TEST(ReloadRules, NothingChanged) {
  EXPECT_THAT(unreloadable_changes(Config{}, Config{}), ElementsAre());
}

TEST(ReloadRules, WhatAReloadTakesOver) {
  Config next;
  BackendOptions orders;
  orders.name = "orders";
  orders.urls = {ServerUrl::parse("tcp://orders:5559").value()};
  next.backends = {orders};
  next.routes = {{{"*"}, "orders", 0}};
  next.bridge = orders.urls;
  next.handlers = {"echo"};
  next.log_level = log::Level::debug;
  next.log_format = log::Format::json;
  next.log_access = 0.5;
  next.log_slow_ms = 1;
  EXPECT_THAT(unreloadable_changes(Config{}, next), ElementsAre());
  Config running;
  take_over_live(next, running);
  EXPECT_EQ(running, next);
}

TEST(ReloadRules, TakesNothingElseOver) {
  Config next;
  next.threads = 2;
  next.redis = "redis://other:6379/0";
  next.notes = {"a note"};
  Config running;
  take_over_live(next, running);
  EXPECT_EQ(running, Config{});
}

TEST(ReloadRules, NamesWhatNeedsARestart) {
  Config next;
  next.threads = 2;
  next.listen_tcp = std::nullopt;
  next.listen_zmq->port = 1;
  next.admin->host = "0.0.0.0";
  next.max_message = 1024;
  next.max_connections = 1;
  next.max_in_flight = 1;
  next.write_buffer = 1024;
  next.memory = 1 << 30;
  next.drain_delay_ms = 1;
  next.drain_timeout_ms = 1;
  next.redis = "redis://other:6379/0";
  next.redis_connections = 2;
  next.redis_timeout_ms = 1;
  const std::vector<std::string> all = {
      "threads",           "listen.tcp",         "listen.zmq",       "admin",
      "limits.message",    "limits.connections", "limits.in_flight", "limits.write_buffer",
      "limits.memory",     "drain_delay",        "drain_timeout",    "redis.url",
      "redis.connections", "redis.timeout"};
  EXPECT_EQ(unreloadable_changes(Config{}, next), all);
  EXPECT_EQ(unreloadable_changes(next, Config{}), all);
}

TEST(ReloadRules, SeesAChangedPasswordBehindTheMask) {
  Config running;
  running.redis = "redis://:old@h";
  Config next;
  next.redis = "redis://:new@h";
  EXPECT_THAT(unreloadable_changes(running, next), ElementsAre("redis.url"));
}

}  // namespace
}  // namespace zerogate
