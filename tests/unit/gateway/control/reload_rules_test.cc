#include "gateway/control/reload_rules.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/config/settings.h"
#include "gateway/config/show_config.h"
#include "gateway/keys/curve_files.h"
#include "tests/unit/core/security/tls_folder.h"
#include "tests/unit/gateway/config/config_fixture.h"

namespace zerogate {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

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

/// What a reload of one file over another puts into force.
class ReloadTest : public ConfigTest {
 protected:
  ReloadTest() {
    folder_.write_pair();
    const Authority::Pair other = folder_.authority.issue({});
    folder_.write("other.crt", other.certificate);
    folder_.write("other.key", other.key);
    EXPECT_TRUE(make_curve_files(directory_ / "gateway").ok());
    std::filesystem::create_directory(directory_ / "clients");
    std::filesystem::copy(directory_ / "gateway.key", directory_ / "clients");
  }

  std::string pair(const std::string& name) const {
    return fmt::format("cert: {0}.crt, key: {0}.key", folder_.path(name));
  }
  std::string curve(const std::string& clients) const {
    return fmt::format("curve: {{secret_key: {}, clients: {}}}\n",
                       directory_ / "gateway.key_secret", clients);
  }

  static bool same(const std::shared_ptr<const TlsMaterial>& a,
                   const std::shared_ptr<const TlsMaterial>& b) {
    return a == nullptr || b == nullptr ? a == b : *a == *b;
  }

