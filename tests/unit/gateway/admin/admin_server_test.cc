#include "gateway/admin/admin_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <prometheus/metric_family.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/base/unique_fd.h"
#include "core/log/log.h"
#include "gateway/ask/admin_client.h"

namespace zerogate {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using namespace std::chrono_literals;

/// A peer on loopback. Nothing it waits for takes longer than kPatience.
class Peer {
 public:
  static constexpr timeval kPatience = {.tv_sec = 20, .tv_usec = 0};

  explicit Peer(uint16_t port, int family = AF_INET)
      : fd_(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
    setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    v6.sin6_addr = in6addr_loopback;
    connected_ = family == AF_INET
                     ? connect(fd_.get(), reinterpret_cast<const sockaddr*>(&v4), sizeof v4) == 0
                     : connect(fd_.get(), reinterpret_cast<const sockaddr*>(&v6), sizeof v6) == 0;
  }
  bool connected() const { return connected_; }
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        return;  // the server may close before it has read everything
      }
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }
  /// Everything until the server closes; false when it did not do so in time.
  bool read_all(std::string& into) {
    char buffer[65536];
    while (true) {
      const ssize_t got = recv(fd_.get(), buffer, sizeof buffer, 0);
      if (got == 0 || (got < 0 && errno == ECONNRESET)) {
        return true;
      }
      if (got < 0) {
        return false;
      }
      into.append(buffer, static_cast<size_t>(got));
    }
  }

 private:
  UniqueFd fd_;
  bool connected_ = false;
};

std::string ask(uint16_t port, const std::string& request, int family = AF_INET) {
  Peer peer(port, family);
  if (!peer.connected()) {
    return "not connected";
  }
  peer.send(request + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  std::string reply;
  return peer.read_all(reply) ? reply : "no end of the reply";
}

int access_file(const std::string& path) { return ::access(path.c_str(), F_OK); }

std::string gunzip(const std::string& bytes) {
  z_stream stream{};
  inflateInit2(&stream, MAX_WBITS + 16);
  std::string out(16 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const bool whole = inflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(whole ? stream.total_out : 0);
  inflateEnd(&stream);
  return out;
}

std::string body_of(const std::string& reply) {
  const size_t end = reply.find("\r\n\r\n");
  return end == reply.npos ? "" : reply.substr(end + 4);
}

class FakeMetrics final : public prometheus::Collectable {
 public:
  explicit FakeMetrics(std::string name, size_t series = 1) : name_(std::move(name)), n_(series) {}
  std::vector<prometheus::MetricFamily> Collect() const override {
    if (broken) {
      throw std::runtime_error("broken");
    }
    prometheus::MetricFamily family{name_, "Help.", prometheus::MetricType::Gauge, {}};
    for (size_t i = 0; i < n_; ++i) {
      family.metric.emplace_back().label = {{"series", std::to_string(i)}};
    }
    return {family};
  }
  std::atomic<bool> broken{false};

 private:
  std::string name_;
  size_t n_;
};

class AdminServerTest : public ::testing::Test {
 protected:
  AdminSources sources() {
    AdminSources result;
    result.metrics = {first, second};
    result.readiness = [this] {
      return ready ? Readiness{true, "ready"} : Readiness{false, "waiting for redis"};
    };
    result.config = [this] {
      if (config_broken) {
        throw std::runtime_error("no config");
      }
      return std::string("threads: 1\n");
    };
    result.reload = [this]() -> Result<std::string> {
      if (reload_waits_for.valid()) {
        reload_waits_for.wait();
      }
      if (config_broken) {
        return Error{"zerogate.yaml:1: no\nzerogate.yaml:2: neither"};
      }
      return std::string("reloaded");
    };
    result.set_log_level = [](std::string_view level) -> Result<std::string> {
      if (level != "debug") {
        return Error{"'" + std::string(level) + "' is no level"};
      }
      return std::string("info -> debug");
    };
    result.version = "1.2.3";
    result.access = access;
    return result;
  }
  void start(const Address& address = {"127.0.0.1", 0, ""}) {
    auto started = AdminServer::start(address, sources());
    ASSERT_TRUE(started.ok()) << started.error();
    server = std::move(started).value();
    ASSERT_TRUE(address.is_path() || server->port() > 0);
  }
  std::string error_of(const Address& address) {
    auto started = AdminServer::start(address, sources());
    return started.ok() ? "started" : started.error();
  }
  std::string get(const std::string& path) { return ask(server->port(), "GET " + path); }

  std::shared_ptr<FakeMetrics> first = std::make_shared<FakeMetrics>("first");
  std::shared_ptr<FakeMetrics> second = std::make_shared<FakeMetrics>("second", 20'000);
  std::atomic<bool> ready{false};
  std::atomic<bool> config_broken{false};
  std::shared_future<void> reload_waits_for;
  AdminAccess access;
  std::unique_ptr<AdminServer> server;
};

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
              HasSubstr("\r\nContent-Length: " + std::to_string(body_of(reply).size()) + "\r\n"));
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
    return ask(server->port(), "GET / HTTP/1.1\r\nAccept: " + accept + "\r\nX:");
  };
  EXPECT_THAT(page("text/html,application/xhtml+xml,*/*;q=0.8"),
              AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("Content-Type: text/html"),
                    HasSubstr("Content-Security-Policy: default-src 'none'; "),
                    HasSubstr("\r\nVary: Accept\r\n"), HasSubstr("<!doctype html>")));
  EXPECT_THAT(page("*/*"), HasSubstr("Content-Type: text/plain"));
}

