// RedisClient when Redis is away, killed, stopped, loading or no Redis at all.
#include <gmock/gmock.h>

#include "tests/integration/own_port.h"
#include "tests/integration/redis_client_fixture.h"

namespace zerogate::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class RedisFailureTest : public RedisClientTest {
 protected:
  RedisOptions impatient(const RedisUrl& url) {
    RedisOptions options;
    options.url = url;
    options.timeout_ms = 200;
    options.backoff_min_ms = 10;
    options.backoff_max_ms = 50;
    return options;
  }
  void expect_each_answered_once(const std::vector<Probe>& probes) {
    for (const Probe& probe : probes) {
      ASSERT_EQ(probe.count, 1);
    }
  }
};

TEST_F(RedisFailureTest, ComesUpWhenRedisStartsLater) {
  RedisUrl url;
  url.port = own_port();
  RedisClient& client = connect(url);
  EXPECT_FALSE(client.settled());
  EXPECT_THAT(client.state(), StartsWith("connecting to 127.0.0.1:"));
  const std::string reason = "connection refused (127.0.0.1:" + std::to_string(url.port) + ")";
  ASSERT_TRUE(run_until_down(reason));
  Probe& probe = make_probe();
  send_command(client, {"GET", "a"}, probe);
  EXPECT_EQ(probe.count, 1) << "refused at once";
  EXPECT_EQ(probe.status, ReplyStatus::unavailable);
  EXPECT_EQ(probe.text, "redis unavailable: " + reason);
  EXPECT_EQ(metrics_.unavailable.value(), 1u);
  EXPECT_EQ(metrics_.up.value(), 0u);
  RedisServer server({.port = url.port});
  ASSERT_TRUE(run_until_up());
  EXPECT_EQ(metrics_.up.value(), 1u);
  EXPECT_EQ(client.state(), "up");
  EXPECT_EQ(call({"PING"}).value, "PONG");
}

TEST_F(RedisFailureTest, KilledUnderAThousandCommands) {
  RedisServer server;
  connect(server.url());
  ASSERT_TRUE(run_until_up());
  server.stop();  // so that none of them is answered before
  std::vector<Probe>& probes = make_probes(1000);
  Probe& late = make_probe();
  for (Probe& probe : probes) {
    send_command(*client_, {"INCR", "n"}, probe);
  }
  probes[500].then = [&] { send_command(*client_, {"GET", "n"}, late); };
  for (int i = 0; i < 5; ++i) {
    uv_run(loop_.uv(), UV_RUN_NOWAIT);
  }
  EXPECT_EQ(counted(), 0u);
  server.kill();
  ASSERT_TRUE(run_until([&] { return counted() == probes.size() + 1; }));
  expect_each_answered_once(probes);
  for (const Probe& probe : probes) {
    ASSERT_EQ(probe.status, ReplyStatus::unavailable);
    ASSERT_THAT(probe.text, StartsWith("redis unavailable: "));
  }
  EXPECT_EQ(late.count, 1) << "a command that is sent from a continuation is refused";
  EXPECT_EQ(observed(), 0u);
  EXPECT_EQ(metrics_.up.value(), 0u);
  server.restart();
  ASSERT_TRUE(run_until_up());
  EXPECT_EQ(call({"INCR", "n"}).integer, 1);
  EXPECT_EQ(counted(), probes.size() + 2);
}

TEST_F(RedisFailureTest, EveryCommandIsAnsweredOnceWhileRedisComesAndGoes) {
  RedisServer server;
  RedisOptions options = impatient(server.url());
  options.connections = 2;
  options.timeout_ms = 2000;
  connect(options);
  ASSERT_TRUE(run_until_up());
  bool stop = false;
  uint64_t sent = 0;
  std::vector<Probe>& probes = make_probes(256);
  const auto send = [&](Probe& probe) {
    ++sent;
    send_command(*client_, {"SET", "key", "value"}, probe);
  };
  // Each sends the next as soon as it was answered, but by the loop and not by itself: a refusal
  // comes from inside command().
  std::vector<Probe*> ready;
  for (Probe& probe : probes) {
    probe.then = [&] { ready.push_back(&probe); };
    ready.push_back(&probe);
  }
  const auto run_for_replies = [&](uint64_t more) {
    const uint64_t goal = metrics_.ok.value() + more;
    return run_until([&] {
      for (Probe* probe : std::exchange(ready, {})) {
        if (!stop) {
          send(*probe);
        }
      }
      return metrics_.ok.value() >= goal;
    });
  };
  for (int round = 0; round < 4; ++round) {
    ASSERT_TRUE(run_for_replies(5000));
    server.kill();
    ASSERT_TRUE(run_until([&] {
      for (Probe* probe : std::exchange(ready, {})) {
        send(*probe);
      }
      return !client_->up();
    }));
    server.restart();
  }
  ASSERT_TRUE(run_for_replies(5000));
  stop = true;
  ASSERT_TRUE(run_until([&] { return counted() == sent; }));
  uint64_t answered = 0;
  for (const Probe& probe : probes) {
    answered += static_cast<uint64_t>(probe.count);
  }
  EXPECT_EQ(answered, sent);
  EXPECT_GT(metrics_.unavailable.value(), 0u);
  EXPECT_EQ(metrics_.timeout.value(), 0u);
}