  const TlsFolder folder_;
};

TEST_F(ReloadTest, ABackendOnThePortThatAListenerLeavesIsRefused) {
  const Config running = good("listen: {tcp: 127.0.0.1:7001}\n");
  const Config next = good(
      "listen: {tcp: 127.0.0.1:7002}\nbackends: {b: {url: [tcp://h:1, tcp://127.0.0.1:7001]}}\n"
      "routes: [{functions: x, backend: b}]\n");
  EXPECT_THAT(
      problems_until_restart(running, next),
      ElementsAre(AllOf(HasSubstr("zerogate.yaml: backends.b.url: tcp://127.0.0.1:7001 is this "
                                  "gateway's own listen.tcp (127.0.0.1:7001)"),
                        HasSubstr("; or restart: until then listen.tcp stays as it is"))));
  EXPECT_THAT(problems_until_restart(next, running), ElementsAre());
  EXPECT_EQ(reload_problems(running, next), problems_until_restart(running, next));
  Config emptied = next;
  emptied.source.has_keys = false;
  EXPECT_THAT(reload_problems(running, emptied), ElementsAre(reload_refusal(running, emptied)));
  EXPECT_THAT(reload_problems(running, running), ElementsAre());
}

TEST_F(ReloadTest, TheKeysOfAListenerThatGoesStayUntilItDoes) {
  const Config running =
      good("listen: {tls: 127.0.0.1:7001, zmq_curve: 127.0.0.1:7002}\n" + curve("any") +
           "tls: {clients: none, min_version: \"1.2\", " + pair("tls") + "}\n");
  const Config next = good("listen: {tcp: 127.0.0.1:5559}\n");
  EXPECT_THAT(unreloadable_changes(running, next),
              ElementsAre("listen.zmq_curve", "listen.tls", "curve.secret_key", "curve.clients",
                          "tls.cert", "tls.key", "tls.clients", "tls.min_version"));
  Config in_force = running;
  take_over_live(next, in_force);
  EXPECT_EQ(in_force, running);
  EXPECT_EQ(in_force.tls_material, running.tls_material);
}

TEST_F(ReloadTest, TheKeysOfAListenerThatMovesAreTakenOver) {
  const std::string keys = "tls: {clients: none, ";
  const Config running = good("listen: {tls: 127.0.0.1:7001}\n" + keys + pair("tls") + "}\n");
  const Config next = good("listen: {tls: 127.0.0.1:7002}\n" + keys + pair("other") + "}\n");
  EXPECT_THAT(unreloadable_changes(running, next), ElementsAre("listen.tls"));
  Config in_force = running;
  take_over_live(next, in_force);
  EXPECT_EQ(in_force.listen_tls, running.listen_tls);
  EXPECT_EQ(in_force.tls_cert, next.tls_cert);
  EXPECT_EQ(in_force.tls_material, next.tls_material);
}

// A reload takes over a part of what was checked as a whole.
TEST_F(ReloadTest, WhatIsInForceAfterAReloadIsAGoodConfigurationToo) {
  const auto backend = [](std::string_view url) {
    return fmt::format("backends: {{b: {{url: \"{}\"}}}}\nroutes: [{{functions: x, backend: b}}]\n",
                       url);
  };
  const std::string tls = "tls: {" + pair("tls") + ", ";
  const std::string files[] = {
      "threads: 1\n",
      "threads: 2\nlimits: {connections: 1}\n",
      "listen: {tcp: 127.0.0.1:7001}\n",
      "listen: {tcp: 127.0.0.1:7002, zmq: off}\n" + backend("tcp://127.0.0.1:7001"),
      "listen: {tcp: off, zmq: 127.0.0.1:7001}\n" + backend("tcp://127.0.0.1:5559"),
      "admin: 127.0.0.1:7001\n" + backend("zmq://127.0.0.1:7002"),
      "admin: off\n" + backend("tcp://localhost:9464"),
      "listen: {tls: 127.0.0.1:7001}\n" + tls + "clients: none}\n",
      "listen: {tls: 127.0.0.1:7002}\n" + tls + "clients: none, min_version: \"1.2\"}\n",
      "listen: {tls: 127.0.0.1:7002}\n" + tls + "allow: [\"*\"], ca: " + folder_.path("ca.crt") +
          "}\n",
      "listen: {tls: 127.0.0.1:7002}\ntls: {" + pair("other") + ", clients: none}\n",
      tls + "clients: none}\n",
      "tls: {min_version: \"1.2\"}\n",
      "admin_tls: {" + pair("tls") + "}\n",
      "admin: off\nadmin_tls: {" + pair("tls") + "}\n",
      "admin_tls: {" + pair("other") + "}\ntls: {min_version: \"1.2\"}\n",
      "listen: {zmq_curve: 127.0.0.1:7001}\n" + curve("any"),
      "listen: {zmq_curve: 127.0.0.1:7002}\n" + curve(directory_ / "clients"),
      "redis: {url: \"rediss://r:1\", tls_ca: " + folder_.path("ca.crt") + "}\n",
      "redis: {url: \"rediss://r:1\"}\n",
  };
  std::vector<Config> configs;
  for (const std::string& text : files) {
    configs.push_back(good(text));
  }
  size_t refused = 0;
  size_t mixed = 0;
  for (const Config& running : configs) {
    for (const Config& next : configs) {
      Config in_force = running;
      take_over_live(next, in_force);
      if (!problems_until_restart(running, next).empty()) {
        ++refused;
        continue;
      }
      if (in_force == running || in_force == next) {
        continue;  // that was good
      }
      ++mixed;
      SCOPED_TRACE(to_yaml(running) + "--- then\n" + to_yaml(next));
      EXPECT_EQ(unreloadable_changes(running, next), unreloadable_changes(in_force, next));
      const Config checked = good(to_yaml(in_force));
      EXPECT_TRUE(same(checked.tls_material, in_force.tls_material));
      EXPECT_TRUE(same(checked.admin_tls_material, in_force.admin_tls_material));
      EXPECT_TRUE(same(checked.redis_tls_material, in_force.redis_tls_material));
    }
  }
  EXPECT_GT(refused, 0u);
  EXPECT_GT(mixed, 50u);
}

TEST_F(ReloadTest, ABridgeIsLookedAtOnceMore) {
  const Config running = good("listen: {tcp: 127.0.0.1:7001}\n");
  const Config next =
      good("listen: {tcp: 127.0.0.1:7002}\n", {{"ZEROGATE_BRIDGE", "tcp://127.0.0.1:7001"}});
  EXPECT_THAT(problems_until_restart(running, next),
              ElementsAre(HasSubstr("bridge: tcp://127.0.0.1:7001 is this gateway's own")));
  const Config other = good("threads: 2\n", {{"ZEROGATE_BRIDGE", "tcp://h:1"}});
  EXPECT_THAT(problems_until_restart(running, other), ElementsAre());
}

}  // namespace
}  // namespace zerogate
