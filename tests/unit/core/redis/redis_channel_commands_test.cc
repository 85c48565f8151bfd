// A RedisChannel's commands: their order, their deadlines, and what an idle close does to them.
#include "tests/unit/core/redis/redis_fixture.h"

namespace zerogate::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

using Way = FakeRedisServer::Way;

class RedisCommandsTest : public RedisTest {
 protected:
  RedisCommandsTest() {
    home().answer = [this](const std::string& command) {
      return closing_ && command != "PING" ? "close" : FakeRedisServer::usual(command);
    };
  }
  /// Up, and a command was answered: an idle connection like most.
  void serve_one() {
    serve();
    ASSERT_EQ(call({"ECHO", "first"}).value, "first");
  }

  bool closing_ = false;  ///< each command but PING ends the connection
};

TEST_F(RedisCommandsTest, EachCommandGetsItsOwnReply) {
  serve();
  std::vector<std::pair<RecordedRequest*, std::string>> sent;
  for (int i = 0; i < 300; ++i) {
    const std::string text = std::to_string(i);
    sent.emplace_back(&send({"ECHO", text}), text);
    if (i % 7 == 0) {
      pass_ms(1);
    }
  }
  pass_ms(2);
  for (const auto& [request, text] : sent) {
    EXPECT_EQ(request->value, text);
  }
  EXPECT_EQ(metrics_.ok.value(), 300u);
}

TEST_F(RedisCommandsTest, TheCommandsOfATurnLeaveInOneWrite) {
  serve();
  const int before = home().flushes;
  for (int i = 0; i < 50; ++i) {
    send({"ECHO", "a"});
  }
  EXPECT_EQ(home().flushes, before) << "the turn has not ended";
  pass_ms(2);
  EXPECT_EQ(home().flushes, before + 1);
}

TEST_F(RedisCommandsTest, ALateCommandFailsAloneAndItsReplyIsSkipped) {
  serve();
  home().silent = true;
  RecordedRequest& late = send({"ECHO", "late"});
  pass_ms(500);
  RecordedRequest& young = send({"ECHO", "young"});
  EXPECT_EQ(ms_until([&] { return late.answered(); }), 500u);
  EXPECT_EQ(late.status, ReplyStatus::timeout);
  EXPECT_EQ(late.text, "redis timed out after 1000 ms");
  pass_ms(300);
  EXPECT_FALSE(young.answered()) << "its own time is not over";
  home().silent = false;
  pass_ms(1);
  EXPECT_EQ(young.value, "young") << "not the late one's reply";
  EXPECT_EQ(home().accepted, 1) << "the connection is the same";
  EXPECT_EQ(call({"ECHO", "next"}).value, "next");
  EXPECT_THAT(lines_, IsEmpty());
  EXPECT_EQ(metrics_.timeout.value(), 1u);
  EXPECT_EQ(metrics_.unavailable.value(), 0u);
}

TEST_F(RedisCommandsTest, ARedisThatStandsStillCostsOnlyThoseWhoHaveWaited) {
  serve();
  home().silent = true;
  std::vector<RecordedRequest*> sent;
  for (int i = 0; i < 30; ++i) {
    sent.push_back(&send({"ECHO", "a"}));
    pass_ms(50);  // 1,500 ms in all
  }
  home().silent = false;
  pass_ms(2);
  for (size_t i = 0; i < sent.size(); ++i) {
    const bool had_time = i * 50 + kTimeoutMs > 1'500;
    EXPECT_EQ(sent[i]->status, had_time ? ReplyStatus::ok : ReplyStatus::timeout) << i;
  }
  EXPECT_EQ(home().commands.size(), 1 + sent.size()) << "nothing is sent twice";
}

