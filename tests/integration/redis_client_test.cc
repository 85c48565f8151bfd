// RedisClient against a real redis-server: commands, logging in, batching, limits.
#include "core/redis/redis_client.h"

#include <gmock/gmock.h>

#include <optional>
#include <stdexcept>

#include "core/io/dns_lookup.h"
#include "core/redis/redis_channel.h"
#include "tests/integration/redis_client_fixture.h"

namespace zerogate::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST_F(RedisClientTest, ValuesComeBackByteForByte) {
  RedisServer server;
  connect(server.url());
  ASSERT_TRUE(run_until_up());
  std::string every_byte;
  for (int i = 0; i < 256; ++i) {
    every_byte += static_cast<char>(i);
  }
  const std::string big(3 << 20, '\r');
  for (const std::string& value : {std::string(), every_byte, "\r\n$3\r\n" + every_byte, big}) {
    const Probe set = call({"SET", every_byte, value});
    EXPECT_EQ(set.status, ReplyStatus::ok);
    EXPECT_EQ(set.value, "OK");
    const Probe get = call({"GET", every_byte});
    EXPECT_EQ(get.status, ReplyStatus::ok);
    EXPECT_TRUE(get.has_value);
    EXPECT_TRUE(get.value == value);
  }
}

TEST_F(RedisClientTest, NilIntegerArrayAndErrorAreToldApart) {
  RedisServer server;
  connect(server.url());
  ASSERT_TRUE(run_until_up());
  const Probe nil = call({"GET", "absent"});
  EXPECT_EQ(nil.status, ReplyStatus::ok);
  EXPECT_FALSE(nil.has_value);
  const Probe integer = call({"RPUSH", "list", "a", "b"});
  EXPECT_TRUE(integer.has_value);
  EXPECT_EQ(integer.integer, 2);
  const Probe array = call({"LRANGE", "list", "0", "-1"});
  EXPECT_EQ(array.status, ReplyStatus::ok);
  EXPECT_TRUE(array.has_value);
  const Probe error = call({"GET", "list"});
  EXPECT_EQ(error.status, ReplyStatus::error);
  EXPECT_THAT(error.text, StartsWith("WRONGTYPE"));
  EXPECT_EQ(metrics_.ok.value(), 3u);
  EXPECT_EQ(metrics_.error.value(), 1u);
  EXPECT_EQ(observed(), 4u) << "the handshake is not counted";
}

TEST_F(RedisClientTest, LogsInWithThePassword) {
  RedisServer server({.password = "s3cret with space"});
  connect(server.url());
  ASSERT_TRUE(run_until_up());
  EXPECT_EQ(call({"SET", "a", "1"}).status, ReplyStatus::ok);
}

TEST_F(RedisClientTest, TriesAWrongPasswordAgainUntilItIsRight) {
  RedisServer server({.password = "right"});
  RedisUrl url = server.url();
  url.password = "wrong";
  connect(url);
  ASSERT_TRUE(run_until_down("WRONGPASS"));
  const Probe refused = call({"GET", "a"});
  EXPECT_EQ(refused.status, ReplyStatus::unavailable);
  EXPECT_THAT(refused.text, StartsWith("redis unavailable: WRONGPASS"));
  EXPECT_THAT(refused.text, ::testing::Not(HasSubstr("wrong\"")));
  server.run({"CONFIG", "SET", "requirepass", "wrong"});
  EXPECT_TRUE(run_until_up());
}

TEST_F(RedisClientTest, SaysThatAPasswordIsNeeded) {
  RedisServer server({.password = "right"});
  RedisUrl url = server.url();
  url.password.clear();
  connect(url);
  EXPECT_TRUE(run_until_down("NOAUTH"));
}

TEST_F(RedisClientTest, LogsInAsAUser) {
  RedisServer server;
  server.run({"ACL", "SETUSER", "alice", "on", ">wonder", "~*", "+@all"});
  RedisUrl url = server.url();
  url.user = "alice";
  url.password = "wonder";
  connect(url);
  ASSERT_TRUE(run_until_up());
  EXPECT_EQ(call({"ACL", "WHOAMI"}).value, "alice");
}