TEST_F(AdminServerTest, EveryFileOfTheStatusPageIsServed) {
  start();
  const std::string page = ask(server->port(), "GET / HTTP/1.1\r\nAccept: text/html\r\nX:");
  for (const auto& [file, type] : {std::pair{"status/style.css", "text/css"},
                                   {"status/boot.js", "text/javascript"},
                                   {"status/icon.svg", "image/svg+xml"}}) {
    EXPECT_THAT(page, HasSubstr(std::string("\"") + file + "\"")) << "is it used at all?";
    EXPECT_THAT(get(std::string("/") + file),
                AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr(std::string("Content-Type: ") + type),
                      HasSubstr("X-Content-Type-Options: nosniff\r\n")));
  }
  EXPECT_THAT(get("/status/nope.js"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(ask(server->port(), "POST /status/boot.js"), StartsWith("HTTP/1.1 404 "));
}

TEST_F(AdminServerTest, TheNumbersOfTheStatusPage) {
  start();
  const std::string reply = get("/status.json");
  EXPECT_THAT(reply, AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("Content-Type: application/json"),
                           HasSubstr("Cache-Control: no-store\r\n")));
  const auto document = nlohmann::json::parse(body_of(reply));
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
    return nlohmann::json::parse(body_of(get("/status.json")))["instance"];
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
    const std::string head = ask(server->port(), std::string("HEAD ") + path);
    EXPECT_EQ(head, whole.substr(0, whole.size() - body_of(whole).size())) << path;
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
      body_of(get("/nope")),
      "no such page; there are / /metrics /healthz /readyz /config /clients /status.json POST "
      "/reload POST /drain /log\n");
}

TEST_F(AdminServerTest, PostReloads) {
  start();
  const std::string taken = ask(server->port(), "POST /reload");
  EXPECT_THAT(taken, StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(body_of(taken), "reloaded\n");
  config_broken = true;
  const std::string refused = ask(server->port(), "POST /reload");
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 400 "));
  EXPECT_EQ(body_of(refused), "zerogate.yaml:1: no\nzerogate.yaml:2: neither\n");
  EXPECT_THAT(get("/reload"), AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("\r\nAllow: POST\r\n")));
}

TEST_F(AdminServerTest, LogShowsItsLevelAndPostChangesIt) {
  start();
  log::set_level(log::Level::warn);
  EXPECT_EQ(body_of(get("/log")), "warn\n");
  log::set_level(log::Level::off);
  const std::string changed = ask(server->port(), "POST /log?level=debug");
  EXPECT_THAT(changed, StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(body_of(changed), "info -> debug\n");
  const std::string refused = ask(server->port(), "POST /log?level=loud");
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 400 "));
  EXPECT_EQ(body_of(refused), "'loud' is no level\n");
  for (const char* request : {"POST /log", "POST /log?", "POST /log?lvl=info"}) {
    EXPECT_THAT(ask(server->port(), request),
                AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr("POST /log?level=debug")))
        << request;
  }
  EXPECT_THAT(ask(server->port(), "POST /log?level=debug HTTP/1.1\r\nOrigin: http://a\r\nX:"),
              StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(ask(server->port(), "DELETE /log"),
              AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("\r\nAllow: GET, HEAD, POST\r\n")));
}

