// How a RedisChannel comes up, why it does not, and when it goes to another server.
#include "core/redis/redis_channel.h"

#include <algorithm>

#include "tests/unit/core/redis/redis_fixture.h"

namespace zerogate::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::SizeIs;
using ::testing::StartsWith;

using Way = FakeRedisServer::Way;

class RedisChannelTest : public RedisTest {
 protected:
  /// A server behind `name` at each of these addresses.
  void name_has(std::vector<std::string> addresses) {
    options_.url.host = "redis.test";
    network_.names["redis.test"] = std::move(addresses);
  }
};

TEST_F(RedisChannelTest, IsUpOnceTheHandshakeIsAnswered) {
  options_.url.user = "alice";
  options_.url.password = "wonder land";
  options_.url.database = 3;
  home().silent = true;
  start();
  EXPECT_EQ(client_->state(), "connecting to 10.0.0.1:6379");
  pass_ms(10);
  EXPECT_FALSE(client_->up());
  EXPECT_FALSE(client_->settled());
  EXPECT_THAT(home().commands, ElementsAre("AUTH alice wonder land", "SELECT 3", "PING"));
  EXPECT_EQ(home().flushes, 1);
  home().silent = false;
  pass_ms(1);
  EXPECT_TRUE(client_->up());
  EXPECT_TRUE(client_->settled());
  EXPECT_EQ(client_->state(), "up");
  EXPECT_EQ(metrics_.up.value(), 1u);
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("redis up")));
}

TEST_F(RedisChannelTest, APasswordWithoutUserIsSentAsOldServersKnowIt) {
  options_.url.password = "secret";
  start();
  pass_ms(3);
  EXPECT_THAT(home().commands, ElementsAre("AUTH secret", "PING"));
  EXPECT_TRUE(client_->up());
}

TEST_F(RedisChannelTest, WaitsDoubleUpToTheirBoundAndBeginAnewAfterSuccess) {
  const auto expect_doubling = [&](uint64_t since_ms, size_t first) {
    uint64_t base = options_.backoff_min_ms;
    for (size_t i = first; i < network_.attempts().size(); ++i) {
      const uint64_t wait = network_.attempts()[i].at_ms - since_ms;
      // Two or three turns pass until the attempt has failed and the wait begins.
      EXPECT_THAT(wait, AllOf(Ge(base / 2), Le(base * 3 / 2 + 3))) << i;
      base = std::min<uint64_t>(base * 2, options_.backoff_max_ms);
      since_ms = network_.attempts()[i].at_ms;
    }
  };
  home().way = Way::refuses;
  start();
  ms_until([&] { return network_.attempts().size() == 12; });
  expect_doubling(network_.attempts()[0].at_ms, 1);
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("redis down"))) << "not one for each attempt";
  EXPECT_EQ(client_->state(), "connection refused (10.0.0.1:6379)");

  home().way = Way::accepts;
  ms_until([&] { return client_->up(); });
  home().way = Way::refuses;
  network_.close_all();
  const size_t first = network_.attempts().size();
  const uint64_t closed_ms = clock_.now_ms();
  ms_until([&] { return network_.attempts().size() == first + 6; });
  expect_doubling(closed_ms, first);
}

TEST_F(RedisChannelTest, OnlyTheRightAnswerToPingMakesItUp) {
  const struct {
    std::string answer;
    std::string failure;  // empty: up
  } kCases[] = {
      {"+PONG", ""},
      {"-NOPERM this user has no permissions to run the 'ping' command", ""},
      {"-LOADING Redis is loading the dataset in memory", "LOADING Redis is loading the dataset"},
      {"-MASTERDOWN Link with MASTER is down", "MASTERDOWN Link"},
      {"-NOAUTH Authentication required.", "NOAUTH Authentication required."},
      {"-ERR max number of clients reached", "ERR max number of clients reached"},
      {"-MOVED 1 10.0.0.7:6379", "MOVED 1"},
      {"-NOPERMANENT", "NOPERMANENT"},
      {"+OK", "no Redis: it answered something else than PONG"},
      {"+PONG ", "no Redis: it answered something else than PONG"},
      {"$PONG", "no Redis: it answered something else than PONG"},
      {":1", "no Redis: it answered something else than PONG"},
      {"_", "no Redis: it answered something else than PONG"},
      {"*", "no Redis: it answered something else than PONG"},
      {"close", "server closed the connection"},
  };
  for (const auto& one : kCases) {
    home().answer = [&](const std::string&) { return one.answer; };
    start();
    pass_ms(4);
    EXPECT_TRUE(client_->settled());
    EXPECT_EQ(client_->up(), one.failure.empty()) << one.answer;
    EXPECT_THAT(client_->state(), StartsWith(one.failure.empty() ? "up" : one.failure));
    client_.reset();
  }
}