TEST_F(RedisClientTest, SelectsTheDatabase) {
  RedisServer server;
  RedisUrl url = server.url();
  url.database = 3;
  connect(url);
  ASSERT_TRUE(run_until_up());
  call({"SET", "where", "three"});
  EXPECT_EQ(server.run({"GET", "where"}, 3), "three");
  EXPECT_EQ(server.run({"EXISTS", "where"}, 0), "0");
  url.database = 99;
  connect(url);
  EXPECT_TRUE(run_until_down("DB index is out of range"));
}

TEST_F(RedisClientTest, SpeaksOverAUnixSocket) {
  RedisServer server({.unix_socket = true, .password = "pw"});
  RedisUrl url = server.url();
  url.database = 2;
  connect(url);
  ASSERT_TRUE(run_until_up());
  EXPECT_EQ(call({"SET", "a", "1"}).status, ReplyStatus::ok);
  server.kill();
  ASSERT_TRUE(run_until_down(url.path));
  server.restart();
  ASSERT_TRUE(run_until_up());
  EXPECT_FALSE(call({"GET", "a"}).has_value);
}

TEST_F(RedisClientTest, RefusesAUnixPathThatWouldBeCutOff) {
  RedisUrl url;
  url.host.clear();
  url.path = "/tmp/" + std::string(108, 'x');
  connect(url);
  EXPECT_TRUE(run_until_down("107 bytes"));
  url.path = "/tmp/zerogate-no-such-directory/redis.sock";
  connect(url);
  EXPECT_TRUE(run_until_down("no such file or directory"));
}

TEST_F(RedisClientTest, TriesEachAddressOfANameInTheFirstAttempt) {
  std::vector<std::string> addresses;
  DnsLookup lookup(loop_.uv(), std::make_shared<NameService>(),
                   [&](const NameAnswer& answer) { addresses = answer.addresses; });
  lookup.start("localhost", 0);
  ASSERT_TRUE(run_until([&] { return !lookup.running(); }));
  ASSERT_FALSE(addresses.empty());
  for (const std::string& address : addresses) {
    RedisServer server({.bind = address});
    RedisUrl url = server.url();
    url.host = "localhost";
    RedisClient& client = connect(url);
    EXPECT_FALSE(client.settled());
    ASSERT_TRUE(run_until([&] { return client.settled(); }));
    EXPECT_TRUE(client.up()) << address << " of " << addresses.size() << ": " << client.state();
  }
}

TEST_F(RedisClientTest, ConnectsToAnIpv6Address) {
  std::optional<RedisServer> server;
  try {
    server.emplace(RedisServer::Options{.bind = "::1"});
  } catch (const std::runtime_error&) {
    GTEST_SKIP() << "this machine has no ::1";
  }
  connect(server->url());
  ASSERT_TRUE(run_until_up());
  server->kill();
  EXPECT_TRUE(run_until_down("connection refused ([::1]:"));
}

TEST_F(RedisClientTest, ReconnectsToAName) {
  RedisServer server;
  RedisUrl url = server.url();
  url.host = "localhost";
  RedisClient& client = connect(url);
  ASSERT_TRUE(run_until_up());
  server.kill();
  ASSERT_TRUE(run_until_down("connection refused (localhost:"));
  EXPECT_THAT(client.state(), HasSubstr(" at "));
  server.restart();
  EXPECT_TRUE(run_until_up());
}

TEST_F(RedisClientTest, SaysThatANameCannotBeResolved) {
  RedisUrl url;
  url.host = "\xff";  // no name server is asked for what is no name
  connect(url);
  EXPECT_TRUE(run_until_down(":6379)"));
}

TEST_F(RedisClientTest, MayBeDestroyedWhileItConnects) {
  RedisServer server;
  for (const char* host : {"127.0.0.1", "localhost"}) {
    RedisUrl url = server.url();
    url.host = host;
    for (int turns = 0; turns < 8; ++turns) {
      connect(url);
      for (int i = 0; i < turns; ++i) {
        uv_run(loop_.uv(), UV_RUN_ONCE);
      }
      client_.reset();
    }
  }
}

