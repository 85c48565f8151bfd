// What is said of routes and backends that can be done, and are surely not meant.
#include "gateway/config/bridge_entries.h"

#include <gmock/gmock.h>

#include "tests/unit/gateway/config/config_fixture.h"

namespace zerogate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class BridgeEntriesTest : public ConfigTest {};

TEST_F(BridgeEntriesTest, WarnsOfFunctionsOfRoutesThatGetNoCalls) {
  const auto warnings = [this](const std::string& routes, const std::string& more = "") {
    return good("backends: {a: {url: 'tcp://a:1'}, b: {url: 'tcp://b:1'}}\nroutes:\n" + routes +
                "- {functions: last, backend: b}\n" + more)
        .warnings;
  };
  EXPECT_THAT(
      warnings("- {functions: ['sa*', f], backend: a}\n- {functions: [g, 'save_*'], backend: b}\n"),
      ElementsAre(HasSubstr("zerogate.yaml:4: routes.functions: 'save_*' gets no calls, for "
                            "'sa*' before it (")));
  EXPECT_THAT(warnings("- {functions: 'get_*', backend: a}\n- {functions: get_x, backend: b}\n"),
              ElementsAre(HasSubstr("'get_x' gets no calls")));
  EXPECT_THAT(warnings("- {functions: f, backend: a}\n- {functions: f, backend: b}\n"),
              ElementsAre(HasSubstr("'f' gets no calls")));
  EXPECT_THAT(warnings("- {functions: '*_x', backend: a}\n- {functions: '*_x*', backend: b}\n"),
              ElementsAre());
  EXPECT_THAT(warnings("- {functions: [f, 'get_x'], backend: a}\n"
                       "- {functions: ['get_*', 'g*', get_y], backend: b}\n"),
              ElementsAre());
  EXPECT_THAT(warnings("- {functions: [echo, 'e*'], backend: a}\n", "handlers: [echo]\n"),
              ElementsAre(HasSubstr("'echo' is one of handlers, which come before routes")));
}

TEST_F(BridgeEntriesTest, WarnsOfABackendThatGetsSomeCallsInTheClear) {
  const auto warnings = [this](const std::string& urls) {
    return good("backends:\n  a:\n    url: [" + urls +
                "]\nroutes: [{functions: '*', backend: a}]\n")
        .warnings;
  };
  EXPECT_THAT(warnings("'tls://a:1', 'tcp://b:1'"),
              ElementsAre(HasSubstr("zerogate.yaml:3: backends.a.url: tcp://b:1 beside tls://a:1 "
                                    "has some calls to a go in the clear")));
  EXPECT_THAT(warnings("'tls://a:1', 'tls://b:1', 'tcp://127.0.0.1:1', 'unix:/run/a'"),
              ElementsAre());
  EXPECT_THAT(warnings("'tcp://a:1', 'zmq://b:1'"), ElementsAre());
}

TEST_F(BridgeEntriesTest, HostsThatDifferInTheirCaseAreTheSame) {
  EXPECT_THAT(errors("backends: {a: {url: ['tls://Orders.Test:1', 'tls://orders.test:1']}}\n"),
              ElementsAre(HasSubstr("'tls://orders.test:1' stands twice; keep one")));
  EXPECT_THAT(
      errors("listen: {tcp: 'Gateway.Test:1'}\nbackends: {a: {url: 'tcp://gateway.TEST:1'}}\n"),
      ElementsAre(HasSubstr("is this gateway's own listen.tcp")));
  const Config config = good(
      "backends: {a: {url: 'tls://Orders.Test:1', tls: {name: Proven.Test}}}\n"
      "routes: [{functions: '*', backend: a}]\n");
  EXPECT_EQ(config.backends[0].urls[0].display(), "tls://orders.test:1");
  EXPECT_EQ(config.backends[0].tls_name, "proven.test");
}

}  // namespace
}  // namespace zerogate