TEST_F(RedisCommandsTest, DeadlinesHoldUnderASteadyStream) {
  serve();
  struct Sent {
    RecordedRequest* request;
    uint64_t at_ms;
  };
  std::vector<Sent> stream;
  const auto send_for_ms = [&](uint64_t ms) {
    for (uint64_t i = 0; i < ms; i += 10) {
      stream.push_back({&send({"ECHO", "a"}), clock_.now_ms()});
      pass_ms(10);
    }
  };
  send_for_ms(5'000);  // answered: the timer goes on and on
  EXPECT_EQ(metrics_.ok.value(), stream.size());
  stream.clear();
  home().silent = true;
  for (int i = 0; i < 190; ++i) {
    send_for_ms(10);
    for (const Sent& sent : stream) {
      const uint64_t waited = clock_.now_ms() - sent.at_ms;
      ASSERT_EQ(sent.request->answered(), waited >= kTimeoutMs) << waited << " ms";
    }
  }
  home().silent = false;
  pass_ms(1);
  send_for_ms(2'000);
  EXPECT_EQ(home().accepted, 1);
  EXPECT_EQ(stream.back().request->status, ReplyStatus::ok);
}

TEST_F(RedisCommandsTest, TheTextTellsHowLongWasWaited) {
  serve();
  home().silent = true;
  RecordedRequest& late = send({"ECHO", "a"});
  const RecordedRequest& as_late = send({"ECHO", "b"});
  stand_still_ms(1'500);
  EXPECT_FALSE(late.answered()) << "its reply may be in the socket";
  ms_until([&] { return late.answered(); });
  EXPECT_EQ(late.text, "redis timed out after 1600 ms");
  EXPECT_EQ(as_late.text, late.text) << "all that are late, at once";
}

TEST_F(RedisCommandsTest, ALateLoopIsNoTimeout) {
  serve();
  RecordedRequest& request = send({"ECHO", "a"});
  stand_still_ms(10 * kTimeoutMs);
  EXPECT_EQ(request.value, "a") << "the reply was there in time";
  pass_ms(2 * kTimeoutMs);

  home().silent = true;
  RecordedRequest& slow = send({"ECHO", "b"});
  stand_still_ms(10 * kTimeoutMs);
  pass_ms(50);
  home().silent = false;
  pass_ms(1);
  EXPECT_EQ(slow.value, "b") << "and here soon after";
  EXPECT_TRUE(client_->up());
}

TEST_F(RedisCommandsTest, AConnectionThatStaysSilentForTwoTimeoutsIsReplaced) {
  serve();
  home().silent = true;
  send({"ECHO", "a"});
  pass_ms(1'500);
  RecordedRequest& young = send({"ECHO", "b"});
  EXPECT_EQ(ms_until([&] { return !client_->up(); }), 500u);
  EXPECT_EQ(client_->state(), "no reply for 2000 ms (10.0.0.1:6379)");
  pass_ms(1);
  EXPECT_EQ(young.status, ReplyStatus::unavailable);
  home().silent = false;
  ms_until([&] { return client_->up(); });
  EXPECT_EQ(call({"ECHO", "c"}).value, "c");
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("redis down"), HasSubstr("redis up")));
}

TEST_F(RedisCommandsTest, AnIdleConnectionIsNotSilent) {
  serve_one();
  pass_ms(100 * kTimeoutMs);
  EXPECT_EQ(call({"ECHO", "a"}).value, "a");
  EXPECT_EQ(home().accepted, 1);
}

TEST_F(RedisCommandsTest, AReplyThatComesInPiecesIsNotSilence) {
  serve();
  home().silent = true;
  RecordedRequest& large = send({"ECHO", "a"});
  for (int i = 0; i < 50; ++i) {
    pass_ms(kTimeoutMs / 10);
    network_.trickle();
  }
  EXPECT_EQ(large.status, ReplyStatus::timeout) << "its caller does not wait so long";
  EXPECT_TRUE(client_->up());
  home().silent = false;
  EXPECT_EQ(call({"ECHO", "b"}).value, "b");
  EXPECT_EQ(home().accepted, 1);
}

TEST_F(RedisCommandsTest, AnIdleCloseIsInvisible) {
  serve_one();
  for (int round = 2; round < 6; ++round) {
    network_.close_all();
    for (int i = 0; i < 4; ++i) {
      pass_ms(1);
      EXPECT_TRUE(client_->up());
    }
    EXPECT_EQ(home().accepted, round) << "made anew at once, not for the next command";
    EXPECT_EQ(call({"ECHO", "a"}).value, "a");
  }
  EXPECT_EQ(metrics_.up.value(), 1u);
  EXPECT_THAT(lines_, IsEmpty());
}

TEST_F(RedisCommandsTest, CommandsWaitForTheHandshakeAfterAnIdleClose) {
  serve_one();
  network_.close_all();
  network_.step();
  RecordedRequest& one = send({"ECHO", "1"}, false);
  RecordedRequest& two = send({"ECHO", "2"});
  EXPECT_FALSE(one.answered());
  pass_ms(4);
  EXPECT_EQ(one.value, "1") << "it was not sent before: nothing is repeated";
  EXPECT_EQ(two.value, "2");
}

TEST_F(RedisCommandsTest, AllCommandsOfAQuietReturnAreSent) {
  serve_one();
  network_.close_all();
  network_.step();
  const std::string large(10 << 10, 'x');
  for (int i = 0; i < 100; ++i) {  // more, and more bytes, than are kept of a busy connection
    send({"ECHO", large}, false);
  }
  pass_ms(4);
  EXPECT_EQ(metrics_.ok.value(), 101u);
}

TEST_F(RedisCommandsTest, WhatMeetsTheCloseIsSentAgain) {
  serve_one();
  for (const bool by_write : {false, true}) {
    // The client has not seen the close when it writes; by_write: its own write finds it.
    (by_write ? home().resets = true : (network_.close_all(), true));
    RecordedRequest& one = send({"ECHO", "1"});
    RecordedRequest& two = send({"ECHO", "2"});
    pass_ms(5);
    EXPECT_EQ(one.value, "1");
    EXPECT_EQ(two.value, "2");
  }
  EXPECT_THAT(lines_, IsEmpty());
}

TEST_F(RedisCommandsTest, WhatWasGatheredAsTheConnectionClosedIsSentOnce) {
  serve_one();
  home().commands.clear();
  network_.close_all();
  RecordedRequest& gathered = send({"ECHO", "1"});
  network_.step();  // before the turn has ended
  RecordedRequest& later = send({"ECHO", "2"});
  pass_ms(5);
  EXPECT_EQ(gathered.value, "1");
  EXPECT_EQ(later.value, "2");
  EXPECT_EQ(std::ranges::count(home().commands, "ECHO 1"), 1);
  EXPECT_THAT(lines_, IsEmpty());
}

TEST_F(RedisCommandsTest, WhatLeavesInTheMiddleOfATurnIsKeptAsWell) {
  serve_one();
  home().stuck = true;
  RecordedRequest& waiting = send({"ECHO", "1"});
  client_->end_of_turn();
  RecordedRequest& fresh = send({"ECHO", "2"});
  home().stuck = false;
  home().silent = true;
  network_.writable();
  RecordedRequest& later = send({"ECHO", "3"});
  client_->end_of_turn();
  network_.close_all();
  home().silent = false;
  pass_ms(5);
  EXPECT_EQ(waiting.value, "1");
  EXPECT_EQ(fresh.value, "2");
  EXPECT_EQ(later.value, "3");
  EXPECT_EQ(std::ranges::count(home().commands, "ECHO 2"), 2) << "sent again";
  EXPECT_THAT(lines_, IsEmpty());
}

TEST_F(RedisCommandsTest, AReplyThatNobodyHasAskedForEndsTheConnection) {
  serve_one();
  network_.say("+hello");
  pass_ms(1);
  EXPECT_EQ(client_->state(), "redis sent a reply that nobody had asked for (10.0.0.1:6379)");
  ms_until([&] { return client_->up(); });
  network_.say("-ERR max number of clients reached");
  pass_ms(1);
  EXPECT_EQ(client_->state(), "ERR max number of clients reached (10.0.0.1:6379)");
}

TEST_F(RedisCommandsTest, WhatMayDoHarmTwiceIsNotSentAgain) {
  serve_one();
  network_.close_all();
  home().commands.clear();
  RecordedRequest& once = send({"INCR", "n"}, false);
  RecordedRequest& beside = send({"ECHO", "1"});
  pass_ms(5);
  EXPECT_EQ(once.status, ReplyStatus::unavailable);
  EXPECT_EQ(once.text, "redis unavailable: server closed the connection (10.0.0.1:6379)");
  EXPECT_EQ(beside.status, ReplyStatus::unavailable);
  EXPECT_EQ(std::ranges::count(home().commands, "INCR n"), 1);
}

TEST_F(RedisCommandsTest, NothingIsSentAThirdTime) {
  serve_one();
  closing_ = true;
  home().commands.clear();
  RecordedRequest& request = call({"ECHO", "1"});
  EXPECT_EQ(request.status, ReplyStatus::unavailable);
  EXPECT_EQ(std::ranges::count(home().commands, "ECHO 1"), 2);
}

TEST_F(RedisCommandsTest, NothingIsSentAThirdTimeLaterEither) {
  serve_one();
  network_.close_all();
  home().silent = true;
  home().commands.clear();
  RecordedRequest& request = send({"ECHO", "1"});
  pass_ms(2);
  home().silent = false;
  home().answer = [](const std::string& command) { return command == "PING" ? "+PONG" : ""; };
  pass_ms(700);
  network_.close_all();
  pass_ms(2);
  EXPECT_EQ(request.status, ReplyStatus::unavailable);
  EXPECT_EQ(std::ranges::count(home().commands, "ECHO 1"), 2);
}

TEST_F(RedisCommandsTest, AFailureLeavesNothingBehind) {
  serve_one();
  network_.close_all();
  home().answer = [](const std::string& command) { return command == "PING" ? "+PONG" : ""; };
  send({"ECHO", "1"});
  pass_ms(2 * kTimeoutMs + 1'500);  // sent again, not answered, the connection replaced
  ASSERT_TRUE(client_->up());
  home().answer = &FakeRedisServer::usual;
  pass_ms(1'000);
  lines_.clear();
  network_.close_all();
  RecordedRequest& request = send({"ECHO", "2"});
  pass_ms(4);
  EXPECT_EQ(request.value, "2") << "as after any idle close";
  EXPECT_THAT(lines_, IsEmpty());
}

/// The end of a turn is too late for an answer: listeners may have written theirs.
TEST_F(RedisCommandsTest, AFailureAtTheEndOfATurnIsAnsweredInTheNext) {
  serve();
  home().resets = true;
  RecordedRequest& lost = send({"INCR", "n"}, false);
  client_->end_of_turn();
  EXPECT_FALSE(client_->up());
  EXPECT_FALSE(lost.answered());
  pass_ms(1);
  EXPECT_EQ(lost.status, ReplyStatus::unavailable);
}

TEST_F(RedisCommandsTest, ABusyConnectionThatClosesHasFailed) {
  serve_one();
  home().silent = true;
  for (int i = 0; i < 33; ++i) {  // one more than are kept to be sent again
    send({"ECHO", "1"});
  }
  pass_ms(1);
  network_.close_all();
  home().silent = false;
  pass_ms(3);
  EXPECT_EQ(metrics_.unavailable.value(), 33u);
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("redis down")));
}

TEST_F(RedisCommandsTest, OneLargeCommandIsNotKeptToBeSentAgain) {
  serve_one();
  const std::string large(65 << 10, 'x');
  home().silent = true;
  send({"ECHO", large});
  send({"ECHO", "small"});
  pass_ms(1);
  network_.close_all();
  pass_ms(3);
  EXPECT_EQ(metrics_.unavailable.value(), 2u);
}

TEST_F(RedisCommandsTest, AConnectionThatHasAnsweredIsNotMadeAnewQuietly) {
  serve_one();
  bool first = true;
  home().answer = [&](const std::string& command) -> std::string {
    if (!command.starts_with("ECHO")) {
      return FakeRedisServer::usual(command);
    }
    return std::exchange(first, false) ? "$a" : "close";
  };
  RecordedRequest& answered = send({"ECHO", "1"});
  RecordedRequest& lost = send({"ECHO", "2"});
  pass_ms(4);
  EXPECT_EQ(answered.status, ReplyStatus::ok);
  EXPECT_EQ(lost.status, ReplyStatus::unavailable) << "Redis was at work on what was sent";
}

TEST_F(RedisCommandsTest, AServerThatAcceptsAndClosesIsNotConnectedToInATightLoop) {
  serve();
  pass_ms(100);
  network_.close_all();
  pass_ms(1);
  EXPECT_FALSE(client_->up()) << "it was up for too short a time, and has answered nothing";
  ms_until([&] { return client_->up(); });
  EXPECT_EQ(call({"ECHO", "a"}).value, "a");
  network_.close_all();
  pass_ms(3);
  EXPECT_TRUE(client_->up()) << "it had answered";
  network_.close_all();
  pass_ms(1);
  EXPECT_FALSE(client_->up()) << "the next one has not";
  ms_until([&] { return client_->up(); });
  pass_ms(600);
  network_.close_all();
  pass_ms(1);
  EXPECT_TRUE(client_->up()) << "nor this one, but it was up for long enough";
}

TEST_F(RedisCommandsTest, AQuietReturnThatFailsIsAFailure) {
  serve_one();
  home().way = Way::refuses;
  network_.close_all();
  network_.step();
  RecordedRequest& waits = send({"ECHO", "1"});
  EXPECT_TRUE(client_->up());
  pass_ms(3);
  EXPECT_EQ(waits.text, "redis unavailable: connection refused (10.0.0.1:6379)");
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("redis down")));
  EXPECT_EQ(metrics_.up.value(), 0u);
}

