// What clients send to the admin server, well and ill: forms of requests, tokens, many connections.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gateway/admin/admin_server.h"
#include "gateway/ask/admin_client.h"
#include "tests/integration/own_port.h"
#include "tests/unit/gateway/admin/admin_server_fixture.h"

namespace zerogate {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using namespace std::chrono_literals;

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

TEST_F(AdminServerTest, SilentPeersGiveWayToNewcomers) {
  start();
  std::vector<std::unique_ptr<AdminPeer>> peers;
  for (int i = 0; i < 400; ++i) {
    peers.push_back(std::make_unique<AdminPeer>(server->port()));
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

/// They take every place.
const int kAllPlaces = static_cast<int>(AdminLimits().connections);

TEST_F(AdminServerTest, PeersThatNeverEndTheirRequestsGiveWayToNewcomers) {
  start();
  std::vector<std::unique_ptr<AdminPeer>> peers;
  for (int i = 0; i < kAllPlaces; ++i) {
    peers.push_back(std::make_unique<AdminPeer>(server->port()));
    peers.back()->send("POST /log?level=debug HTTP/1.1\r\nContent-Length: 60000\r\n\r\nbegun");
  }
  EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(get("/config"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminServerTest, ThoseWhoWaitForPagesLeavePlacesToOthers) {
  std::promise<void> end;
  reload_waits_for = end.get_future();
  start();
  std::vector<std::unique_ptr<AdminPeer>> waiting;
  for (int i = 0; i < kAllPlaces; ++i) {
    waiting.push_back(std::make_unique<AdminPeer>(server->port()));
    waiting.back()->send("POST /reload HTTP/1.0\r\n\r\n");
  }
  EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(get("/metrics"), AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("\r\nRetry-After: 1"),
                                     EndsWith("too many other requests wait for their answers\n")));
  end.set_value();
  int reloaded = 0;
  for (const auto& peer : waiting) {
    std::string reply;
    EXPECT_TRUE(peer->read_all(reply));
    reloaded += reply.ends_with("reloaded\n") ? 1 : 0;
  }
  EXPECT_GT(reloaded, kAllPlaces / 3);
  EXPECT_LT(reloaded, kAllPlaces);
}

TEST_F(AdminServerTest, AnAnswerThatTakesLongDelaysNoOther) {
  std::promise<void> end;
  reload_waits_for = end.get_future();
  start();
  std::vector<std::unique_ptr<AdminPeer>> waiting;
  for (unsigned i = 0; i < 2 * AnswerThreads::kThreads; ++i) {
    waiting.push_back(std::make_unique<AdminPeer>(server->port()));
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
  AdminPeer waiting(server->port()), queued(server->port());
  waiting.send("POST /reload HTTP/1.0\r\n\r\n");
  queued.send("POST /reload HTTP/1.0\r\n\r\n");
  EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200 "));
  std::thread stop([this] { server.reset(); });
  end.set_value();
  stop.join();
  std::string reply;
  EXPECT_TRUE(waiting.read_all(reply));
}

TEST_F(AdminServerTest, AllButProbesNeedTheToken) {
  access = AdminAccess::make({.token = "0123456789abcdef"}).value();
  start();
  const auto post = [&](const std::string& headers) {
    return http_ask(server->port(), "POST /log?level=debug HTTP/1.1\r\n" + headers + "\r\nX:");
  };
  for (const char* headers : {"Y: z", "Authorization: Bearer 0123456789abcdeX",
                              "Authorization: Basic 0123456789abcdef", "Authorization: Bearer "}) {
    const std::string refused = post(headers);
    EXPECT_THAT(refused,
                AllOf(StartsWith("HTTP/1.1 401 "), HasSubstr("\r\nWWW-Authenticate: Bearer\r\n")));
    EXPECT_EQ(http_body(refused),
              "refused: this needs the token: curl -X POST -H \"Authorization: Bearer TOKEN\", "
              "which is that of admin_token\n");
  }
  EXPECT_THAT(post("authorization: bearer 0123456789abcdef"), StartsWith("HTTP/1.1 200 "));
  for (const char* path : {"/", "/log", "/metrics", "/status/index.html", "/nothing"}) {
    EXPECT_THAT(get(path), StartsWith("HTTP/1.1 401 ")) << path;
  }
  EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(get("/readyz"), StartsWith("HTTP/1.1 503 "));
}

TEST_F(AdminServerTest, AHostThatAPageMayHaveIsRefused) {
  access = AdminAccess::make({}).value();
  start();
  const auto from = [&](const std::string& path, const std::string& host) {
    AdminPeer peer(server->port());
    peer.send("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
    std::string reply;
    peer.read_all(reply);
    return reply;
  };
  EXPECT_THAT(from("/config", "evil.example:9464"), StartsWith("HTTP/1.1 403 "));
  EXPECT_EQ(http_body(from("/metrics", "evil.example:9464")),
            "refused: 'evil.example:9464' is no name of this gateway; an address will do, or add "
            "the name to admin_hosts\n");
  EXPECT_THAT(from("http://evil.example/config", "localhost"), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(from("/config", "zerogate:9464"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(from("/readyz", "health.example"), StartsWith("HTTP/1.1 503 "));  // a probe's
}

TEST_F(AdminServerTest, RequestsInEveryForm) {
  start();
  const auto send = [&](const std::string& bytes) {
    AdminPeer peer(server->port());
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
  EXPECT_THAT(send("rubbish\r\n\r\n"), ::testing::Not(HasSubstr(" 200 ")));
}

TEST_F(AdminServerTest, CompressesForThoseWhoAskForIt) {
  start();
  const std::string plain = get("/metrics");
  const std::string zipped =
      http_ask(server->port(), "GET /metrics HTTP/1.1\r\nAccept-Encoding: gzip\r\nX:");
  EXPECT_THAT(zipped, AllOf(HasSubstr("\r\nContent-Encoding: gzip\r\n"),
                            HasSubstr("\r\nVary: Accept-Encoding\r\n")));
  EXPECT_EQ(gunzip(http_body(zipped)), http_body(plain));
  EXPECT_LT(zipped.size(), plain.size() / 5);
  EXPECT_THAT(plain, ::testing::Not(HasSubstr("Content-Encoding")));
  EXPECT_THAT(http_ask(server->port(), "GET /healthz HTTP/1.1\r\nAccept-Encoding: gzip\r\nX:"),
              EndsWith("\r\n\r\nok\n"));  // one packet anyway
}

TEST_F(AdminServerTest, ListensOnAUnixSocket) {
  const std::string path = ::testing::TempDir() + "zerogate-admin-test.sock";
  start({"", 0, path});
  EXPECT_EQ(server->port(), 0);
  const auto answer = ask_admin({{"", 0, path}}, "GET /healthz", 20'000);
  ASSERT_TRUE(answer.ok()) << answer.error();
  EXPECT_EQ(answer.value().body, "ok\n");
  server.reset();
  EXPECT_NE(access_file(path), 0) << "the file goes with the server";
}

TEST_F(AdminServerTest, WebPagesMayNotReload) {
  start();
  const auto post = [&](const std::string& headers) {
    return http_ask(server->port(), "POST /reload HTTP/1.1\r\n" + headers + "\r\nX:");
  };
  for (const char* headers :
       {"Origin: http://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site",
        // The "same" origin too: DNS rebinding makes any host name one.
        "Origin: http://localhost\r\nSec-Fetch-Site: same-origin", "sec-fetch-site: same-site"}) {
    EXPECT_THAT(post(headers), StartsWith("HTTP/1.1 403 ")) << headers;
  }
  EXPECT_EQ(http_body(post("Origin: http://evil.example")),
            "refused: a web page ('http://evil.example') may not do this; use curl -X POST\n");
  EXPECT_THAT(post("Sec-Fetch-Site: none"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminServerTest, OtherMethodsAre405WithAllow) {
  start();
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"}) {
    for (const char* path : {"/metrics", "/"}) {
      EXPECT_THAT(http_ask(server->port(), std::string(method) + " " + path),
                  AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("\r\nAllow: GET, HEAD\r\n")))
          << method << path;
    }
  }
}

TEST_F(AdminServerTest, AnEndlessHeaderIsCutOff) {
  start();
  AdminPeer peer(server->port());
  peer.send("GET /healthz HTTP/1.1\r\nX: " + std::string(1 << 20, 'a'));
  std::string reply;
  EXPECT_TRUE(peer.read_all(reply));
  EXPECT_THAT(reply, ::testing::Not(StartsWith("HTTP/1.1 200")));
  EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminServerTest, AnAnnouncedBodyIsNotWaitedFor) {
  start();
  EXPECT_THAT(
      http_ask(server->port(), "GET /healthz HTTP/1.1\r\nContent-Length: 1000000000\r\nX: "),
      StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminServerTest, StopsBesidePeersThatHoldConnections) {
  start();
  AdminPeer silent(server->port()), half(server->port()), unread(server->port());
  half.send("GET /");
  unread.send("GET /metrics HTTP/1.1\r\n\r\n");
  const auto begin = std::chrono::steady_clock::now();
  server.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 8s);
}

TEST_F(AdminServerTest, ThePortIsFreeAgainAfterwards) {
  start({"127.0.0.1", testing::own_port(), ""});
  const uint16_t port = server->port();
  server.reset();
  EXPECT_FALSE(AdminPeer(port).connected());
  start({"127.0.0.1", port, ""});
  EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200 "));
}

}  // namespace
}  // namespace zerogate
