#include "gateway/config/idle_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/gateway/config/config_fixture.h"

namespace zerogate {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class IdleKeys : public ConfigTest {
 protected:
  /// Without the folder of the file.
  std::vector<std::string> warnings(const std::string& text) {
    std::vector<std::string> lines = good(text).warnings;
    const std::string folder = directory_ / "";
    for (std::string& line : lines) {
      line.erase(0, line.starts_with(folder) ? folder.size() : 0);
    }
    return lines;
  }
};

TEST_F(IdleKeys, EachThingThatIsOffIsALine) {
  EXPECT_THAT(warnings("admin: off\n"
                       "admin_token: 0123456789abcdef\n"
                       "curve: {clients: any}\n"
                       "tls:\n"
                       "  cert: a.crt\n"
                       "  key: a.key\n"
                       "  handshake_timeout: 1s\n"
                       "limits: {handshakes: 7}\n"),
              ElementsAre("zerogate.yaml:3: curve.clients: does nothing while listen.zmq_curve is "
                          "off",
                          "zerogate.yaml:5: tls.cert: does nothing while listen.tls is off; "
                          "likewise tls.key, tls.handshake_timeout, limits.handshakes",
                          "zerogate.yaml:2: admin_token: does nothing while admin is off"));
}

TEST_F(IdleKeys, OfEveryKind) {
  const std::pair<const char*, const char*> cases[] = {
      {"tls: {min_version: \"1.2\"}", "tls.min_version: does nothing while listen.tls is off and"},
      {"tls: {watch: 1s}", "tls.watch: does nothing while nothing speaks TLS"},
      {"admin: unix:/tmp/a\nadmin_hosts: [a.test]",
       "admin_hosts: does nothing while admin is no host"},
      {"admin_mode: \"0600\"", "admin_mode: does nothing while admin is no unix:/path"},
      {"listen: {mode: \"0600\"}", "listen.mode: does nothing while listen has no unix:/path"},
      {"listen: {tcp: unix:/tmp/a, zmq: off, allow: [10.0.0.0/8]}",
       "listen.allow: does nothing while listen has no host:port"},
      {"listen: {zmq: off}\nzmq_keep_alive: 9s",
       "zmq_keep_alive: does nothing while listen.zmq and"},
      {"log: {level: warn, access: all}", "log.access: does nothing while log.level is above info"},
      {"log: {level: error, slow: 9s}", "log.slow: does nothing while log.level is above warn"},
      {"backends: {b: {url: tcp://b:1, in_flight: 9, pipeline_wait: 9ms}}",
       "backends.b.pipeline_wait: does nothing while in_flight is not auto"},
      {"backends: {b: {url: zmq://b:1, pipeline_wait: 9ms}}",
       "backends.b.pipeline_wait: does nothing while all its servers speak ZeroMQ"}};
  for (const auto& [text, line] : cases) {
    EXPECT_THAT(good(text).warnings, Contains(HasSubstr(line))) << text;
  }
  EXPECT_THAT(good("", {{"ZEROGATE_BRIDGE_TIMEOUT", "9s"}}).warnings,
              ElementsAre("ZEROGATE_BRIDGE_TIMEOUT: does nothing while there is no bridge"));
}

TEST_F(IdleKeys, ARateLimitOfWhatIsNotServed) {
  EXPECT_THAT(
      warnings("rate_limits:\n"
               "  - {functions: [echo, save_ordr, \"get_*\", \"x_*\"], rate: 1/s}\n"),
      ElementsAre("zerogate.yaml:2: rate_limits: 'save_ordr' is served by no handler and by "
                  "no route; did you mean save_order?",
                  "zerogate.yaml:2: rate_limits: 'x_*' is served by no handler and by no "
                  "route; correct it, or take it out"));
  const std::string routes =
      "backends: {b: {url: tcp://b:1}}\n"
      "routes: [{functions: [f, \"get_*\"], backend: b}]\n"
      "rate_limits: [{rate: 1/s, functions: ";
  EXPECT_THAT(warnings(routes + "[f, get_order, \"*\", \"g*\", \"*_order\"]}]\n"), ElementsAre());
  EXPECT_THAT(warnings(routes + "echo}]\n"), ElementsAre(HasSubstr("'echo' is served by no")));
}

TEST_F(IdleKeys, WhatIsAtWorkOrAsByDefaultIsNotTold) {
  for (const char* text :
       {"admin: off\nadmin_token: off\nadmin_hosts: []\ntls: {clients: required, watch: 30s}\n",
        "admin_mode: \"0600\"\nadmin: unix:/tmp/a\nlisten: {tcp: unix:/tmp/b, mode: \"0600\"}\n",
        "listen: {tcp: unix:/tmp/b, allow: [10.0.0.0/8]}\nlog: {level: warn, slow: 9s}\n",
        "listen: {zmq: off, zmq_curve: off}\ncurve: {}\nlog: {access: all}\n",
        "backends: {b: {url: [tcp://b:1, zmq://b:2], pipeline_wait: 9ms}}\n"}) {
    EXPECT_THAT(good(text).warnings, Not(Contains(HasSubstr("does nothing")))) << text;
  }
}

}  // namespace
}  // namespace zerogate
