#include "gateway/admin/admin_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/log/log.h"
#include "tests/integration/own_port.h"
#include "tests/unit/gateway/admin/admin_server_fixture.h"

namespace zerogate {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using namespace std::chrono_literals;

bool has_ipv6() {
  const UniqueFd fd(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  return fd && bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

TEST_F(AdminServerTest, MetricsOfAllSourcesInTheTextFormat) {
  start();
  const std::string reply = get("/metrics");
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(reply, HasSubstr("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(reply, HasSubstr("# TYPE first gauge\nfirst{series=\"0\"} 0\n"));
  EXPECT_THAT(reply, EndsWith("second{series=\"19999\"} 0\n"));  // of many chunks
  EXPECT_THAT(reply,
              HasSubstr("\r\nContent-Length: " + std::to_string(http_body(reply).size()) + "\r\n"));
}

TEST_F(AdminServerTest, HealthConfigAndIndex) {
  start();
  EXPECT_THAT(get("/healthz"), AllOf(StartsWith("HTTP/1.1 200 "), EndsWith("\r\n\r\nok\n"),
                                     HasSubstr("X-Content-Type-Options: nosniff\r\n")));
  EXPECT_THAT(get("/healthz?verbose=1"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(get("/config"),
              AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("Content-Type: text/plain"),
                    EndsWith("\r\n\r\nthreads: 1\n")));
  EXPECT_THAT(get("/"), AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("Content-Type: text/plain"),
                              HasSubstr("zerogate 1.2.3: waiting for redis\n"),
                              HasSubstr("/metrics"), HasSubstr("/readyz")));
}

TEST_F(AdminServerTest, TheStatusPageIsForBrowsers) {
  start();
  const auto page = [&](const std::string& accept) {
    return http_ask(server->port(), "GET / HTTP/1.1\r\nAccept: " + accept + "\r\nX:");
  };
  EXPECT_THAT(page("text/html,application/xhtml+xml,*/*;q=0.8"),
              AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("Content-Type: text/html"),
                    HasSubstr("Content-Security-Policy: default-src 'none'; "),
                    HasSubstr("\r\nVary: Accept\r\n"), HasSubstr("<!doctype html>")));
  EXPECT_THAT(page("*/*"), HasSubstr("Content-Type: text/plain"));
}

TEST_F(AdminServerTest, EveryFileOfTheStatusPageIsServed) {
  start();
  const std::string page = http_ask(server->port(), "GET / HTTP/1.1\r\nAccept: text/html\r\nX:");
  for (const auto& [file, type] : {std::pair{"status/style.css", "text/css"},
                                   {"status/boot.js", "text/javascript"},
                                   {"status/icon.svg", "image/svg+xml"}}) {
    EXPECT_THAT(page, HasSubstr(std::string("\"") + file + "\"")) << "is it used at all?";
    EXPECT_THAT(get(std::string("/") + file),
                AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr(std::string("Content-Type: ") + type),
                      HasSubstr("X-Content-Type-Options: nosniff\r\n")));
  }
  EXPECT_THAT(get("/status/nope.js"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(http_ask(server->port(), "POST /status/boot.js"), StartsWith("HTTP/1.1 404 "));
}

TEST_F(AdminServerTest, TheNumbersOfTheStatusPage) {
  start();
  const std::string reply = get("/status.json");
  EXPECT_THAT(reply, AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("Content-Type: application/json"),
                           HasSubstr("Cache-Control: no-store\r\n")));
  const auto document = nlohmann::json::parse(http_body(reply));
  EXPECT_EQ(document["ready"], false);
  EXPECT_EQ(document["readiness"], "waiting for redis");
  EXPECT_GT(document["uptime"], 0);
  EXPECT_FALSE(std::string(document["instance"]).empty());
  EXPECT_EQ(document["families"]["second"]["samples"].size(), 20'000U);
  EXPECT_EQ(document["families"]["first"]["samples"][0], (nlohmann::json{"0", 0}));
}

TEST_F(AdminServerTest, AnotherRunIsAnotherInstance) {
  const auto instance = [&] {
    start();
    return nlohmann::json::parse(http_body(get("/status.json")))["instance"];
  };
  EXPECT_NE(instance(), instance());
}

TEST_F(AdminServerTest, ReadinessFollowsItsSource) {
  start();
  EXPECT_THAT(get("/readyz"),
              AllOf(StartsWith("HTTP/1.1 503 "), EndsWith("\r\n\r\nwaiting for redis\n")));
  ready = true;
  EXPECT_THAT(get("/readyz"), AllOf(StartsWith("HTTP/1.1 200 "), EndsWith("\r\n\r\nready\n")));
}

TEST_F(AdminServerTest, HeadIsGetWithoutTheBody) {
  start();
  for (const char* path : {"/healthz", "/metrics", "/readyz"}) {
    const std::string whole = get(path);
    const std::string head = http_ask(server->port(), std::string("HEAD ") + path);
    EXPECT_EQ(head, whole.substr(0, whole.size() - http_body(whole).size())) << path;
  }
}

TEST_F(AdminServerTest, OtherPathsAre404AndSayWhatExists) {
  start();
  for (const char* path : {"/nope", "/metrics/", "/metricsx", "/../../etc/passwd", "/%2e%2e/etc",
                           "//etc/passwd", "/etc/passwd"}) {
    const std::string reply = get(path);
    EXPECT_THAT(reply, ::testing::AnyOf(StartsWith("HTTP/1.1 404 "), StartsWith("HTTP/1.1 400 ")))
        << path;
    EXPECT_THAT(reply, ::testing::Not(HasSubstr("root:"))) << path;
  }
  EXPECT_EQ(
      http_body(get("/nope")),
      "no such page; there are /, /metrics, /healthz, /readyz, /config, /clients, GET or POST "
      "/backends, /status.json, POST /reload, POST /drain, GET or POST /log\n");
}

TEST_F(AdminServerTest, PostReloads) {
  start();
  const std::string taken = http_ask(server->port(), "POST /reload");
  EXPECT_THAT(taken, StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(http_body(taken), "reloaded\n");
  config_broken = true;
  const std::string refused = http_ask(server->port(), "POST /reload");
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 400 "));
  EXPECT_EQ(http_body(refused), "zerogate.yaml:1: no\nzerogate.yaml:2: neither\n");
  EXPECT_THAT(get("/reload"), AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("\r\nAllow: POST\r\n")));
}

TEST_F(AdminServerTest, LogShowsItsLevelAndPostChangesIt) {
  start();
  log::set_level(log::Level::warn);
  EXPECT_EQ(http_body(get("/log")), "warn\n");
  log::set_level(log::Level::off);
  const std::string changed = http_ask(server->port(), "POST /log?level=debug");
  EXPECT_THAT(changed, StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(http_body(changed), "info -> debug\n");
  const std::string refused = http_ask(server->port(), "POST /log?level=loud");
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 400 "));
  EXPECT_EQ(http_body(refused), "'loud' is no level\n");
  for (const char* request : {"POST /log", "POST /log?", "POST /log?lvl=info"}) {
    EXPECT_THAT(http_ask(server->port(), request),
                AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr("POST /log?level=debug")))
        << request;
  }
  EXPECT_THAT(http_ask(server->port(), "POST /log?level=debug HTTP/1.1\r\nOrigin: http://a\r\nX:"),
              StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(http_ask(server->port(), "DELETE /log"),
              AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("\r\nAllow: GET, HEAD, POST\r\n")));
}

TEST_F(AdminServerTest, ASourceThatThrowsIsA500AndTheServerLives) {
  std::atomic<int> lines{0};
  log::configure(log::Level::error, log::Format::logfmt, [&](std::string_view) { ++lines; });
  start();
  first->broken = true;
  config_broken = true;
  EXPECT_THAT(get("/metrics"), StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(get("/status.json"), StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(get("/config"), StartsWith("HTTP/1.1 500 "));
  EXPECT_EQ(lines, 3);
  log::configure(log::Level::info, log::Format::logfmt);
  first->broken = false;
  config_broken = false;
  EXPECT_THAT(get("/metrics"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(get("/config"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminServerTest, ListensOnIpv6) {
  if (!has_ipv6()) {
    GTEST_SKIP() << "no IPv6 on this machine";
  }
  start({"::1", testing::own_port(), ""});
  EXPECT_THAT(http_ask(server->port(), "GET /healthz", AF_INET6), StartsWith("HTTP/1.1 200 "));
  EXPECT_FALSE(AdminPeer(server->port(), AF_INET).connected());
}

TEST_F(AdminServerTest, AnyIpv6AddressTakesIpv4Too) {
  if (!has_ipv6()) {
    GTEST_SKIP() << "no IPv6 on this machine";
  }
  start({"::", 0, ""});
  EXPECT_THAT(http_ask(server->port(), "GET /healthz", AF_INET6), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(http_ask(server->port(), "GET /healthz", AF_INET), StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminServerTest, ResolvesAHostName) {
  start({"localhost", testing::own_port(), ""});
  const bool v4 = AdminPeer(server->port(), AF_INET).connected();
  EXPECT_THAT(http_ask(server->port(), "GET /healthz", v4 ? AF_INET : AF_INET6),
              StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminServerTest, ABusyPortIsOneLineThatSaysWhatToDo) {
  start();
  const std::string port = std::to_string(server->port());
  EXPECT_EQ(error_of({"127.0.0.1", server->port(), ""}),
            "cannot listen on admin 127.0.0.1:" + port +
                ": address already in use; choose another with admin: or --admin");
  if (has_ipv6()) {
    start({"::1", 0, ""});
    EXPECT_THAT(error_of({"::1", server->port(), ""}), HasSubstr(": address already in use; "));
  }
}

TEST_F(AdminServerTest, AddressesThatCannotBeAreRefused) {
  EXPECT_EQ(error_of({"", 0, "/nowhere/zerogate.sock"}),
            "admin: cannot listen on unix:/nowhere/zerogate.sock: No such file or directory; "
            "create the directory first");
  EXPECT_THAT(error_of({"192.0.2.1", 0, ""}),  // TEST-NET-1: nobody's
              StartsWith("cannot listen on admin 192.0.2.1:0: cannot assign requested address; "));
}

}  // namespace
}  // namespace zerogate