TEST_F(RedisChannelTest, OnlyOkIsALogin) {
  options_.url.password = "secret";
  options_.url.database = 7;
  std::string refused;
  std::string with;
  home().answer = [&](const std::string& command) {
    return command.starts_with(refused) ? with : FakeRedisServer::usual(command);
  };
  for (const char* const command : {"AUTH", "SELECT"}) {
    for (const char* const answer : {"-ERR no", "-NOPERM no", "+PONG", "_"}) {
      refused = command;
      with = answer;
      start();
      pass_ms(4);
      EXPECT_FALSE(client_->up()) << command << answer;
      EXPECT_THAT(client_->state(), StartsWith(answer[0] == '-' ? answer + 1 : "no Redis: "));
      client_.reset();
    }
  }
}

TEST_F(RedisChannelTest, OneTimeoutCoversTheWholeAttempt) {
  home().way = Way::swallows;
  start();
  EXPECT_EQ(ms_until([&] { return client_->settled(); }), kTimeoutMs);
  EXPECT_EQ(client_->state(), "no connection within 1000 ms (10.0.0.1:6379)");
  EXPECT_EQ(metrics_.up.value(), 0u);

  home().way = Way::accepts;
  home().silent = true;
  ms_until([&] { return client_->state() == "no answer within 1000 ms (10.0.0.1:6379)"; });
  const uint64_t began = network_.attempts().back().at_ms;
  EXPECT_EQ(clock_.now_ms() - began, kTimeoutMs);
}

TEST_F(RedisChannelTest, ASlowResolverIsAskedOnceAndItsAnswerIsUsed) {
  name_has({"10.0.0.1"});
  network_.resolver_silent = true;
  start();
  EXPECT_EQ(ms_until([&] { return client_->settled(); }), kTimeoutMs);
  EXPECT_EQ(client_->state(), "the name was not resolved within 1000 ms (redis.test:6379)");
  pass_ms(10 * kTimeoutMs);
  EXPECT_EQ(network_.lookups, 1);
  network_.resolver_silent = false;
  EXPECT_LE(ms_until([&] { return client_->up(); }), 1'600u) << "the longest wait";
}

TEST_F(RedisChannelTest, AnAnswerOfTheResolverDoesNotEndTheWait) {
  name_has({"10.0.0.1"});
  network_.resolver_silent = true;
  options_.backoff_min_ms = 500;
  start();
  pass_ms(kTimeoutMs + 2);
  network_.resolver_silent = false;
  pass_ms(200);
  EXPECT_THAT(network_.tried(), IsEmpty());
  pass_ms(600);
  EXPECT_TRUE(client_->up());
  EXPECT_EQ(network_.lookups, 1);
}

TEST_F(RedisChannelTest, ANameThatIsUnknownMayBeKnownLater) {
  options_.url.host = "redis.test";
  start();
  pass_ms(5);
  EXPECT_EQ(client_->state(), "unknown node or service (redis.test:6379)");
  name_has({"10.0.0.1"});
  ms_until([&] { return client_->up(); });
}

TEST_F(RedisChannelTest, TheAddressesOfANameAreTriedWithoutAWait) {
  name_has({"10.0.0.1", "10.0.0.2", "10.0.0.3"});
  network_.server("10.0.0.1:6379").way = Way::refuses;
  network_.server("10.0.0.2:6379").way = Way::impossible;
  start();
  EXPECT_LE(ms_until([&] { return client_->up(); }), 5u);
  EXPECT_THAT(network_.tried(), ElementsAre("10.0.0.1:6379", "10.0.0.2:6379", "10.0.0.3:6379"));
  EXPECT_EQ(network_.lookups, 1);
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("redis up")));
}