TEST_F(AdminServerTest, WebPagesMayNotReload) {
  start();
  const auto post = [&](const std::string& headers) {
    return ask(server->port(), "POST /reload HTTP/1.1\r\n" + headers + "\r\nX:");
  };
  for (const char* headers :
       {"Origin: http://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site",
        // The "same" origin too: DNS rebinding makes any host name one.
        "Origin: http://localhost\r\nSec-Fetch-Site: same-origin", "sec-fetch-site: same-site"}) {
    EXPECT_THAT(post(headers), StartsWith("HTTP/1.1 403 ")) << headers;
  }
  EXPECT_EQ(body_of(post("Origin: http://evil.example")),
            "refused: a web page ('http://evil.example') may not do this; use curl -X POST\n");
  EXPECT_THAT(post("Sec-Fetch-Site: none"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminServerTest, AChangeNeedsTheToken) {
  access = AdminAccess::make({.token = "0123456789abcdef"}).value();
  start();
  const auto post = [&](const std::string& headers) {
    return ask(server->port(), "POST /log?level=debug HTTP/1.1\r\n" + headers + "\r\nX:");
  };
  for (const char* headers : {"Y: z", "Authorization: Bearer 0123456789abcdeX",
                              "Authorization: Basic 0123456789abcdef", "Authorization: Bearer "}) {
    const std::string refused = post(headers);
    EXPECT_THAT(refused,
                AllOf(StartsWith("HTTP/1.1 401 "), HasSubstr("\r\nWWW-Authenticate: Bearer\r\n")));
    EXPECT_EQ(body_of(refused),
              "refused: this needs the token: curl -X POST -H \"Authorization: Bearer TOKEN\", "
              "which is that of admin_token\n");
  }
  EXPECT_THAT(post("authorization: bearer 0123456789abcdef"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(get("/log"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(get("/metrics"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminServerTest, AHostThatAPageMayHaveIsRefused) {
  access = AdminAccess::make({}).value();
  start();
  const auto from = [&](const std::string& path, const std::string& host) {
    Peer peer(server->port());
    peer.send("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
    std::string reply;
    peer.read_all(reply);
    return reply;
  };
  EXPECT_THAT(from("/config", "evil.example:9464"), StartsWith("HTTP/1.1 403 "));
  EXPECT_EQ(body_of(from("/metrics", "evil.example:9464")),
            "refused: 'evil.example:9464' is no name of this gateway; an address will do, or add "
            "the name to admin_hosts\n");
  EXPECT_THAT(from("http://evil.example/config", "localhost"), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(from("/config", "zerogate:9464"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(from("/readyz", "health.example"), StartsWith("HTTP/1.1 503 "));  // a probe's
}

TEST_F(AdminServerTest, RequestsInEveryForm) {
  start();
  const auto send = [&](const std::string& bytes) {
    Peer peer(server->port());
    peer.send(bytes);
    std::string reply;
    peer.read_all(reply);
    return reply;
  };
  EXPECT_THAT(send("GET http://localhost:9464/healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
              EndsWith("\r\n\r\nok\n"));
  EXPECT_THAT(send("GET /healthz HTTP/1.0\r\n\r\n"), EndsWith("\r\n\r\nok\n"));
  EXPECT_THAT(
      send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
      AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("\r\nAllow: GET, HEAD, POST, OPTIONS\r\n"),
            HasSubstr("\r\nContent-Length: 0\r\n")));
  EXPECT_THAT(send("POST /reload HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\na=bc"),
              EndsWith("reloaded\n"));
  EXPECT_THAT(send("rubbish\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
}

TEST_F(AdminServerTest, CompressesForThoseWhoAskForIt) {
  start();
  const std::string plain = get("/metrics");
  const std::string zipped =
      ask(server->port(), "GET /metrics HTTP/1.1\r\nAccept-Encoding: gzip\r\nX:");
  EXPECT_THAT(zipped, AllOf(HasSubstr("\r\nContent-Encoding: gzip\r\n"),
                            HasSubstr("\r\nVary: Accept-Encoding\r\n")));
  EXPECT_EQ(gunzip(body_of(zipped)), body_of(plain));
  EXPECT_LT(zipped.size(), plain.size() / 5);
  EXPECT_THAT(plain, ::testing::Not(HasSubstr("Content-Encoding")));
  EXPECT_THAT(ask(server->port(), "GET /healthz HTTP/1.1\r\nAccept-Encoding: gzip\r\nX:"),
              EndsWith("\r\n\r\nok\n"));  // one packet anyway
}

TEST_F(AdminServerTest, ListensOnAUnixSocket) {
  const std::string path = ::testing::TempDir() + "zerogate-admin-test.sock";
  start({"", 0, path});
  EXPECT_EQ(server->port(), 0);
  const auto answer = ask_admin({"", 0, path}, "GET /healthz", 20'000);
  ASSERT_TRUE(answer.ok()) << answer.error();
  EXPECT_EQ(answer.value().body, "ok\n");
  server.reset();
  EXPECT_NE(access_file(path), 0) << "the file goes with the server";
}

TEST_F(AdminServerTest, OtherMethodsAre405WithAllow) {
  start();
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"}) {
    for (const char* path : {"/metrics", "/"}) {
      EXPECT_THAT(ask(server->port(), std::string(method) + " " + path),
                  AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("\r\nAllow: GET, HEAD\r\n")))
          << method << path;
    }
  }
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
  start({"::1", 0, ""});
  EXPECT_THAT(ask(server->port(), "GET /healthz", AF_INET6), StartsWith("HTTP/1.1 200 "));
  EXPECT_FALSE(Peer(server->port(), AF_INET).connected());
}

TEST_F(AdminServerTest, AnyIpv6AddressTakesIpv4Too) {
  if (!has_ipv6()) {
    GTEST_SKIP() << "no IPv6 on this machine";
  }
  start({"::", 0, ""});
  EXPECT_THAT(ask(server->port(), "GET /healthz", AF_INET6), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(ask(server->port(), "GET /healthz", AF_INET), StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminServerTest, ResolvesAHostName) {
  start({"localhost", 0, ""});
  const bool v4 = Peer(server->port(), AF_INET).connected();
  EXPECT_THAT(ask(server->port(), "GET /healthz", v4 ? AF_INET : AF_INET6),
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

TEST_F(AdminServerTest, ThePortIsFreeAgainAfterwards) {
  start();
  const uint16_t port = server->port();
  server.reset();
  EXPECT_FALSE(Peer(port).connected());
  start({"127.0.0.1", port, ""});
  EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminServerTest, AnEndlessHeaderIsCutOff) {
  start();
  Peer peer(server->port());
  peer.send("GET /healthz HTTP/1.1\r\nX: " + std::string(1 << 20, 'a'));
  std::string reply;
  EXPECT_TRUE(peer.read_all(reply));
  EXPECT_THAT(reply, ::testing::Not(StartsWith("HTTP/1.1 200")));
  EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminServerTest, AnAnnouncedBodyIsNotWaitedFor) {
  start();
  EXPECT_THAT(ask(server->port(), "GET /healthz HTTP/1.1\r\nContent-Length: 1000000000\r\nX: "),
              StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminServerTest, SilentPeersGiveWayToNewcomers) {
  start();
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i < 400; ++i) {
    peers.push_back(std::make_unique<Peer>(server->port()));
    if (i % 2) {
      peers.back()->send("GET /metr");
    }
  }
  // No time-out is over yet: the answer comes because the first of them have lost their places.
  EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200 "));
  std::string reply;
  EXPECT_TRUE(peers[0]->read_all(reply));
  EXPECT_TRUE(peers[1]->read_all(reply));
  EXPECT_EQ(reply, "");
  peers.back()->send("ics HTTP/1.0\r\n\r\n");  // the last has kept its own
  EXPECT_TRUE(peers.back()->read_all(reply));
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 200 "));
  for (const auto& peer : peers) {
    EXPECT_TRUE(peer->read_all(reply));
  }
}

TEST_F(AdminServerTest, AnAnswerThatTakesLongDelaysNoOther) {
  std::promise<void> end;
  reload_waits_for = end.get_future();
  start();
  std::vector<std::unique_ptr<Peer>> waiting;
  for (unsigned i = 0; i < 2 * AnswerThreads::kThreads; ++i) {
    waiting.push_back(std::make_unique<Peer>(server->port()));
    waiting.back()->send("POST /reload HTTP/1.0\r\n\r\n");
  }
  EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(get("/readyz"), StartsWith("HTTP/1.1 503 "));
  end.set_value();
  for (const auto& peer : waiting) {
    std::string reply;
    EXPECT_TRUE(peer->read_all(reply));
    EXPECT_THAT(reply, EndsWith("reloaded\n"));
  }
}

TEST_F(AdminServerTest, StopsWhileAnAnswerIsBeingMade) {
  std::promise<void> end;
  reload_waits_for = end.get_future();
  start();
  Peer waiting(server->port()), queued(server->port());
  waiting.send("POST /reload HTTP/1.0\r\n\r\n");
  queued.send("POST /reload HTTP/1.0\r\n\r\n");
  EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200 "));
  std::thread stop([this] { server.reset(); });
  end.set_value();
  stop.join();
  std::string reply;
  EXPECT_TRUE(waiting.read_all(reply));
}

TEST_F(AdminServerTest, StopsBesidePeersThatHoldConnections) {
  start();
  Peer silent(server->port()), half(server->port()), unread(server->port());
  half.send("GET /");
  unread.send("GET /metrics HTTP/1.1\r\n\r\n");
  const auto begin = std::chrono::steady_clock::now();
  server.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 8s);
}

}  // namespace
}  // namespace zerogate