TEST_F(RedisClientTest, AReplyOverTheLimitEndsItsConnectionAndIsCounted) {
  RedisServer server;
  network_.set_max_message(256 << 10);  // four times that
  connect(server.url());
  ASSERT_TRUE(run_until_up());
  EXPECT_EQ(call({"SETRANGE", "fits", "999999", "x"}).integer, 1'000'000);
  EXPECT_EQ(call({"SETRANGE", "large", "1999999", "x"}).integer, 2'000'000);
  EXPECT_EQ(call({"GET", "fits"}).value.size(), 1'000'000u);
  EXPECT_EQ(metrics_.reply_too_large.value(), 0u);
  const Probe large = call({"GET", "large"});
  EXPECT_EQ(large.status, ReplyStatus::unavailable);
  EXPECT_THAT(large.text, HasSubstr("a reply of more than 1048576 bytes"));
  EXPECT_EQ(metrics_.reply_too_large.value(), 1u);
  ASSERT_TRUE(run_until_up());
  EXPECT_EQ(call({"GET", "fits"}).value.size(), 1'000'000u);
  EXPECT_EQ(metrics_.no_memory_for_reply.value(), 0u);
}

class RedisMemoryTest : public RedisClientTest {
 protected:
  ~RedisMemoryTest() override { client_.reset(); }

  MemoryAccount memory_{size_t{8} << 20};
};

TEST_F(RedisMemoryTest, WhatItsReplyHoldsIsChargedAndBounded) {
  RedisServer server;
  network_.charge(memory_);
  connect(server.url());
  ASSERT_TRUE(run_until_up());
  EXPECT_EQ(call({"SETRANGE", "fits", "1999999", "x"}).integer, 2'000'000);
  EXPECT_EQ(call({"SETRANGE", "large", "9999999", "x"}).integer, 10'000'000);
  EXPECT_EQ(call({"GET", "fits"}).value.size(), 2'000'000u);
  EXPECT_LE(memory_.held(MemoryUse::redis_replies), size_t{128} << 10);
  const Probe large = call({"GET", "large"});
  EXPECT_EQ(large.status, ReplyStatus::unavailable);
  EXPECT_THAT(large.text, HasSubstr("hold more than 4194304 bytes"));
  EXPECT_EQ(metrics_.no_memory_for_reply.value(), 1u);
  EXPECT_EQ(metrics_.reply_too_large.value(), 0u);
  ASSERT_TRUE(run_until_up());
  EXPECT_EQ(call({"GET", "fits"}).value.size(), 2'000'000u);
  client_.reset();
  EXPECT_EQ(memory_.total(), 0u);
}

TEST_F(RedisClientTest, BoundsTheBytesThatWaitForASlowRedis) {
  RedisServer server;
  connect(server.url());
  ASSERT_TRUE(run_until_up());
  server.stop();
  const std::string value(4 << 20, 'v');
  size_t sent = 0;
  Probe* last = nullptr;
  while (metrics_.overloaded.value() == 0) {
    ASSERT_LE(sent++ * value.size(), 2 * RedisOptions{}.max_unsent_bytes);
    last = &make_probe();
    send_command(*client_, {"SET", "key", value}, *last);
    uv_run(loop_.uv(), UV_RUN_NOWAIT);
  }
  EXPECT_EQ(last->text, "redis overloaded: 65536 KiB wait to be sent");
  EXPECT_GE((sent + 1) * value.size(), RedisOptions{}.max_unsent_bytes);
  server.resume();
  ASSERT_TRUE(run_until([&] { return counted() == sent; }));
  EXPECT_EQ(metrics_.ok.value(), sent - 1);
  EXPECT_EQ(server.run({"STRLEN", "key"}), std::to_string(value.size()));
}

}  // namespace
}  // namespace zerogate::testing
