#include "core/client/client.h"

#include <gmock/gmock.h>

#include <vector>

#include "core/wire/w5.h"
#include "core/wire/zerror.h"
#include "tests/unit/core/client/test_peer.h"

namespace zerogate {
namespace {

using namespace std::string_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr uint32_t kPatientMs = 20'000;  ///< for what is expected to come
constexpr uint32_t kShortMs = 50;        ///< for what is expected not to come

std::unique_ptr<Client> connected(const std::string& url, uint32_t timeout_ms) {
  auto client = Client::connect(url, timeout_ms);
  EXPECT_TRUE(client.ok()) << client.error();
  return std::move(client).value();
}

std::string frame(uint32_t id, bool error, ByteView payload) {
  std::string out;
  wire::t3::write_frame(out, id, error, payload);
  return out;
}

TEST(TcpClientTest, SendsTheRealClientsBytesAndTakesTheReply) {
  std::string got;
  {
    TcpPeer peer([&got](int fd) {
      const auto request = read_frame(fd, got);
      write_all(fd, frame(request.id, false, "\xabhello world"));
    });
    const auto reply = connected(peer.url(), kPatientMs)->call("hello_world", "\xc0");
    ASSERT_TRUE(reply.ok()) << reply.error();
    EXPECT_FALSE(reply.value().is_error);
    EXPECT_EQ(reply.value().body, "\xabhello world");
  }
  EXPECT_EQ(got,
            "\x00\x00\x00\x1b\x00\x00\x00\x01\x00\x82\xa2"
            "fn\xab"
            "hello_world\xa4"
            "data\xc0"s);
}

TEST(TcpClientTest, DropsLateRepliesAndJoinsPieces) {
  TcpPeer peer([](int fd) {
    std::string buffer;
    const auto request = read_frame(fd, buffer);
    const std::string stream = frame(request.id + 7, false, "\x01") + frame(request.id, true,
                                                                            "\x81\xa3"
                                                                            "abc\x02");
    for (const char byte : stream) {
      write_all(fd, {&byte, 1});
    }
  });
  const auto reply = connected(peer.url(), kPatientMs)->call("f", "\xc0");
  ASSERT_TRUE(reply.ok()) << reply.error();
  EXPECT_TRUE(reply.value().is_error);
  EXPECT_EQ(reply.value().body,
            "\x81\xa3"
            "abc\x02");
}

TEST(TcpClientTest, IsInStepAgainAfterATimeoutInsideAReply) {
  TcpPeer peer([](int fd) {
    std::string buffer;
    const auto first = read_frame(fd, buffer);
    const std::string late = frame(first.id, false, "\xa4late");
    const uint32_t first_id = first.id;
    buffer.erase(0, first.size);
    write_all(fd, late.substr(0, 6));
    read_frame(fd, buffer);  // the next call: the first one has timed out
    write_all(fd, late.substr(6) + frame(first_id + 1, false, "\xa3new"));
  });
  const auto client = connected(peer.url(), kShortMs * 10);
  const auto first = client->call("f", "\xc0");
  ASSERT_FALSE(first.ok());
  EXPECT_EQ(first.error(), "no answer from " + peer.url() + " within 500 ms");
  const auto second = client->call("f", "\xc0");
  ASSERT_TRUE(second.ok()) << second.error();
  EXPECT_EQ(second.value().body, "\xa3new");
}

TEST(TcpClientTest, SaysThatNobodyListens) {
  std::string url;
  {
    url = TcpPeer([](int) {}).url();
  }  // a port that was free a moment ago
  const auto client = Client::connect(url, kPatientMs);
  ASSERT_FALSE(client.ok());
  EXPECT_EQ(client.error(),
            "cannot connect to " + url + ": connection refused; is the gateway running?");
  const auto local = Client::connect("unix:/nonexistent/zerogate.sock", kPatientMs);
  ASSERT_FALSE(local.ok());
  EXPECT_THAT(local.error(), HasSubstr("no such file or directory; is the gateway running?"));
}

TEST(TcpClientTest, SaysThatTheServerClosed) {
  TcpPeer peer([](int fd) {
    std::string buffer;
    read_frame(fd, buffer);
  });
  const auto client = connected(peer.url(), kPatientMs);
  const auto reply = client->call("f", "\xc0");
  ASSERT_FALSE(reply.ok());
  EXPECT_THAT(reply.error(), AllOf(StartsWith(peer.url()), HasSubstr("closed the connection")));
  const auto again = client->call("f", "\xc0");
  ASSERT_FALSE(again.ok());
  EXPECT_THAT(again.error(), HasSubstr("no longer connected"));
}

TEST(TcpClientTest, KnowsAZmqPortWhenItMeetsOne) {
  TcpPeer peer([](int fd) {
    write_all(fd, "\xff\0\0\0\0\0\0\0\x01\x7f"s);  // how libzmq greets at once
    std::string buffer;
    while (read_frame(fd, buffer).size != 0) {
      buffer.clear();  // until the client has gone
    }
  });
  const auto client = connected(peer.url(), kPatientMs);
  const auto reply = client->call("f", "\xc0");
  ASSERT_FALSE(reply.ok());
  EXPECT_THAT(reply.error(), HasSubstr("is it a ZeroMQ port"));
}

std::string id_of(const std::string& body) { return body.substr(0, wire::w5::kIdBytes); }
const std::string kConnected =
    "\xa9"
    "connected";

TEST(ZmqClientTest, ShakesHandsAndCalls) {
  std::vector<std::string> bodies;
  {
    const ZmqPeer peer([&bodies](const std::string& body) -> std::vector<std::string> {
      bodies.push_back(body);
      if (bodies.size() == 1) {
        return {id_of(body) + kConnected};
      }
      return {std::string(16, '\0'), "short", id_of(bodies[0]) + "\x01",  // all to be dropped
              id_of(body) + "\xa2hi"};
    });
    const auto reply = connected(peer.url(), kPatientMs)->call("hello_world", "\xc0");
    ASSERT_TRUE(reply.ok()) << reply.error();
    EXPECT_FALSE(reply.value().is_error);
    EXPECT_EQ(reply.value().body, "\xa2hi");
  }
  ASSERT_EQ(bodies.size(), 2u);
  EXPECT_EQ(bodies[0].substr(16), "connect");
  EXPECT_EQ(bodies[1].size(), 96u) << "None is an empty argument";
  EXPECT_NE(id_of(bodies[0]), id_of(bodies[1]));
}

TEST(ZmqClientTest, TakesErrorsAndNone) {
  std::string error;
  wire::write_error(error, wire::ErrorKey::server_exception, "boom");
  const ZmqPeer peer([&error](const std::string& body) -> std::vector<std::string> {
    if (body.size() < 96) {
      return {id_of(body) + kConnected};
    }
    return {id_of(body) + (body.substr(16, 4) == "none" ? "" : error)};
  });
  const auto client = connected(peer.url(), kPatientMs);
  const auto none = client->call("none", "\x01");
  ASSERT_TRUE(none.ok()) << none.error();
  EXPECT_EQ(none.value().body, "\xc0");
  EXPECT_FALSE(none.value().is_error);
  const auto failed = client->call("fail", "\x01");
  ASSERT_TRUE(failed.ok()) << failed.error();
  EXPECT_EQ(failed.value().body, error);
  EXPECT_TRUE(failed.value().is_error);
}

TEST(ZmqClientTest, RefusesANameThatDoesNotFit) {
  const ZmqPeer peer([](const std::string& body) -> std::vector<std::string> {
    return {id_of(body) + kConnected};
  });
  const auto client = connected(peer.url(), kPatientMs);
  EXPECT_TRUE(client->call(std::string(80, 'a'), "\xc0").ok());
  const auto reply = client->call(std::string(81, 'a'), "\xc0");
  ASSERT_FALSE(reply.ok());
  EXPECT_THAT(reply.error(), HasSubstr("at most 80 bytes over ZeroMQ, this one has 81"));
}

TEST(ZmqClientTest, SaysThatNobodyAnswers) {
  const ZmqPeer mute([](const std::string&) { return std::vector<std::string>{}; });
  const auto client = Client::connect(mute.url(), kShortMs);
  ASSERT_FALSE(client.ok());
  EXPECT_EQ(client.error(), "no answer from " + mute.url() +
                                " within 50 ms; is the gateway running, and is this its ZeroMQ "
                                "port?");
}

TEST(ZmqClientTest, FindsThePeerAmongTheAddressesOfAName) {
  // "localhost" is often ::1 first; the peer listens on 127.0.0.1 only.
  const ZmqPeer peer([](const std::string& body) -> std::vector<std::string> {
    return {id_of(body) + kConnected};
  });
  const std::string port = peer.url().substr(peer.url().rfind(':'));
  EXPECT_TRUE(connected("zmq://localhost" + port, kPatientMs)->call("f", "\xc0").ok());
}

}  // namespace
}  // namespace zerogate
