// RedisClient when one command is late, and when an idle connection is closed: nobody else notices.
#include <gmock/gmock.h>

#include "tests/integration/redis_client_fixture.h"

namespace zerogate::testing {
namespace {

using ::testing::StartsWith;

class RedisRecoveryTest : public RedisClientTest {
 protected:
  /// Answers PING, and of other commands the number, when `answering`: in the order of their
  /// arrival, however many came in one read.
  std::string script(std::string_view request) {
    std::string answers;
    bool asked = false;
    for (size_t at = 0; (at = request.find('*', at)) != std::string_view::npos; ++at) {
      if (request.substr(at, 12) == "*1\r\n$4\r\nPING") {
        answers += "+PONG\r\n";
      } else {
        ++commands_;
        asked = true;
        answers += answering_ ? ":" + std::to_string(commands_) + "\r\n" : "";
      }
    }
    return closing_ && asked ? "close" : answers;
  }
  RedisOptions with_timeout(uint32_t timeout_ms) {
    RedisOptions options;
    options.url = fake_.url();
    options.timeout_ms = timeout_ms;
    options.backoff_min_ms = options.backoff_max_ms = 10;
    return options;
  }
  Probe& send(bool may_be_repeated = true) {
    Probe& probe = make_probe();
    probe.may_be_repeated = may_be_repeated;
    client_->command({"GET", "a"}, probe);
    return probe;
  }
  void watch_log() {
    log::configure(log::Level::info, log::Format::logfmt,
                   [this](std::string_view line) { lines_.emplace_back(line); });
  }
  ~RedisRecoveryTest() override { log::configure(log::Level::off, log::Format::logfmt); }

  FakeRedis fake_{loop_.uv(), [this](std::string_view request) { return script(request); }};
  bool answering_ = true;
  bool closing_ = false;
  int commands_ = 0;
  std::vector<std::string> lines_;
};

TEST_F(RedisRecoveryTest, ALateCommandFailsAloneAndItsReplyIsSkipped) {
  connect(with_timeout(1000));
  ASSERT_TRUE(run_until_up());
  answering_ = false;
  Probe& late = send();
  const uint64_t half_time = uv_hrtime() + 500'000'000;
  ASSERT_TRUE(run_until([&] { return uv_hrtime() > half_time; }));
  Probe& young = send();
  ASSERT_TRUE(run_until([&] { return late.count == 1; }));
  EXPECT_EQ(late.status, ReplyStatus::timeout);
  EXPECT_THAT(late.text, ::testing::ContainsRegex("^redis timed out after 1[0-9]+ ms$"));
  EXPECT_EQ(young.count, 0) << "its own time is not over";
  fake_.send(":1\r\n:2\r\n");
  ASSERT_TRUE(run_until([&] { return young.count == 1; }));
  EXPECT_EQ(young.status, ReplyStatus::ok);
  EXPECT_EQ(young.integer, 2) << "not the late one's reply";
  EXPECT_EQ(late.count, 1);
  EXPECT_EQ(fake_.accepted(), 1) << "the connection is the same";
}

TEST_F(RedisRecoveryTest, AConnectionThatStaysSilentIsReplaced) {
  connect(with_timeout(100));
  ASSERT_TRUE(run_until_up());
  answering_ = false;
  send();
  ASSERT_TRUE(run_until_down("no reply for 2"));
  answering_ = true;
  ASSERT_TRUE(run_until_up());
  EXPECT_EQ(call({"GET", "a"}).status, ReplyStatus::ok);
}

TEST_F(RedisRecoveryTest, AnIdleCloseIsInvisible) {
  connect(with_timeout(kDeadlineMs));
  ASSERT_TRUE(run_until_up());
  EXPECT_EQ(call({"GET", "a"}).status, ReplyStatus::ok);
  watch_log();
  for (int round = 2; round < 6; ++round) {
    fake_.close_all();
    bool always_up = true;
    ASSERT_TRUE(run_until([&] {
      always_up = always_up && client_->up();
      return fake_.accepted() == round;
    }));
    EXPECT_TRUE(always_up);
    EXPECT_EQ(call({"GET", "a"}).status, ReplyStatus::ok) << "it waits for the handshake";
  }
  EXPECT_THAT(lines_, ::testing::IsEmpty());
}

TEST_F(RedisRecoveryTest, WhatMeetsTheCloseIsSentAgainOnce) {
  connect(with_timeout(kDeadlineMs));
  ASSERT_TRUE(run_until_up());
  EXPECT_EQ(call({"GET", "a"}).status, ReplyStatus::ok);
  watch_log();
  fake_.close_all();  // the client has not seen it when it writes
  Probe& again = send();
  Probe& too = send();
  ASSERT_TRUE(run_until([&] { return again.count + too.count == 2; }));
  EXPECT_EQ(again.status, ReplyStatus::ok);
  EXPECT_EQ(too.integer, again.integer + 1);
  EXPECT_THAT(lines_, ::testing::IsEmpty());

  fake_.close_all();
  Probe& not_again = send(false);
  ASSERT_TRUE(run_until([&] { return not_again.count == 1; }));
  EXPECT_EQ(not_again.status, ReplyStatus::unavailable) << "twice might do harm";
  ASSERT_TRUE(run_until_up());
}

TEST_F(RedisRecoveryTest, NothingIsSentAThirdTime) {
  connect(with_timeout(kDeadlineMs));
  ASSERT_TRUE(run_until_up());
  EXPECT_EQ(call({"GET", "a"}).status, ReplyStatus::ok);
  closing_ = true;
  commands_ = 0;
  Probe& probe = send();
  ASSERT_TRUE(run_until([&] { return probe.count == 1; }));
  EXPECT_EQ(probe.status, ReplyStatus::unavailable);
  EXPECT_THAT(probe.text, StartsWith("redis unavailable: "));
  EXPECT_EQ(commands_, 2);
}

}  // namespace
}  // namespace zerogate::testing
