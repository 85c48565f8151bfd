#include "core/client/client.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <future>
#include <vector>

#include "core/client/connect.h"
#include "core/client/limits.h"
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

/// A short time-out is meant for the calls: a busy machine may need more to shake hands.
std::unique_ptr<Client> connected(const std::string& url, uint32_t timeout_ms) {
  auto client = Client::connect(url, timeout_ms);
  for (uint32_t spent_ms = timeout_ms; !client.ok() && spent_ms < kPatientMs;
       spent_ms += timeout_ms) {
    client = Client::connect(url, timeout_ms);
  }
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

/// What a call says when the server does this after it has read the request.
std::string error_after(std::function<void(int fd, uint32_t id)> answer) {
  const TcpPeer peer([answer = std::move(answer)](int fd) {
    std::string buffer;
    answer(fd, read_frame(fd, buffer).id);
  });
  const auto client = connected(peer.url(), kPatientMs);
  const auto reply = client->call("f", "\xc0");
  return reply.ok() ? "" : reply.error();
}

TEST(TcpClientTest, SaysWhatIsWrongWithAReply) {
  EXPECT_THAT(error_after([](int fd, uint32_t) { write_all(fd, std::string(9, '\0')); }),
              HasSubstr("sent a malformed reply"));
  EXPECT_THAT(error_after([](int fd, uint32_t) { write_all(fd, "\x7f\xff\xff\xff\0\0\0\1\0"s); }),
              HasSubstr("sent a reply of over"));
}

TEST(TcpClientTest, SaysThatTheServerReset) {
  EXPECT_THAT(error_after([](int fd, uint32_t) {
                const linger at_once{1, 0};
                setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
              }),
              HasSubstr("broke the connection: connection reset by peer"));
}

TEST(TcpClientTest, SaysThatTheServerHadResetBefore) {
  std::unique_ptr<Client> client;
  std::promise<void> is_connected;
  {
    const TcpPeer peer([go = is_connected.get_future().share()](int fd) {
      go.wait();
      const linger at_once{1, 0};
      setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    });
    client = connected(peer.url(), kPatientMs);
    is_connected.set_value();
  }
  const auto reply = client->call("f", "\xc0");
  ASSERT_FALSE(reply.ok());
  EXPECT_THAT(reply.error(), HasSubstr("broke the connection"));
}

/// What a call with an argument of so many bytes says. They are not there: none is looked at.
std::string error_of_long_argument(const std::string& url, size_t bytes) {
  const auto reply = connected(url, kPatientMs)->call("f", ByteView("", bytes));
  return reply.ok() ? "" : reply.error();
}

TEST(ClientTest, ARequestBeyondItsLimitIsNotSent) {
  const TcpPeer tcp([](int fd) {
    std::string buffer;
    read_frame(fd, buffer);
  });
  const ZmqPeer zmq([](const std::string& body) -> ZmqPeer::Replies {
    return {body.substr(0, wire::w5::kIdBytes) +
            "\xa9"
            "connected"};
  });
  const std::string too_long = "the request is longer than 1073741824 bytes";
  EXPECT_EQ(error_of_long_argument(tcp.url(), kMaxRequestBytes), too_long) << "with its name";
  EXPECT_EQ(error_of_long_argument(zmq.url(), kMaxRequestBytes + 1), too_long);
}

TEST(TcpClientTest, IsOutOfStepAfterHalfARequest) {
  std::promise<void> over;
  const TcpPeer peer([end = over.get_future().share()](int) { end.wait(); });  // reads nothing
  const auto client = connected(peer.url(), kShortMs);
  const auto reply = client->call("f", std::string(64 << 20, 'x'));
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error(), "no answer from " + peer.url() +
                               " within 50 ms; is this a port of Zero's TCP protocol?");
  const auto again = client->call("f", "\xc0");
  EXPECT_THAT(again.error(), HasSubstr("no longer connected"));
  over.set_value();
}

