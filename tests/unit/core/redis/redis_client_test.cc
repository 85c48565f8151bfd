// RedisClient: its connections together, its limits and its end.
#include "core/redis/redis_client.h"

#include "tests/unit/core/redis/redis_fixture.h"

namespace zerogate::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using RedisClientUnitTest = RedisTest;
using Way = FakeRedisServer::Way;

TEST_F(RedisClientUnitTest, RefusesAtOnceWhileItIsDown) {
  home().way = Way::refuses;
  start();
  const RecordedRequest& early = send({"GET", "a"});
  EXPECT_EQ(early.text, "redis unavailable: connecting to 10.0.0.1:6379");
  pass_ms(3);
  const RecordedRequest& refused = send({"GET", "a"});
  EXPECT_EQ(refused.status, ReplyStatus::unavailable);
  EXPECT_EQ(refused.text, "redis unavailable: connection refused (10.0.0.1:6379)");
  EXPECT_EQ(metrics_.unavailable.value(), 2u);
}

TEST_F(RedisClientUnitTest, CommandsUnderWayAreBoundedPerConnection) {
  options_.connections = 3;
  options_.max_pending = 2;
  serve();
  pass_ms(5);
  home().silent = true;
  std::vector<RecordedRequest*> sent;
  for (int i = 0; i < 7; ++i) {
    sent.push_back(&send({"ECHO", "a"}));
  }
  for (int i = 0; i < 6; ++i) {
    EXPECT_FALSE(sent[i]->answered()) << "three times two";
  }
  EXPECT_EQ(sent[6]->status, ReplyStatus::overloaded);
  EXPECT_EQ(sent[6]->text, "redis overloaded: 2 commands are under way");
  EXPECT_EQ(metrics_.overloaded.value(), 1u);
  home().silent = false;
  pass_ms(2);
  EXPECT_EQ(metrics_.ok.value(), 6u);
  EXPECT_EQ(call({"ECHO", "b"}).value, "b") << "there is room again";
}

TEST_F(RedisClientUnitTest, ACommandGoesToTheConnectionWithTheFewestUnderWay) {
  options_.connections = 2;
  options_.max_pending = 2;
  serve();
  pass_ms(5);
  home().answer = [](const std::string& command) {
    return command == "ECHO slow" ? "" : FakeRedisServer::usual(command);
  };
  for (const char* word : {"quick", "slow", "quick", "slow"}) {  // in turn, while they are alike
    send({"ECHO", word});
  }
  pass_ms(2);
  EXPECT_EQ(metrics_.ok.value(), 2u);
  EXPECT_EQ(call({"ECHO", "quick"}).value, "quick") << "the other has all that it may have";
  pass_ms(kTimeoutMs + 2);
}

TEST_F(RedisClientUnitTest, BytesThatWaitForASlowRedisAreBounded) {
  options_.max_unsent_bytes = 10 << 10;
  serve();
  home().stuck = true;
  const std::string value(1'000, 'v');
  int taken = 0;
  while (!send({"SET", "a", value}).answered()) {
    ++taken;
    pass_ms(1);
  }
  EXPECT_EQ(taken, 9) << "of 1,029 bytes each";
  EXPECT_EQ(requests_.back().text, "redis overloaded: 10 KiB wait to be sent");
  EXPECT_EQ(send({"GET", "a"}).answers, 0) << "a small one has room";
  home().stuck = false;
  pass_ms(3);
  EXPECT_EQ(metrics_.ok.value(), 10u);
}

TEST_F(RedisClientUnitTest, AsManyBytesMayWaitAsTheLimitSays) {
  options_.max_unsent_bytes = 9 * 1'029;
  serve();
  home().stuck = true;
  const std::string value(1'000, 'v');
  for (int i = 0; i < 9; ++i) {
    EXPECT_FALSE(send({"SET", "a", value}).answered()) << i;
  }
  EXPECT_EQ(send({"GET", "a"}).text, "redis overloaded: 9 KiB wait to be sent");
  home().stuck = false;
  pass_ms(3);
  EXPECT_EQ(metrics_.ok.value(), 9u);
}

TEST_F(RedisClientUnitTest, BytesThatWaitForAQuietReturnAreBounded) {
  options_.max_unsent_bytes = 10 << 10;
  serve();
  call({"ECHO", "a"});
  home().way = Way::swallows;
  network_.close_all();
  network_.step();
  const std::string value(1'000, 'v');
  int taken = 0;
  while (!send({"SET", "a", value}).answered()) {
    ++taken;
  }
  EXPECT_EQ(taken, 9);
  EXPECT_EQ(requests_.back().status, ReplyStatus::overloaded);
  pass_ms(kTimeoutMs + 2);
}

TEST_F(RedisClientUnitTest, OneBrokenConnectionOfSeveralIsNoOutage) {
  options_.connections = 2;
  serve();
  pass_ms(5);
  home().silent = true;
  RecordedRequest& first = send({"INCR", "n"}, false);
  RecordedRequest& second = send({"INCR", "n"}, false);
  home().resets = true;  // the first connection that writes
  pass_ms(2);
  EXPECT_EQ(first.status, ReplyStatus::unavailable);
  EXPECT_FALSE(second.answered());
  EXPECT_TRUE(client_->up());
  home().silent = false;
  EXPECT_EQ(call({"ECHO", "a"}).value, "a");
  EXPECT_THAT(lines_, IsEmpty());
  ms_until([&] { return home().accepted == 3; });
}

TEST_F(RedisClientUnitTest, IsSettledWhenEachConnectionHasBeenTried) {
  options_.connections = 3;
  home().way = Way::swallows;
  start();
  EXPECT_EQ(ms_until([&] { return client_->settled(); }), kTimeoutMs);
  EXPECT_FALSE(client_->up());
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("redis down")));
}

TEST_F(RedisClientUnitTest, OneConnectionThatFailsDecidesNothing) {
  options_.connections = 2;
  int pings = 0;
  bool answering = false;
  home().answer = [&](const std::string&) -> std::string {
    return ++pings == 1 ? "-ERR max number of clients reached" : answering ? "+PONG" : "";
  };
  start();
  pass_ms(20);
  EXPECT_FALSE(client_->settled()) << "the other one is not tried yet";
  EXPECT_THAT(lines_, IsEmpty());
  answering = true;
  pass_ms(1);
  EXPECT_TRUE(client_->up());
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("redis up")));
}