TEST_F(RedisChannelTest, AnAddressThatDoesNotAnswerCostsOneTimeoutAndTheNextIsTried) {
  name_has({"10.0.0.1", "10.0.0.2"});
  home().silent = true;
  start();
  ms_until([&] { return client_->settled(); });
  EXPECT_EQ(client_->state(), "no answer within 1000 ms (redis.test:6379 at 10.0.0.1)");
  EXPECT_LE(ms_until([&] { return client_->up(); }), 80u);
  EXPECT_THAT(network_.tried(), ElementsAre("10.0.0.1:6379", "10.0.0.2:6379"));
}

TEST_F(RedisChannelTest, ANameIsLookedUpAnewWhenTheConnectionHasBroken) {
  name_has({"10.0.0.1"});
  serve();
  network_.names["redis.test"] = {"10.0.0.2"};
  home().way = Way::refuses;
  home().resets = true;
  RecordedRequest& lost = send({"INCR", "n"}, false);
  ms_until([&] { return client_->up() && lost.answered(); });
  EXPECT_EQ(lost.status, ReplyStatus::unavailable);
  EXPECT_EQ(lost.text, "redis unavailable: connection reset by peer (redis.test:6379 at 10.0.0.1)");
  EXPECT_EQ(network_.tried().back(), "10.0.0.2:6379");
  EXPECT_THAT(network_.tried(), SizeIs(2)) << "the old address is not tried again";
}

/// The name's other addresses were found long ago, and the right one may not be among them.
TEST_F(RedisChannelTest, AddressesThatWereNotNeededAreForgotten) {
  for (const bool quiet : {false, true}) {
    name_has({"10.0.0.1", "10.0.0.2"});
    serve();
    pass_ms(600);
    network_.names["redis.test"] = {"10.0.0.3"};
    if (quiet) {
      network_.close_all();
    } else {
      home().resets = true;
      send({"INCR", "n"}, false);
    }
    pass_ms(100);
    EXPECT_TRUE(client_->up());
    EXPECT_EQ(network_.tried().back(), "10.0.0.3:6379") << quiet;
    EXPECT_EQ(network_.server("10.0.0.2:6379").accepted, 0);
    client_.reset();
  }
}

TEST_F(RedisChannelTest, WhatCannotBeBegunIsTriedAgain) {
  options_.url.host.clear();
  options_.url.path = "/run/redis.sock";
  network_.server("/run/redis.sock").way = Way::impossible;
  start();
  EXPECT_TRUE(client_->settled());
  EXPECT_EQ(client_->state(), "no route to host (/run/redis.sock)");
  network_.server("/run/redis.sock").way = Way::accepts;
  ms_until([&] { return client_->up(); });
}

/// Errors that tell of the server and not of the command.
class RedisRefusalTest : public RedisChannelTest,
                         public ::testing::WithParamInterface<const char*> {};

INSTANTIATE_TEST_SUITE_P(
    Errors, RedisRefusalTest,
    ::testing::Values("READONLY You can't write against a read only replica.",
                      "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is 'no'.",
                      "LOADING Redis is loading the dataset in memory",
                      "NOAUTH Authentication required.", "CLUSTERDOWN The cluster is down"),
    [](const auto& param) {
      return std::string(param.param, std::string_view(param.param).find(' '));
    });