TEST_F(RedisFailureTest, AStoppedRedisTimesOutAndIsNotUp) {
  RedisServer server;
  RedisClient& client = connect(impatient(server.url()));
  ASSERT_TRUE(run_until_up());
  server.stop();
  std::vector<Probe>& probes = make_probes(10);
  for (Probe& probe : probes) {
    send_command(client, {"INCR", "n"}, probe);
  }
  ASSERT_TRUE(run_until([&] { return counted() == probes.size(); }));
  expect_each_answered_once(probes);
  for (const Probe& probe : probes) {
    EXPECT_EQ(probe.status, ReplyStatus::timeout);
    EXPECT_THAT(probe.text, ::testing::ContainsRegex("redis timed out after [0-9]+ ms"));
    EXPECT_GE(probe.text, "redis timed out after 200 ms");
  }
  EXPECT_EQ(metrics_.timeout.value(), probes.size());
  EXPECT_EQ(observed(), probes.size());
  EXPECT_GE(metrics_.duration.sum_ns(), 10 * 200'000'000u);
  // The kernel goes on accepting for it; the PING of the handshake stays unanswered.
  ASSERT_TRUE(run_until_down("no answer within 200 ms (127.0.0.1:"));
  EXPECT_EQ(metrics_.up.value(), 0u);
  EXPECT_EQ(call({"GET", "n"}).status, ReplyStatus::unavailable);
  server.resume();
  ASSERT_TRUE(run_until_up());
  EXPECT_EQ(call({"PING"}).status, ReplyStatus::ok);
}

TEST_F(RedisFailureTest, DestroyedWithCommandsUnderWay) {
  RedisServer server;
  connect(server.url());
  ASSERT_TRUE(run_until_up());
  server.stop();
  std::vector<Probe>& probes = make_probes(300);
  Probe& late = make_probe();
  for (size_t i = 0; i < probes.size(); ++i) {
    send_command(*client_, {"INCR", "n"}, probes[i]);
    if (i == 200) {
      uv_run(loop_.uv(), UV_RUN_NOWAIT);  // some are sent, some only queued
    }
  }
  RedisClient* client = client_.get();
  probes[10].then = [&] { send_command(*client, {"GET", "n"}, late); };
  client_.reset();
  expect_each_answered_once(probes);
  for (const Probe& probe : probes) {
    EXPECT_EQ(probe.status, ReplyStatus::unavailable);
    EXPECT_EQ(probe.text, "redis unavailable: shutting down");
  }
  EXPECT_EQ(late.count, 1);
  server.resume();
  for (int i = 0; i < 20; ++i) {
    uv_run(loop_.uv(), UV_RUN_NOWAIT);
  }
  expect_each_answered_once(probes);
  EXPECT_EQ(metrics_.up.value(), 0u);
}

TEST_F(RedisFailureTest, SomethingElseListensThere) {
  const char* const kAnswers[] = {"HTTP/1.1 400 Bad Request\r\n\r\n", "\xff\xff\xff\xff", "close"};
  for (const std::string answer : kAnswers) {
    FakeRedis fake(loop_.uv(), [&](std::string_view) { return answer; });
    connect(impatient(fake.url()));
    ASSERT_TRUE(run_until_down("127.0.0.1"));
    ASSERT_TRUE(run_until([&] { return fake.accepted() >= 3; }));
    client_.reset();
  }
}

TEST_F(RedisFailureTest, OnlyItsOwnRightAnswerMakesItUp) {
  std::string answer;
  FakeRedis fake(loop_.uv(), [&](std::string_view request) {
    return answer == "echo" ? std::string(request) : answer;
  });
  for (const std::string wrong : {"+OK\r\n", "$4\r\nPONG\r\n", ":1\r\n", "$-1\r\n", "echo"}) {
    answer = wrong;
    connect(impatient(fake.url()));
    EXPECT_TRUE(run_until_down("something else than PONG")) << wrong;
  }
  answer = "-NOPERM this user has no permissions to run the 'ping' command\r\n";
  connect(impatient(fake.url()));
  EXPECT_TRUE(run_until_up()) << "who knows the user is alive";
  RedisUrl url = fake.url();
  url.password = "secret";
  answer = "+PONG\r\n+PONG\r\n";
  connect(impatient(url));
  EXPECT_TRUE(run_until_down("something else than OK"));
}