TEST(TcpClientTest, GivesAnAddressThatSwallowsPacketsItsTime) {
  const UniqueFd full(socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  bind(full.get(), reinterpret_cast<sockaddr*>(&address), size);
  listen(full.get(), 0);  // one connection waits to be accepted; the next one's SYN is dropped
  getsockname(full.get(), reinterpret_cast<sockaddr*>(&address), &size);
  const std::string url = fmt::format("tcp://127.0.0.1:{}", ntohs(address.sin_port));
  const auto first = connected(url, kPatientMs);
  const auto second = Client::connect(url, kShortMs);
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(second.error(), HasSubstr("no answer within 50 ms; is the gateway running?"));
}

TEST(ErrnoTextTest, OnlyAWordThatIsNoAbbreviationBeginsSmall) {
  EXPECT_EQ(errno_text(ECONNREFUSED), "connection refused");
  EXPECT_EQ(errno_text(EDOTDOT), "RFS specific error");
}

/// Why nothing comes of this URL.
std::string refusal_of(const std::string& url) {
  const auto client = Client::connect(url, kShortMs);
  return client.ok() ? "" : client.error();
}

TEST(ClientTest, SaysThatThereAreNoDescriptorsLeft) {
  const int next = dup(STDIN_FILENO);  // the lowest that is free
  close(next);
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const rlimit none{static_cast<rlim_t>(next), before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &none);
  const std::string tcp = refusal_of("tcp://127.0.0.1:1");
  const std::string zmq = refusal_of("zmq://127.0.0.1:1");
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(tcp,
            "cannot connect to tcp://127.0.0.1:1: too many open files; is the gateway running?");
  EXPECT_EQ(zmq, "cannot connect to zmq://127.0.0.1:1: Too many open files");
}

TEST(ClientTest, SaysWhatIsWrongWithAUrl) {
  EXPECT_NE(refusal_of("ftp://127.0.0.1:1"), "");
  const std::string no_name(64, 'a');  // longer than a label may be: nobody is asked for it
  const std::string no_path = "/" + std::string(200, 'a');
  for (const std::string scheme : {"tcp", "zmq"}) {
    EXPECT_THAT(refusal_of(scheme + "://" + no_name + ":1"),
                HasSubstr("cannot find the host " + no_name))
        << scheme;
  }
  for (const std::string scheme : {"unix:", "ipc:"}) {
    EXPECT_THAT(refusal_of(scheme + no_path), HasSubstr("a socket's path has at most 107"));
  }
}

std::string id_of(const std::string& body) { return body.substr(0, wire::w5::kIdBytes); }
const std::string kConnected =
    "\xa9"
    "connected";

TEST(ZmqClientTest, ShakesHandsAndCalls) {
  std::vector<std::string> bodies;
  {
    const ZmqPeer peer([&bodies](const std::string& body) -> ZmqPeer::Replies {
      bodies.push_back(body);
      if (bodies.size() == 1) {
        return {id_of(body) + kConnected};
      }
      return {std::string(16, '\0'), "short"s, id_of(bodies[0]) + "\x01",  // all to be dropped
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
  const ZmqPeer peer([&error](const std::string& body) -> ZmqPeer::Replies {
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
  const ZmqPeer peer(
      [](const std::string& body) -> ZmqPeer::Replies { return {id_of(body) + kConnected}; });
  const auto client = connected(peer.url(), kPatientMs);
  EXPECT_TRUE(client->call(std::string(80, 'a'), "\xc0").ok());
  const auto reply = client->call(std::string(81, 'a'), "\xc0");
  ASSERT_FALSE(reply.ok());
  EXPECT_THAT(reply.error(), HasSubstr("at most 80 bytes over ZeroMQ, this one has 81"));
}

TEST(ZmqClientTest, SaysThatNobodyAnswers) {
  const ZmqPeer mute([](const std::string&) { return ZmqPeer::Replies{}; });
  const auto client = Client::connect(mute.url(), kShortMs);
  ASSERT_FALSE(client.ok());
  EXPECT_EQ(client.error(), "no answer from " + mute.url() +
                                " within 50 ms; is the gateway running, and is this its ZeroMQ "
                                "port?");
}

TEST(ZmqClientTest, CallsThroughALocalSocket) {
  const std::string path = ::testing::TempDir() + "zerogate-client-test.sock";
  const ZmqPeer peer(
      [](const std::string& body) -> ZmqPeer::Replies { return {id_of(body) + kConnected}; },
      "ipc://" + path);
  EXPECT_TRUE(connected("ipc:" + path, kPatientMs)->call("f", "\xc0").ok());
  unlink(path.c_str());
}

TEST(ZmqClientTest, DropsMessagesOfSeveralFrames) {
  const ZmqPeer peer([](const std::string& body) -> ZmqPeer::Replies {
    if (body.size() < 96) {
      return {id_of(body) + kConnected};
    }
    // One frame of it is empty, and the last one alone would be the answer.
    return {{id_of(body) + "\x01", true}, {"", true}, id_of(body) + "\x03", id_of(body) + "\x04"};
  });
  const auto reply = connected(peer.url(), kPatientMs)->call("f", "\xc0");
  ASSERT_TRUE(reply.ok()) << reply.error();
  EXPECT_EQ(reply.value().body, "\x04");
}

TEST(ZmqClientTest, SaysThatACallWasNotAnswered) {
  const ZmqPeer peer([](const std::string& body) -> ZmqPeer::Replies {
    return body.size() < 96 ? ZmqPeer::Replies{id_of(body) + kConnected} : ZmqPeer::Replies{};
  });
  const auto client = connected(peer.url(), kShortMs * 10);
  const auto reply = client->call("f", "\xc0");
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error(), "no answer from " + peer.url() + " within 500 ms");
}

TEST(ZmqClientTest, FindsThePeerAmongTheAddressesOfAName) {
  // "localhost" is often ::1 first; the peer listens on 127.0.0.1 only.
  const ZmqPeer peer(
      [](const std::string& body) -> ZmqPeer::Replies { return {id_of(body) + kConnected}; });
  const std::string port = peer.url().substr(peer.url().rfind(':'));
  EXPECT_TRUE(connected("zmq://localhost" + port, kPatientMs)->call("f", "\xc0").ok());
}

}  // namespace
}  // namespace zerogate