TEST_P(RedisRefusalTest, ReplacesTheConnectionUntilCommandsAreTakenAgain) {
  const std::string refusal = GetParam();
  serve();
  bool refusing = true;
  home().answer = [&](const std::string& command) {
    return refusing && command != "PING" ? "-" + refusal : FakeRedisServer::usual(command);
  };
  RecordedRequest& refused = send({"SET", "a", "1"});
  RecordedRequest& behind = send({"SET", "b", "1"});
  pass_ms(3);
  for (const RecordedRequest* request : {&refused, &behind}) {
    EXPECT_EQ(request->status, ReplyStatus::unavailable);
    EXPECT_EQ(request->text, "redis unavailable: " + refusal + " (10.0.0.1:6379)");
  }
  EXPECT_EQ(metrics_.up.value(), 0u);
  EXPECT_EQ(send({"GET", "a"}).text, refused.text) << "refused at once";
  pass_ms(10'000);
  EXPECT_GE(home().accepted, 8) << "it is tried again and again";
  EXPECT_FALSE(client_->up()) << "although it answers PING";
  EXPECT_THAT(lines_, ElementsAre(AllOf(HasSubstr("redis down"), HasSubstr(refusal.substr(0, 7)))));

  refusing = false;
  ms_until([&] { return client_->up(); });
  EXPECT_THAT(lines_, SizeIs(2));
  EXPECT_EQ(call({"SET", "a", "1"}).status, ReplyStatus::ok);
  EXPECT_EQ(home().commands.back(), "SET a 1");
}

TEST_F(RedisChannelTest, ATestOfWritingChangesNothing) {
  serve();
  home().answer = [](const std::string& command) {
    return command == "SET a 1" ? "-READONLY no" : FakeRedisServer::usual(command);
  };
  call({"SET", "a", "1"});
  home().commands.clear();
  ms_until([&] { return client_->up(); });
  EXPECT_THAT(home().commands, ElementsAre("PING", "SET 00000000-0000-0000-0000-000000000000  XX"));
  network_.close_all();
  home().commands.clear();
  pass_ms(600);
  EXPECT_THAT(home().commands, ElementsAre("PING")) << "only after a refusal";
}

TEST_F(RedisChannelTest, ATestOfWritingThatOnlyAnotherNodeCouldAnswerIsNoRefusal) {
  serve();
  home().answer = [](const std::string& command) {
    if (command == "SET a 1") {
      return std::string("-CLUSTERDOWN The cluster is down");
    }
    return command.ends_with("XX") ? "-MOVED 1 10.0.0.7:6379" : FakeRedisServer::usual(command);
  };
  call({"SET", "a", "1"});
  EXPECT_LE(ms_until([&] { return client_->up(); }), 100u);
}

TEST_F(RedisChannelTest, FailoverMovesToTheAddressThatTheNameHasNow) {
  name_has({"10.0.0.1"});
  serve();
  FakeRedisServer& old_primary = home();
  FakeRedisServer& replica = network_.server("10.0.0.2:6379");
  old_primary.answer = [](const std::string& command) {
    return command.starts_with("SET") ? "-READONLY You can't write against a read only replica."
                                      : FakeRedisServer::usual(command);
  };
  network_.names["redis.test"] = {"10.0.0.2"};
  EXPECT_THAT(call({"SET", "a", "1"}).text, StartsWith("redis unavailable: READONLY"));
  EXPECT_LE(ms_until([&] { return client_->up(); }), 80u) << "one wait";
  EXPECT_EQ(call({"SET", "a", "1"}).status, ReplyStatus::ok);
  EXPECT_EQ(replica.commands.back(), "SET a 1");
  EXPECT_EQ(network_.lookups, 2);
  EXPECT_EQ(old_primary.accepted, 1) << "the old primary is left alone";
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("redis down"), HasSubstr("redis up")));
}

TEST_F(RedisChannelTest, FailoverWaitsForANameThatMovesLate) {
  name_has({"10.0.0.1"});
  serve();
  home().answer = [](const std::string& command) {
    return command.starts_with("SET") ? "-READONLY no" : FakeRedisServer::usual(command);
  };
  call({"SET", "a", "1"});
  pass_ms(5'000);
  EXPECT_FALSE(client_->up());
  EXPECT_GE(network_.lookups, 5) << "looked up for each attempt";
  network_.names["redis.test"] = {"10.0.0.2"};
  EXPECT_LE(ms_until([&] { return client_->up(); }), 1'600u);
  EXPECT_EQ(network_.tried().back(), "10.0.0.2:6379");
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("redis down"), HasSubstr("redis up")));
}