TEST_F(RedisFailureTest, UnaskedRepliesEndTheConnectionAndNotTheProcess) {
  FakeRedis fake(loop_.uv(), [](std::string_view request) -> std::string {
    if (request.find("PING") != std::string_view::npos) {
      return "+PONG\r\n";
    }
    return "+OK\r\n+OK\r\n+OK\r\n";
  });
  connect(impatient(fake.url()));
  ASSERT_TRUE(run_until_up());
  const Probe probe = call({"SET", "a", "1"});
  EXPECT_EQ(probe.status, ReplyStatus::ok) << "the reply itself was fine";
  EXPECT_TRUE(run_until_down("nobody had asked for"));
  ASSERT_TRUE(run_until_up());
  fake.send("+hello\r\n");
  EXPECT_TRUE(run_until_down("nobody had asked for"));
  ASSERT_TRUE(run_until_up());
  fake.send("-ERR go away\r\n");
  EXPECT_TRUE(run_until_down("ERR go away"));
  EXPECT_TRUE(run_until_up());
}

/// Answers PING, and any other command with its number, however many came in one read.
class ClosingRedis {
 public:
  explicit ClosingRedis(uv_loop_t* loop)
      : fake(loop, [this](auto request) { return answer(request); }) {}

  FakeRedis fake;

 private:
  std::string answer(std::string_view request) {
    std::string answers;
    for (size_t at = 0; (at = request.find('*', at)) != std::string_view::npos; ++at) {
      const bool ping = request.substr(at, 12) == "*1\r\n$4\r\nPING";
      answers += ping ? "+PONG\r\n" : ":" + std::to_string(++commands_) + "\r\n";
    }
    return answers;
  }
  int commands_ = 0;
};

TEST_F(RedisFailureTest, AClosedIdleConnectionIsSeenAndMadeAnew) {
  ClosingRedis redis(loop_.uv());
  connect(redis.fake.url());
  ASSERT_TRUE(run_until_up());
  EXPECT_EQ(call({"GET", "a"}).status, ReplyStatus::ok);
  for (int round = 2; round < 6; ++round) {
    redis.fake.close_all();
    bool always_up = true;
    ASSERT_TRUE(run_until([&] {
      always_up = always_up && client_->up();
      return redis.fake.accepted() == round;
    }));
    EXPECT_TRUE(always_up);
    EXPECT_EQ(call({"GET", "a"}).status, ReplyStatus::ok) << "it waits for the handshake";
  }
}

TEST_F(RedisFailureTest, WhatIsWrittenIntoAClosedConnectionIsSentAgain) {
  ClosingRedis redis(loop_.uv());
  connect(redis.fake.url());
  ASSERT_TRUE(run_until_up());
  EXPECT_EQ(call({"GET", "a"}).status, ReplyStatus::ok);
  redis.fake.close_all();  // the client has not seen it when it writes
  std::vector<Probe>& probes = make_probes(2);
  for (Probe& probe : probes) {
    probe.may_be_repeated = true;
    send_command(*client_, {"GET", "a"}, probe);
  }
  ASSERT_TRUE(run_until([&] { return probes[0].count + probes[1].count == 2; }));
  EXPECT_EQ(probes[0].status, ReplyStatus::ok);
  EXPECT_EQ(probes[1].integer, probes[0].integer + 1);
}

TEST_F(RedisFailureTest, RepliesInPiecesAreOne) {
  FakeRedis fake(loop_.uv(), [](std::string_view request) -> std::string {
    return request.find("PING") != std::string_view::npos ? "+PONG\r\n" : "$5\r\nhe";
  });
  connect(impatient(fake.url()));
  ASSERT_TRUE(run_until_up());
  Probe& probe = make_probe();
  send_command(*client_, {"GET", "a"}, probe);
  for (int i = 0; i < 5; ++i) {
    uv_run(loop_.uv(), UV_RUN_NOWAIT);
  }
  fake.send("llo\r\n");
  ASSERT_TRUE(run_until([&] { return probe.count == 1; }));
  EXPECT_EQ(probe.value, "hello");
}

}  // namespace
}  // namespace zerogate::testing
