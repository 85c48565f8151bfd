#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "gateway/config/codecs.h"
#include "gateway/config/settings.h"
#include "gateway/config/show_config.h"
#include "handlers/registry.h"
#include "tests/unit/gateway/config/config_fixture.h"

namespace zerogate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kOrders = "backends: {orders: {url: 'tcp://orders:5559'}}\n";

class BridgeConfig : public ConfigTest {
 protected:
  static std::vector<std::string> urls_of(const BackendOptions& backend) {
    std::vector<std::string> urls;
    for (const ServerUrl& url : backend.urls) {
      urls.push_back(url.display());
    }
    return urls;
  }
};

TEST_F(BridgeConfig, EveryKeyReachesItsField) {
  const Config config = good(
      "backends:\n"
      "  orders:\n"
      "    url: [tcp://a:1, 'zmq://[::1]:2', unix:/run/b, ipc:/run/c]\n"
      "    connections: 3\n"
      "    in_flight: 4\n"
      "    queue: 5\n"
      "    timeout: 6ms\n"
      "    connect_timeout: 7s\n"
      "    resolve: 8m\n"
      "    eject_after: 9\n"
      "    idempotent: ['get_*', peek]\n"
      "routes:\n"
      "  - {functions: ['save_*', get_order], backend: orders, timeout: 2s}\n"
      "  - functions: '*'\n"
      "    backend: orders\n");
  ASSERT_EQ(config.backends.size(), 1u);
  const BackendOptions& orders = config.backends[0];
  EXPECT_EQ(orders.name, "orders");
  EXPECT_THAT(urls_of(orders),
              ElementsAre("tcp://a:1", "zmq://[::1]:2", "unix:/run/b", "ipc:/run/c"));
  EXPECT_EQ(orders.connections, 3u);
  EXPECT_EQ(orders.in_flight, 4u);
  EXPECT_EQ(orders.queue, 5u);
  EXPECT_EQ(orders.timeout_ms, 6u);
  EXPECT_EQ(orders.connect_timeout_ms, 7'000u);
  EXPECT_EQ(orders.resolve_ms, 480'000u);
  EXPECT_EQ(orders.eject_after, 9u);
  EXPECT_THAT(orders.idempotent, ElementsAre("get_*", "peek"));
  EXPECT_THAT(config.routes, ElementsAre(RouteOptions{{"save_*", "get_order"}, "orders", 2'000},
                                         RouteOptions{{"*"}, "orders", 0}));
}

TEST_F(BridgeConfig, AUrlAloneIsABackendWithDefaults) {
  const Config config = good(kOrders);
  BackendOptions orders;
  orders.name = "orders";
  orders.urls = {ServerUrl::parse("tcp://orders:5559").value()};
  EXPECT_THAT(config.backends, ElementsAre(orders));
  EXPECT_THAT(config.routes, ElementsAre());
}

TEST_F(BridgeConfig, BackendsAndRoutesKeepTheirOrder) {
  const Config config = good(
      "routes: [{functions: b, backend: z}, {functions: a, backend: y}]\n"
      "backends: {z: {url: tcp://z:1}, y: {url: tcp://y:1}, unused: {url: tcp://u:1}}\n");
  ASSERT_EQ(config.backends.size(), 3u);
  EXPECT_EQ(config.backends[0].name, "z");
  EXPECT_EQ(config.backends[2].name, "unused");
  ASSERT_EQ(config.routes.size(), 2u);
  EXPECT_EQ(config.routes[0].backend, "z");
}

TEST_F(BridgeConfig, NothingBelowTheKeysIsNone) {
  for (const auto* text : {"backends:\nroutes:\n", "backends: {}\nroutes: []\n"}) {
    EXPECT_EQ(good(text), Config{}) << text;
  }
}

TEST_F(BridgeConfig, TheLimitsThemselvesAreTaken) {
  const Config config = good(
      "backends:\n"
      "  least: {url: tcp://a:1, connections: 0, in_flight: auto, pipeline_wait: 1ms, queue: 0,"
      " timeout: 1ms, eject_after: 1}\n"
      "  most: {url: tcp://a:1, connections: 1024, in_flight: 4096, queue: 1000000, timeout: "
      "1h}\n");
  EXPECT_EQ(config.backends[0].queue, 0u);
  EXPECT_EQ(config.backends[0].in_flight, 0u);
  EXPECT_EQ(config.backends[1].queue, 1'000'000u);
}

TEST_F(BridgeConfig, HandlersAreAllWithoutRoutesAndNoneWithThem) {
  const std::string route = "routes: [{functions: f, backend: orders}]\n";
  EXPECT_EQ(good(kOrders).handlers, handler_names());
  EXPECT_THAT(good(kOrders + route).handlers, ElementsAre());
  EXPECT_THAT(good(kOrders + route + "handlers: [echo]\n").handlers, ElementsAre("echo"));
  EXPECT_THAT(good(kOrders + route, {{"ZEROGATE_HANDLERS", "echo"}}).handlers, ElementsAre("echo"));
  EXPECT_THAT(good("", {}, {{"bridge", "tcp://a:1"}}).handlers, ElementsAre());
}

TEST_F(BridgeConfig, BridgeIsABackendAndARouteForEverything) {
  const Config config = good("", {}, {{"bridge", "tcp://a:1,zmq://b:2"}});
  ASSERT_EQ(config.backends.size(), 1u);
  EXPECT_EQ(config.backends[0].name, "bridge");
  EXPECT_THAT(urls_of(config.backends[0]), ElementsAre("tcp://a:1", "zmq://b:2"));
  EXPECT_THAT(config.routes, ElementsAre(RouteOptions{{"*"}, "bridge", 0}));
}

TEST_F(BridgeConfig, BridgeHasATimeOutOfItsOwn) {
  const std::string file = std::string(kOrders) + "routes: [{functions: f, backend: orders}]\n";
  const Config config = good(file, {}, {{"bridge", "tcp://a:1"}, {"bridge_timeout", "60s"}});
  EXPECT_EQ(config.backends.front().timeout_ms, 5'000u);
  EXPECT_EQ(config.backends.back().timeout_ms, 60'000u);
  EXPECT_EQ(config.backends.back().timeout_key, "--bridge-timeout");
  const Variables variables = {{"ZEROGATE_BRIDGE", "tcp://a:1"}, {"ZEROGATE_BRIDGE_TIMEOUT", "7s"}};
  EXPECT_EQ(good("", variables).backends.at(0).timeout_ms, 7'000u);
}

TEST_F(BridgeConfig, TheOneLineBridgeWorksAsItStands) {
  const Config config =
      good("", {}, {{"listen.zmq", "127.0.0.1:5559"}, {"bridge", "tcp://127.0.0.1:7000"}});
  EXPECT_FALSE(config.listen_tcp.has_value());
  EXPECT_EQ(config.listen_zmq->port, 5559);
  EXPECT_EQ(config.routes.size(), 1u);
}

TEST_F(BridgeConfig, BridgeComesAfterTheRoutesOfTheFile) {
  const Config config = good(std::string(kOrders) + "routes: [{functions: f, backend: orders}]\n",
                             {}, {{"bridge", "tcp://a:1"}});
  EXPECT_THAT(config.routes,
              ElementsAre(RouteOptions{{"f"}, "orders", 0}, RouteOptions{{"*"}, "bridge", 0}));
  EXPECT_EQ(config.backends.back().name, "bridge");
}

TEST_F(BridgeConfig, TheFlagReplacesTheVariable) {
  const Variables variables = {{"ZEROGATE_BRIDGE", "tcp://a:1, tcp://b:2"}};
  EXPECT_THAT(urls_of(good("", variables).backends.at(0)), ElementsAre("tcp://a:1", "tcp://b:2"));
  EXPECT_THAT(urls_of(good("", variables, {{"bridge", "tcp://c:3"}}).backends.at(0)),
              ElementsAre("tcp://c:3"));
  EXPECT_EQ(good("", variables, {{"bridge", "off"}}), Config{});
  EXPECT_THAT(errors("", {}, {{"bridge", "tcp://a:1,"}}), ElementsAre(HasSubstr("--bridge: '' ")));
  EXPECT_THAT(errors("", variables, {{"bridge", ""}}),
              ElementsAre("--bridge: is empty; write off to switch it off, or leave the flag out"));
}

TEST_F(BridgeConfig, VariablesHoldTheYamlOfAFile) {
  const Variables variables = {
      {"ZEROGATE_BACKENDS", "stock:\n  url: tcp://stock:1\n"},
      {"ZEROGATE_ROUTES", "[{functions: '*', backend: stock}]"},
  };
  const Config config =
      good(std::string(kOrders) + "routes: [{functions: f, backend: orders}]\n", variables);
  ASSERT_EQ(config.backends.size(), 1u);
  EXPECT_EQ(config.backends[0].name, "stock");
  EXPECT_THAT(config.routes, ElementsAre(RouteOptions{{"*"}, "stock", 0}));
  EXPECT_EQ(good("", {{"ZEROGATE_BACKENDS", ""}, {"ZEROGATE_ROUTES", ""}}), Config{});
}

TEST_F(BridgeConfig, ErrorsOfVariablesNameTheVariable) {
  EXPECT_THAT(errors("", {{"ZEROGATE_BACKENDS", "{orders: {}}"}}),
              ElementsAre("ZEROGATE_BACKENDS:1: backends.orders: no url; add it, as in url: "
                          "[tcp://orders:5559]"));
  EXPECT_THAT(errors("", {{"ZEROGATE_ROUTES", "[{"}}),
              ElementsAre(HasSubstr("ZEROGATE_ROUTES:1: not YAML: ")));
  EXPECT_THAT(
      errors("", {{"ZEROGATE_BRIDGE", "a:1"}}),
      ElementsAre("ZEROGATE_BRIDGE: 'a:1' is no URL of a Zero server; write "
                  "tcp://host:port, zmq://host:port, tls://host:port, unix:/path or ipc:/path"));
}

TEST_F(BridgeConfig, ABridgeBesideABackendOfItsName) {
  EXPECT_THAT(
      errors("\nbackends: {bridge: {url: tcp://a:1}}\n", {}, {{"bridge", "tcp://b:1"}}),
      ElementsAre(::testing::AllOf(
          ::testing::StartsWith("--bridge: its backend is named 'bridge', as is the one at "),
          ::testing::EndsWith("zerogate.yaml:2: backends.bridge; rename that one"))));
  EXPECT_EQ(good("backends: {bridge: {url: tcp://a:1}}\n").backends.size(), 1u);
}

TEST_F(BridgeConfig, ABridgeToTheGatewayItself) {
  EXPECT_THAT(errors("", {}, {{"bridge", "tcp://127.0.0.1:5559"}}),
              ElementsAre("--bridge: tcp://127.0.0.1:5559 is this gateway's own listen.tcp "
                          "(127.0.0.1:5559), so calls would go round for ever; name the backend's "
                          "address, or give the listener another, or off"));
  const auto loops = [&](const std::string& listener, const std::string& url) {
    return errors("admin: null\n", {},
                  {{"listen.tcp", listener}, {"listen.zmq", "127.0.0.1:2"}, {"bridge", url}});
  };
  for (const auto* url : {"tcp://localhost:1", "zmq://127.0.0.1:1", "tcp://0.0.0.0:1"}) {
    EXPECT_EQ(loops("127.0.0.1:1", url).size(), 1u) << url;
  }
  for (const auto* url : {"tcp://localhost:1", "tcp://127.1.2.3:1", "tcp://[::1]:1"}) {
    EXPECT_EQ(loops("[::]:1", url).size(), 1u) << url;
  }
  EXPECT_EQ(loops("unix:/run/z", "unix:/run/z").size(), 1u);
  for (const auto* url : {"tcp://127.0.0.1:3", "tcp://127.0.0.2:1", "tcp://orders:1", "unix:/z"}) {
    EXPECT_THAT(loops("127.0.0.1:1", url), ElementsAre()) << url;
  }
  EXPECT_THAT(loops("0.0.0.0:1", "tcp://orders:1"), ElementsAre());
  EXPECT_THAT(loops("127.0.0.1:0", "tcp://127.0.0.1:1"), ElementsAre());
}

TEST_F(BridgeConfig, AListenerThatGaveWayOrIsOffIsNoLoop) {
  good("listen: {tcp: null}\n", {}, {{"bridge", "tcp://127.0.0.1:5559"}});
}

TEST_F(BridgeConfig, ManyBackendsAndRoutes) {
  const auto text = [](size_t backends, size_t routes) {
    std::string yaml = "backends:\n";
    for (size_t i = 0; i < backends; ++i) {
      yaml += fmt::format("  b{}: {{url: tcp://h:1}}\n", i);
    }
    yaml += "routes:\n";
    for (size_t i = 0; i < routes; ++i) {
      yaml += "  - {functions: f, backend: b0}\n";
    }
    return yaml;
  };
  EXPECT_EQ(good(text(kMaxBackends, kMaxRoutes)).routes.size(), kMaxRoutes);
  EXPECT_THAT(errors(text(65, 257)),
              ElementsAre("zerogate.yaml:66: backends.b64: more than 64 backends; split them over "
                          "two gateways",
                          "zerogate.yaml:324: routes: more than 256 routes; put several functions "
                          "into one"));
}

TEST_F(BridgeConfig, LongListsAreRefused) {
  std::string urls;
  for (size_t i = 0; i <= kMaxUrls; ++i) {
    urls += fmt::format("{}tcp://h{}:1", i == 0 ? "" : ",", i);
  }
  EXPECT_THAT(errors("", {}, {{"bridge", urls}}),
              ElementsAre(HasSubstr("--bridge: more than 64 URLs of one backend")));
  std::string globs = "f";
  for (size_t i = 0; i < kMaxGlobs; ++i) {
    globs += ", f";
  }
  EXPECT_THAT(errors(kOrders + ("routes: [{backend: orders, functions: [" + globs + "]}]")),
              ElementsAre(HasSubstr("more than 1000 functions in one list")));
}

TEST_F(BridgeConfig, ANameTooLongForZeroMq) {
  const std::string longest(80, 'f');
  const auto text = [](const std::string& url, const std::string& function) {
    return "backends: {orders: {url: '" + url + "'}}\nroutes:\n  - backend: orders\n" +
           "    functions: [g, '" + function + "']\n";
  };
  good(text("zmq://h:1", "*" + longest + "*"));
  good(text("tcp://h:1", longest + "f"));
  EXPECT_THAT(errors(text("zmq://h:1", longest + "f")),
              ElementsAre("zerogate.yaml:4: routes.functions: '" + longest +
                          "f' has 81 bytes, and ZeroMQ's protocol carries names of up to 80 to "
                          "backend 'orders'; shorten it, or reach the backend by tcp://"));
}

TEST_F(BridgeConfig, ABadBackendIsNotReportedAgainByItsRoutes) {
  const std::string route = "routes: [{functions: f, backend: orders}]\n";
  EXPECT_EQ(errors("backends: {orders: {url: nonsense}}\n" + route).size(), 1u);
  EXPECT_EQ(errors("backends: {orders: tcp://a:1}\n" + route).size(), 1u);
  EXPECT_EQ(errors("backends: [orders]\n" + route).size(), 1u);
}

TEST_F(BridgeConfig, ToYamlIsReadBackAsTheSame) {
  const Config config = good(
      "backends:\n"
      "  orders: {url: [tcp://a:1, 'zmq://[::1]:2', ipc:/run/c], connections: 3, queue: 0,"
      " timeout: 1500ms, idempotent: ['get_*']}\n"
      "  a.b-c_D: {url: 'unix:/run/a b, c'}\n"
      "routes:\n"
      "  - {functions: ['save_*', 'null', '*'], backend: orders, timeout: 2s}\n"
      "  - {functions: ['1'], backend: a.b-c_D}\n");
  const std::string yaml = to_yaml(config);
  EXPECT_EQ(good(yaml), config) << yaml;
  EXPECT_EQ(to_yaml(good(yaml)), yaml);
}

TEST_F(BridgeConfig, ToYamlShowsTheBridgeAsWhatItIs) {
  const Config config = good("", {}, {{"bridge", "tcp://a:1"}, {"listen.zmq", "127.0.0.1:5559"}});
  Config again = good(to_yaml(config));
  again.backends.front().timeout_key = "--bridge-timeout";  // a file has a key of its own
  EXPECT_EQ(again.backends, config.backends);
  EXPECT_EQ(again.routes, config.routes);
  EXPECT_EQ(again.handlers, config.handlers);
  EXPECT_EQ(again.listen_tcp, config.listen_tcp);
}

/// The example of a bridge cannot rot either.
TEST_F(BridgeConfig, TheExampleLoads) {
  const auto loaded = load_file(deploy_file("bridge.yaml"));
  ASSERT_TRUE(std::holds_alternative<Config>(loaded))
      << ::testing::PrintToString(std::get<ConfigErrors>(loaded).lines);
  const auto& config = std::get<Config>(loaded);
  EXPECT_FALSE(config.listen_tcp.has_value());
  EXPECT_THAT(config.handlers, ElementsAre());
  ASSERT_EQ(config.backends.size(), 2u);
  EXPECT_EQ(config.backends[0].urls.size(), 2u);
  ASSERT_EQ(config.routes.size(), 3u);
  EXPECT_EQ(config.routes[0].timeout_ms, 2'000u);
}

/// Nor can what the documented file says of them in comments, and the defaults that it names.
TEST_F(BridgeConfig, TheCommentsOfTheDocumentedFileLoad) {
  std::ifstream file(deploy_file("zerogate.yaml"));
  std::string text;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("backends:")) {
      continue;
    }
    if (line.starts_with("routes:") || line.starts_with("rate_limits:")) {
      continue;
    }
    const bool key = line.starts_with("# backends:") || line.starts_with("# routes:") ||
                     line.starts_with("# rate_limits:");
    // Comments of YAML that is a comment itself, and prose, begin with one blank.
    const bool below = text.find("\nbackends:") != std::string::npos && line.starts_with("#   ");
    text += (key || below ? line.substr(2) : line) + "\n";
  }
  const Config config = good(text);
  BackendOptions orders;
  orders.name = "orders";
  orders.urls = {ServerUrl::parse("tcp://orders:5559").value()};
  orders.idempotent = {"get_*"};
  EXPECT_THAT(config.backends, ElementsAre(orders));
  EXPECT_THAT(config.routes, ElementsAre(RouteOptions{{"save_*", "get_order"}, "orders", 2'000},
                                         RouteOptions{{"*"}, "orders", 0}));
  EXPECT_THAT(config.handlers, ElementsAre()) << "they would get calls that routes name";
  EXPECT_THAT(
      config.rate_limits,
      ElementsAre(RateLimitOptions{.functions = {"save_*"}, .rate = {100, 1'000}, .burst = 200}));
}

class BrokenBridgeConfig : public ConfigTest, public ::testing::WithParamInterface<Broken> {};

TEST_P(BrokenBridgeConfig, GivesExactlyThisLine) {
  EXPECT_THAT(errors(GetParam().text), ElementsAre(GetParam().line));
}

INSTANTIATE_TEST_SUITE_P(
    Backends, BrokenBridgeConfig,
    ::testing::Values(
        Broken{"backend: {}\n", "zerogate.yaml:1: unknown key 'backend'; did you mean 'backends'?"},
        Broken{"bridge: tcp://a:1\n",
               "zerogate.yaml:1: unknown key 'bridge'; only --bridge and ZEROGATE_BRIDGE say this; "
               "write backends and routes here"},
        Broken{"backends: [tcp://a:1]\n",
               "zerogate.yaml:1: backends: a map of names is needed, not a list; write "
               "{orders: {url: \"tcp://orders:5559\"}}"},
        Broken{"backends:\n  orders: tcp://a:1\n",
               "zerogate.yaml:2: backends.orders: a map of keys is needed, not a single value; "
               "write {url: \"tcp://host:port\"}"},
        Broken{"backends:\n  orders:\n    urls: tcp://a:1\n    url: tcp://a:1\n",
               "zerogate.yaml:3: unknown key 'backends.orders.urls'; did you mean "
               "'backends.orders.url'?"},
        Broken{"backends:\n  orders:\n    url: tcp://a:1\n    retries: 3\n",
               "zerogate.yaml:4: unknown key 'backends.orders.retries'; backends.orders has url, "
               "connections, in_flight, pipeline_wait, queue, timeout, connect_timeout, resolve, "
               "eject_after, idempotent, curve and tls"},
        Broken{"backends:\n  orders: {timeout: 5s}\n",
               "zerogate.yaml:2: backends.orders: no url; add it, as in url: [tcp://orders:5559]"},
        Broken{"backends:\n  orders: {url: []}\n",
               "zerogate.yaml:2: backends.orders: no url; add it, as in url: [tcp://orders:5559]"},
        Broken{"backends:\n  orders: {url: }\n",
               "zerogate.yaml:2: backends.orders.url: a list is needed, not nothing; write it as "
               "in [tcp://orders:5559]"},
        Broken{"backends:\n  orders: {url: tcp://a:1}\n  orders: {url: tcp://b:1}\n",
               "zerogate.yaml:3: key 'orders' stands twice, first on line 2; keep one"},
        Broken{"backends:\n  my orders: {url: tcp://a:1}\n",
               "zerogate.yaml:2: backends: 'my orders' is no name for a backend; write 1 to 63 of "
               "the characters A-Z a-z 0-9 _ . -"},
        Broken{"backends:\n  " + std::string(64, 'x') + ": {url: tcp://a:1}\n",
               "zerogate.yaml:2: backends: '" + std::string(64, 'x') +
                   "' is no name for a backend; write 1 to 63 of the characters A-Z a-z 0-9 _ . -"},
        Broken{"backends:\n  orders:\n    url:\n      - tcp://a:1\n      - tcp://a:1\n",
               "zerogate.yaml:5: backends.orders.url: 'tcp://a:1' stands twice; keep one"},
        Broken{"backends:\n  orders: {url: tcp://127.0.0.1:9464}\n",
               "zerogate.yaml:2: backends.orders.url: tcp://127.0.0.1:9464 is this gateway's own "
               "admin (127.0.0.1:9464), so calls would go round for ever; name the backend's "
               "address, or give the listener another, or off"}));

INSTANTIATE_TEST_SUITE_P(
    Urls, BrokenBridgeConfig,
    ::testing::Values(
        Broken{"backends:\n  orders: {url: http://a:1}\n",
               "zerogate.yaml:2: backends.orders.url: 'http://a:1' is no URL of a Zero server; "
               "write tcp://host:port, zmq://host:port, tls://host:port, unix:/path or ipc:/path"},
        Broken{"backends:\n  orders: {url: zmq+tcp://a:1}\n",
               "zerogate.yaml:2: backends.orders.url: 'zmq+tcp://a:1' is no URL of a Zero server; "
               "write tcp://host:port, zmq://host:port, tls://host:port, unix:/path or ipc:/path"},
        Broken{"backends:\n  orders: {url: a:1}\n",
               "zerogate.yaml:2: backends.orders.url: 'a:1' is no URL of a Zero server; "
               "write tcp://host:port, zmq://host:port, tls://host:port, unix:/path or ipc:/path"},
        Broken{"backends:\n  orders:\n    url:\n      - tcp://a:1\n      - tcp://orders\n",
               "zerogate.yaml:5: backends.orders.url: 'orders' has no port; write host:port, as in "
               "tcp://127.0.0.1:5559"},
        Broken{"backends:\n  orders: {url: 'tcp://a:0'}\n",
               "zerogate.yaml:2: backends.orders.url: 'tcp://a:0' has port 0, which nobody listens "
               "on"}));

INSTANTIATE_TEST_SUITE_P(
    Numbers, BrokenBridgeConfig,
    ::testing::Values(
        Broken{"backends:\n  o: {url: tcp://a:1, connections: 1025}\n",
               "zerogate.yaml:2: backends.o.connections: '1025' is out of range; write 0 to 1024"},
        Broken{"backends:\n  o: {url: tcp://a:1, in_flight: 4097}\n",
               "zerogate.yaml:2: backends.o.in_flight: '4097' is out of range; write 0 to 4096, or "
               "auto"},
        Broken{"backends:\n  o: {url: tcp://a:1, queue: 1000001}\n",
               "zerogate.yaml:2: backends.o.queue: '1000001' is out of range; write 0 to 1000000"},
        Broken{"backends:\n  o: {url: tcp://a:1, queue: -1}\n",
               "zerogate.yaml:2: backends.o.queue: '-1' is not a whole number; write 0 to 1000000"},
        Broken{"backends:\n  o: {url: tcp://a:1, eject_after: 0}\n",
               "zerogate.yaml:2: backends.o.eject_after: '0' is out of range; write 1 to 1000000"},
        Broken{"backends:\n  o: {url: tcp://a:1, timeout: 0s}\n",
               "zerogate.yaml:2: backends.o.timeout: '0s' is out of range; write 1ms to 1h"},
        Broken{"backends:\n  o: {url: tcp://a:1, connect_timeout: 2h}\n",
               "zerogate.yaml:2: backends.o.connect_timeout: '2h' is out of range; write 1ms to "
               "1h"},
        Broken{"backends:\n  o: {url: tcp://a:1, resolve: 5}\n",
               "zerogate.yaml:2: backends.o.resolve: '5' is not a duration; write a whole number "
               "with its unit, as in 250ms, 5s or 1m"},
        Broken{"backends:\n  o: {url: tcp://a:1, timeout: [5s]}\n",
               "zerogate.yaml:2: backends.o.timeout: a single value is needed, not a list; write "
               "it as in 5s"},
        Broken{"backends:\n  o: {url: tcp://a:1, idempotent: [[a]]}\n",
               "zerogate.yaml:2: backends.o.idempotent: the items must be single values, not a "
               "list; write it as in [\"get_*\"]"}));

INSTANTIATE_TEST_SUITE_P(
    Routes, BrokenBridgeConfig,
    ::testing::Values(
        Broken{"routes: {functions: f}\n",
               "zerogate.yaml:1: routes: a list of routes is needed, not a map; write - "
               "{functions: [\"*\"], backend: orders}"},
        Broken{"routes:\n  - save_order\n",
               "zerogate.yaml:2: routes: a route is a map of keys, not a single value; write - "
               "{functions: [\"*\"], backend: orders}"},
        Broken{std::string(kOrders) + "routes:\n  - {function: f, functions: g, backend: orders}\n",
               "zerogate.yaml:3: unknown key 'routes.function'; did you mean 'routes.functions'?"},
        Broken{std::string(kOrders) + "routes:\n  - backend: orders\n",
               "zerogate.yaml:3: routes: no functions; add it, as in functions: [\"save_*\", "
               "get_order]"},
        Broken{std::string(kOrders) + "routes:\n  - {functions: [], backend: orders}\n",
               "zerogate.yaml:3: routes: no functions; add it, as in functions: [\"save_*\", "
               "get_order]"},
        Broken{std::string(kOrders) + "routes:\n  - functions: f\n",
               "zerogate.yaml:3: routes: no backend; add it, as in backend: orders"},
        Broken{std::string(kOrders) + "routes:\n  - functions: f\n    backend: odrers\n",
               "zerogate.yaml:4: routes.backend: no backend is named 'odrers'; did you mean "
               "'orders'?"},
        Broken{"backends: {a1: {url: tcp://a:1}, b2: {url: tcp://b:1}}\n"
               "routes: [{functions: f, backend: stock}]\n",
               "zerogate.yaml:2: routes.backend: no backend is named 'stock'; known are a1 and b2"},
        Broken{"routes: [{functions: f, backend: stock}]\n",
               "zerogate.yaml:1: routes.backend: no backend is named 'stock'; there are none; add "
               "it to backends"},
        Broken{std::string(kOrders) + "routes: [{functions: f, backend: 'tcp://a:1'}]\n",
               "zerogate.yaml:2: routes.backend: 'tcp://a:1' is no name for a backend; write 1 to "
               "63 of the characters A-Z a-z 0-9 _ . -"},
        Broken{std::string(kOrders) + "routes:\n  - {functions: 'a, b', backend: orders}\n",
               "zerogate.yaml:3: routes.functions: 'a, b' has a comma or a blank, which no "
               "function's name has; write a list, as in [save_order, \"get_*\"]"},
        Broken{std::string(kOrders) + "routes:\n  - {functions: [a, ''], backend: orders}\n",
               "zerogate.yaml:3: routes.functions: '' names no function; write a name, or \"*\" "
               "for every one"},
        Broken{std::string(kOrders) + "routes:\n  - {functions: f, backend: orders, timeout: 0s}\n",
               "zerogate.yaml:3: routes.timeout: '0s' is out of range; write 1ms to 1h"}));

INSTANTIATE_TEST_SUITE_P(
    Stars, BrokenBridgeConfig,
    ::testing::Values(
        // Without quotes a star begins an alias, for YAML.
        Broken{std::string(kOrders) + "routes:\n  - {functions: *, backend: orders}\n",
               "zerogate.yaml:3: not YAML: alias not found after *; put a word that begins with * "
               "in quotes, as in \"*\""},
        Broken{std::string(kOrders) + "routes:\n  - functions: [*_order]\n    backend: orders\n",
               "zerogate.yaml:3: not YAML: the referenced anchor is not defined; put a word that "
               "begins with * in quotes, as in \"*\""}));

}  // namespace
}  // namespace zerogate