TEST_F(RedisChannelTest, OfTheAddressesOfANameTheOneThatTakesWritesIsFound) {
  name_has({"10.0.0.1", "10.0.0.2"});
  serve();
  home().answer = [](const std::string& command) {
    return command.starts_with("SET") ? "-READONLY no" : FakeRedisServer::usual(command);
  };
  call({"SET", "a", "1"});
  ms_until([&] { return client_->up(); });
  EXPECT_EQ(network_.tried().back(), "10.0.0.2:6379");
}

TEST_F(RedisChannelTest, TheNextDeadlineIsThatOfTheOldestThatIsLeft) {
  serve();
  home().silent = true;
  RecordedRequest& oldest = send({"ECHO", "a"});
  pass_ms(300);
  const uint64_t due_ms = clock_.now_ms() + kTimeoutMs;
  send({"ECHO", "b"});
  pass_ms(kTimeoutMs - 300);
  ASSERT_EQ(oldest.status, ReplyStatus::timeout);
  EXPECT_EQ(timers_.next_ms(), due_ms);
}

TEST_F(RedisChannelTest, WhatWasLateIsNotSentAgainAfterAnOrderlyClose) {
  serve();
  call({"ECHO", "first"});
  home().silent = true;
  RecordedRequest& once = send({"INCR", "n"}, false);
  RecordedRequest& harmless = send({"SET", "a", "old"});
  pass_ms(900);
  RecordedRequest& young = send({"ECHO", "young"});
  pass_ms(200);
  ASSERT_EQ(once.status, ReplyStatus::timeout);
  ASSERT_EQ(harmless.status, ReplyStatus::timeout);
  home().silent = false;
  network_.close_all();
  pass_ms(4);
  EXPECT_EQ(young.value, "young") << "sent again, and its reply is not taken for a late one's";
  EXPECT_EQ(std::ranges::count(home().commands, "INCR n"), 1) << "its caller may try again itself";
  EXPECT_EQ(std::ranges::count(home().commands, "SET a old"), 1) << "there may be a newer one";
}

TEST_F(RedisChannelTest, AReturnWithLateCommandsOnlyIsLikeAnyOther) {
  serve();
  call({"ECHO", "first"});
  home().silent = true;
  send({"INCR", "n"}, false);
  pass_ms(1'100);
  home().silent = false;
  network_.close_all();
  pass_ms(4);
  EXPECT_EQ(std::ranges::count(home().commands, "INCR n"), 1);
  EXPECT_EQ(call({"ECHO", "second"}).value, "second");
  network_.close_all();
  RecordedRequest& met = send({"ECHO", "third"});
  pass_ms(4);
  EXPECT_EQ(met.value, "third") << "nothing is left of the late one";
  EXPECT_EQ(home().accepted, 3);
}

TEST_F(RedisChannelTest, AReplyThatNeverEndsCostsItsConnection) {
  serve();
  home().silent = true;
  RecordedRequest& endless = send({"ECHO", "a"});
  uint64_t passed = 0;
  for (; client_->up() && passed < 20 * kTimeoutMs; passed += 100) {
    pass_ms(100);
    network_.trickle();
  }
  EXPECT_EQ(endless.status, ReplyStatus::timeout);
  EXPECT_EQ(passed, 10 * kTimeoutMs);
  EXPECT_EQ(client_->state(), "no whole reply for 10000 ms (10.0.0.1:6379)");
  home().silent = false;
  ms_until([&] { return client_->up(); });
  EXPECT_EQ(call({"ECHO", "b"}).value, "b");
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("redis down"), HasSubstr("redis up")));
}

TEST_F(RedisChannelTest, AnEndDuringAQuietReturnAnswersWhatComesMeanwhile) {
  serve();
  call({"ECHO", "first"});
  network_.close_all();
  network_.step();
  ASSERT_TRUE(client_->up()) << "a new connection is made";
  RecordedRequest& last = requests_.emplace_back();
  RedisClient* const client = client_.get();
  send({"ECHO", "a"}).then = [&, client] { send_command(*client, {"GET", "n"}, last); };
  client_.reset();
  EXPECT_EQ(last.text, "redis unavailable: shutting down");
}

}  // namespace
}  // namespace zerogate::testing