TEST_F(RedisClientUnitTest, ItsEndAnswersEveryCommandOnce) {
  options_.connections = 2;
  serve();
  pass_ms(5);
  home().silent = true;
  std::vector<RecordedRequest*> sent;
  for (int i = 0; i < 40; ++i) {
    sent.push_back(&send({"ECHO", "a"}));
    if (i == 20) {
      pass_ms(1);  // some are sent, some only gathered
    }
  }
  RecordedRequest& late = requests_.emplace_back();
  RedisClient* const client = client_.get();
  sent[10]->then = [&, client] { send_command(*client, {"GET", "n"}, late); };
  client_.reset();
  for (const RecordedRequest* request : sent) {
    EXPECT_EQ(request->status, ReplyStatus::unavailable);
    EXPECT_EQ(request->text, "redis unavailable: shutting down");
  }
  EXPECT_EQ(late.text, "redis unavailable: shutting down");
  EXPECT_EQ(metrics_.up.value(), 0u);
}

TEST_F(RedisClientUnitTest, MayEndInEveryState) {
  options_.url.host = "redis.test";
  network_.names["redis.test"] = {"10.0.0.1"};
  for (int turns = 0; turns < 8; ++turns) {
    start();
    pass_ms(turns);
    client_.reset();
  }
  network_.resolver_silent = true;
  start();
  client_.reset();  // while its name is looked up
  network_.resolver_silent = false;
  home().way = Way::refuses;
  start();
  pass_ms(20);
  client_.reset();  // while it waits
}

TEST_F(RedisClientUnitTest, AContinuationMaySendTheNext) {
  serve();
  RecordedRequest& request = send({"ECHO", "a"});
  request.then = [&] {
    if (request.answers < 100) {
      send_command(*client_, {"ECHO", "a"}, request);
    }
  };
  ms_until([&] { return request.answers == 100; }, 300);
  request.answers = 1;
}

TEST_F(RedisClientUnitTest, ACommandFromTheAnswerToABrokenConnectionIsRefused) {
  serve();
  RecordedRequest& late = requests_.emplace_back();
  send({"INCR", "n"}, false).then = [&] { send_command(*client_, {"GET", "n"}, late); };
  home().answer = [](const std::string&) { return "close"; };
  pass_ms(3);
  EXPECT_EQ(late.status, ReplyStatus::unavailable);
}

TEST(RedisOutcomeTest, ACallEndsAsItsCommandHas) {
  EXPECT_EQ(outcome_of(ReplyStatus::timeout), Outcome::timeout);
  EXPECT_EQ(outcome_of(ReplyStatus::unavailable), Outcome::unavailable);
  EXPECT_EQ(outcome_of(ReplyStatus::overloaded), Outcome::overloaded);
  EXPECT_EQ(outcome_of(ReplyStatus::error), Outcome::error);
}

}  // namespace
}  // namespace zerogate::testing
