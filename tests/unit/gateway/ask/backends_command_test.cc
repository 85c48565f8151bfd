// `zerogate backends` as people read it.
#include "gateway/ask/backends_command.h"

#include <gtest/gtest.h>

namespace zerogate {
namespace {

TEST(BackendsCommandTest, ATableWithOneLineForEachEndpoint) {
  EXPECT_EQ(
      backends_table(
          R"({"endpoints": [)"
          R"({"backend": "b", "endpoint": "10.0.0.1:1", "state": "up", "reason": null,)"
          R"( "since": "", "since_seconds": 59, "connections": 24, "in_flight": 3, "failures": 0},)"
          R"({"backend": "b", "endpoint": "10.0.0.12:1", "state": "drain", "reason": "by\nhand",)"
          R"( "since": "", "since_seconds": 7300, "connections": 1, "in_flight": 1,)"
          R"( "failures": 12}]})"),
      "BACKEND  ENDPOINT     STATE  SINCE  CONNECTIONS  IN FLIGHT  FAILURES  REASON\n"
      "b        10.0.0.1:1   up       59s           24          3         0\n"
      "b        10.0.0.12:1  drain     2h            1          1        12  by\n");
}

TEST(BackendsCommandTest, ABackendWithoutEndpointsHasALine) {
  EXPECT_EQ(backends_table(R"({"endpoints": [], "without_endpoints":)"
                           R"( [{"backend": "orders", "reason": "no address"}]})"),
            "BACKEND  ENDPOINT  STATE  SINCE  CONNECTIONS  IN FLIGHT  FAILURES  REASON\n"
            "orders   -         down                                            no address\n");
}

TEST(BackendsCommandTest, NoEndpointAtAll) {
  EXPECT_EQ(backends_table(R"({"endpoints": []})"), "no backend has an endpoint\n");
}

}  // namespace
}  // namespace zerogate