TEST_F(RedisCommandsTest, DeadlinesHoldDuringAQuietReturn) {
  serve_one();
  home().silent = true;
  RecordedRequest& request = send({"ECHO", "1"});
  pass_ms(600);
  home().way = Way::swallows;
  network_.close_all();
  EXPECT_EQ(ms_until([&] { return request.answered(); }), 400u);
  EXPECT_EQ(request.text, "redis timed out after 1000 ms");
  EXPECT_TRUE(client_->up()) << "its attempt is not over";
  EXPECT_EQ(ms_until([&] { return !client_->up(); }), 601u);
  EXPECT_THAT(client_->state(), StartsWith("no connection within 1000 ms"));
}

TEST_F(RedisCommandsTest, WhatWasLateWhenTheConnectionClosedIsStillCounted) {
  serve_one();
  home().silent = true;
  RecordedRequest& late = send({"ECHO", "late"});
  pass_ms(900);
  RecordedRequest& young = send({"ECHO", "young"});
  pass_ms(200);
  EXPECT_EQ(late.status, ReplyStatus::timeout);
  home().silent = false;
  network_.close_all();
  pass_ms(4);
  EXPECT_EQ(young.value, "young") << "the late one's reply was skipped again";
}

TEST_F(RedisCommandsTest, AClusterIsSaidToBeUnsupportedOnce) {
  serve();
  std::string answer;
  home().answer = [&](const std::string& command) { return command == "PING" ? "+PONG" : answer; };
  for (const char* const elsewhere : {"-MOVED 3999 10.0.0.7:6381", "-ASK 1 10.0.0.7:6381"}) {
    answer = elsewhere;
    const RecordedRequest& moved = call({"GET", "a"});
    EXPECT_EQ(moved.status, ReplyStatus::error);
    EXPECT_EQ(moved.text, "redis is a cluster, which is not supported") << "no inner addresses";
  }
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("redis is a cluster, which is not supported")));
  EXPECT_TRUE(client_->up()) << "some keys are on this node";
  answer = "-MOVEDALL no";
  EXPECT_EQ(call({"GET", "a"}).text, "MOVEDALL no");
}

TEST_F(RedisCommandsTest, OutcomesAndDurationsAreCounted) {
  serve();
  home().answer = [&](const std::string& command) {
    return command == "GET bad" ? "-WRONGTYPE no" : FakeRedisServer::usual(command);
  };
  home().silent = true;
  send({"GET", "a"});
  send({"GET", "bad"});
  pass_ms(30);
  home().silent = false;
  pass_ms(1);
  EXPECT_EQ(metrics_.ok.value(), 1u);
  EXPECT_EQ(metrics_.error.value(), 1u);
  EXPECT_EQ(metrics_.duration.sum_ns(), 2 * 31'000'000u);
}

}  // namespace
}  // namespace zerogate::testing
