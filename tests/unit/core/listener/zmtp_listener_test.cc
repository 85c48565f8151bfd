// ZMTP in, answers out: handshakes, messages and identities. What limits a peer is in
// zmtp_listener_limits_test.cc.
#include "core/listener/zmtp_listener.h"

#include "core/wire/hops.h"
#include "tests/unit/core/listener/zmtp_fixture.h"

namespace zerogate::testing {
namespace {

using wire::ErrorKey;
using ZmtpListenerTest = ZmtpTest;

// Handshakes.

TEST_F(ZmtpListenerTest, GreetsAtOnceAndSaysWhatItIsAfterThePeersGreeting) {
  const auto peer = connect();
  EXPECT_EQ(peer->receive(), welcome().substr(0, wire::zmtp::kGreetingBytes));
  peer->send(greeting().substr(0, 63));
  EXPECT_EQ(after_turn(*peer), "");
  peer->send(greeting().substr(63));
  EXPECT_EQ(after_turn(*peer), welcome().substr(wire::zmtp::kGreetingBytes));
  peer->send(ready("DEALER") + w5('a', "echo", text("hello")));
  EXPECT_EQ(after_turn(*peer), w5_reply('a', text("hello")));
}

TEST_F(ZmtpListenerTest, AnswersTheSameWhateverComesAtATime) {
  const std::string session = greeting() + ready("REQ", "peer1") + w5('a', "echo", text("one")) +
                              more("echo") + frame(text("two")) + ping("ctx") +
                              w5('b', "echo", text(std::string(300, 'x')));
  const std::string answers = welcome() + w5_reply('a', text("one")) + frame(text("two")) +
                              pong("ctx") + w5_reply('b', text(std::string(300, 'x')));
  for (size_t split = 1; split <= session.size(); ++split) {
    const auto peer = connect();
    peer->send(session.substr(0, split));
    std::string got = after_turn(*peer);
    peer->send(session.substr(split));
    got += after_turn(*peer);
    ASSERT_EQ(got, answers) << "split at " << split;
  }
  const auto slow = connect();
  std::string got;
  for (const char byte : session) {
    slow->send({&byte, 1});
    got += after_turn(*slow);
  }
  EXPECT_EQ(got, answers);
  EXPECT_EQ(all_malformed(), 0u);
}

TEST_F(ZmtpListenerTest, APeerThatDoesNotFinishTheHandshakeInTimeIsEndedAndCounted) {
  const auto silent = connect();
  const auto begun = connect();
  begun->send(greeting().substr(0, 11));
  const auto greeted = connect();
  greeted->send(greeting());
  const auto good = connect_dealer();
  wait_ms(ZmtpListener::kHandshakeTimeoutMs - 1'000);
  greeted->send(ready("DEALER").substr(0, 5));
  for (Peer* peer : {silent.get(), begun.get(), greeted.get()}) {
    EXPECT_TRUE(open(*peer));
  }
  wait_ms(1'000 + StreamListener::kStallCheckMs);
  for (Peer* peer : {silent.get(), begun.get(), greeted.get()}) {
    EXPECT_FALSE(open(*peer));
  }
  EXPECT_EQ(malformed(Malformed::bad_handshake), 3u);
  wait_ms(600'000);
  EXPECT_TRUE(open(*good));
  EXPECT_EQ(all_malformed(), 3u);
}

TEST_F(ZmtpListenerTest, APeerThatLeavesBeforeItHasSaidAnythingIsNotIll) {
  connect()->leave();
  const auto polite = connect();
  polite->finish_sending();
  EXPECT_FALSE(open(*polite));
  const auto greeted = connect();
  greeted->send(greeting());
  greeted->finish_sending();
  turn();
  EXPECT_FALSE(open(*greeted));
  wait_ms(2 * ZmtpListener::kHandshakeTimeoutMs);
  EXPECT_EQ(all_malformed(), 0u);
  EXPECT_EQ(metrics_.connections.value(), 0u);
}

TEST_F(ZmtpListenerTest, WhatBreaksOffIsNoHandshakeOrNoWholeMessage) {
  for (const std::string& begun : {greeting().substr(0, 20), greeting() + "\x04"}) {
    const uint64_t before = malformed(Malformed::bad_handshake);
    const auto peer = connect();
    peer->send(begun);
    peer->finish_sending();
    turn();
    EXPECT_FALSE(open(*peer));
    EXPECT_EQ(malformed(Malformed::bad_handshake), before + 1);
    EXPECT_EQ(malformed(Malformed::truncated), 0u);
  }
  const auto peer = connect_dealer();
  peer->send(w5('a', "echo", text("x")).substr(0, 20));
  peer->finish_sending();
  turn();
  EXPECT_FALSE(open(*peer));
  EXPECT_EQ(malformed(Malformed::truncated), 1u);
  EXPECT_EQ(all_malformed(), 3u);
}

TEST_F(ZmtpListenerTest, WhatIsNoHandshakeEndsTheConnectionWithoutAWord) {
  const std::string bad[] = {
      "GET / HTTP/1.1\r\n\r\n",
      "\x16\x03\x01\x02",
      std::string("\0\0\0\x2a\0\0\0\x01\0", 9),
      greeting().substr(0, 10) + "\x01",  // ZMTP 2
      greeting("PLAIN"),
      greeting("CURVE"),
      greeting() + ready("SUB"),
      greeting() + ready("PUSH"),
      greeting() + command("READY", ""),
      greeting() + command("ERROR", "\x02no"),
      greeting() + command("HELLO", ""),
      greeting() + frame("", 4),
      greeting() + ping(),
      greeting() + w5('a', "echo", text("too early")),
      greeting() + "\x08",
      greeting() + "\x05",
      greeting() + head(wire::zmtp::kMaxCommandBytes + 1, 4),
  };
  uint64_t counted = 0;
  for (const std::string& bytes : bad) {
    const auto peer = connect();
    peer->send(bytes);
    const std::string got = after_turn(*peer);
    EXPECT_TRUE(welcome().starts_with(got)) << bytes;
    EXPECT_FALSE(open(*peer)) << bytes;
    EXPECT_EQ(malformed(Malformed::bad_handshake), ++counted) << bytes;
  }
  EXPECT_EQ(all_malformed(), counted);
}

// A message is no part of a handshake, so its length is of no interest.
TEST_F(ZmtpListenerTest, AMessageBeforeReadyIsRefusedByItsHead) {
  const auto peer = connect();
  peer->send(greeting() + head(options_.max_message));
  EXPECT_FALSE(open(*peer));
  EXPECT_EQ(malformed(Malformed::bad_handshake), 1u);
}

// Identities.

TEST_F(ZmtpListenerTest, PeersThatClaimOneIdentityGetTheirOwnAnswers) {
  const auto first = connect_dealer("same");
  const auto second = connect_dealer("same");
  first->send(w5('a', "keep", text("first")));
  turn();
  second->send(w5('a', "keep", text("second")));
  turn();
  ASSERT_EQ(services_.keep.calls.size(), 2u);
  answer_next(text("to the first"));
  answer_next(text("to the second"));
  turn();
  EXPECT_EQ(first->receive(), w5_reply('a', text("to the first")));
  EXPECT_EQ(second->receive(), w5_reply('a', text("to the second")));
}

// A ROUTER of libzmq 4.3.4 numbers its peers so, and ends the process when one claims a number.
TEST_F(ZmtpListenerTest, AClaimedNumberOfARouterHarmsNobody) {
  const auto honest = connect_dealer();
  std::vector<std::unique_ptr<Peer>> claimants;
  for (const char number : {'\0', '\1', '\2', '\3'}) {
    claimants.push_back(connect_dealer(std::string(4, '\0') + number));
  }
  claimants.push_back(connect_dealer(std::string(255, '\0')));
  honest->send(w5('h', "echo", text("mine")));
  EXPECT_EQ(after_turn(*honest), w5_reply('h', text("mine")));
  char of = 'a';
  for (const auto& claimant : claimants) {
    claimant->send(w5(of, "echo", text("his")));
    EXPECT_EQ(after_turn(*claimant), w5_reply(of++, text("his")));
  }
  EXPECT_EQ(honest->receive(), "");
}

TEST_F(ZmtpListenerTest, AnAnswerWhoseCallerHasGoneIsNotForWhoComesNext) {
  auto caller = connect();
  caller->send(greeting() + ready("DEALER", "same") + w5('a', "keep", text("secret")));
  turn();
  ASSERT_EQ(services_.keep.calls.size(), 1u);
  caller->leave();  // with bytes unread: it is reset
  turn();
  turn();
  ASSERT_EQ(metrics_.connections.value(), 0u);
  const auto next = connect_dealer("same");
  answer_next(text("secret"));
  EXPECT_EQ(after_turn(*next), "");
  EXPECT_EQ(ended(Wire::w5, Outcome::abandoned), 1u);
  next->send(w5('b', "echo", text("mine")));
  EXPECT_EQ(after_turn(*next), w5_reply('b', text("mine")));
}

TEST_F(ZmtpListenerTest, WhoSendsNoMoreStillGetsItsAnswers) {
  const auto peer = connect_dealer();
  peer->send(w5('a', "keep", text("last")));
  peer->finish_sending();
  EXPECT_TRUE(open(*peer));
  answer_next(text("answer"));
  EXPECT_FALSE(open(*peer));
  EXPECT_EQ(received_, w5_reply('a', text("answer")));
  EXPECT_EQ(all_malformed(), 0u);
}

// Formats.

TEST_F(ZmtpListenerTest, RepliesHaveThePrefixOfTheirFormat) {
  const auto peer = connect_dealer();
  const std::string hex = "c06ba27f01bd4c07b661ec030d18a3e6";
  const auto padded = [](size_t size) { return "echo" + std::string(size - 4, ' '); };
  const std::string argument = text("hello");
  const std::string w2_front = "\xd9\x20" + hex;
  peer->send(frame("\x93" + w2_front + text("echo") + argument));
  EXPECT_EQ(after_turn(*peer), frame("\x92" + w2_front + argument));
  peer->send(frame(hex + padded(120) + argument));
  EXPECT_EQ(after_turn(*peer), frame(hex + argument));
  peer->send(frame(hex + padded(80) + argument));
  EXPECT_EQ(after_turn(*peer), frame(hex + argument));
  peer->send(w5('a', "echo", argument));
  EXPECT_EQ(after_turn(*peer), w5_reply('a', argument));
  peer->send(more("echo") + frame(argument));
  EXPECT_EQ(after_turn(*peer), frame(argument));
  for (const Wire wire : {Wire::w1, Wire::w2, Wire::w3, Wire::w4, Wire::w5}) {
    EXPECT_EQ(ended(wire, Outcome::ok, "echo"), 1u) << name_of(wire);
  }
}

TEST_F(ZmtpListenerTest, ACallIsTimedFromItsArrivalInHoweverManyFramesItComes) {
  const auto peer = connect_dealer();
  const uint64_t before = loop_.read_ns();
  peer->send(w5('a', "echo", text("x")) + more("echo") + frame(text("x")) + more("echo") + ping() +
             frame(text("x")));
  turn();
  calls_.on_turn_end(loop_.read_ns());
  const uint64_t most = 3 * (loop_.read_ns() - before);
  EXPECT_EQ(ended(Wire::w1, Outcome::ok, "echo"), 2u);
  EXPECT_LE(worker_metrics_.duration(labels_.find("echo"), Protocol::zmq).sum_ns(), most);
}

TEST_F(ZmtpListenerTest, OldClientsGetErrorsThatTheyKnow) {
  const auto peer = connect_dealer();
  const std::string hex = "c06ba27f01bd4c07b661ec030d18a3e6";
  const std::string now = error(wire::function_not_found("none"), ErrorKey::function_not_found);
  std::string old;
  wire::append_for_old_client(old, now);
  ASSERT_NE(old, now);
  peer->send(more("none") + frame(text("x")));
  EXPECT_EQ(after_turn(*peer), frame(old));
  peer->send(frame("\x93\xd9\x20" + hex + text("none") + text("x")));
  EXPECT_EQ(after_turn(*peer), frame("\x92\xd9\x20" + hex + old));
  peer->send(w5('a', "none", text("x")));
  EXPECT_EQ(after_turn(*peer), w5_reply('a', now));
}

TEST_F(ZmtpListenerTest, AnArgumentThatIsNoValueIsAnsweredAndCounted) {
  const auto peer = connect_dealer();
  peer->send(w5('a', "echo", "\xc1") + w5('b', "\xff", text("x")) +
             more(std::string(kMaxFunctionNameBytes + 1, 'n')) + frame(text("x")));
  std::string old;
  wire::append_for_old_client(old, error(wire::kLongName));
  EXPECT_EQ(after_turn(*peer), w5_reply('a', error(wire::kCannotProcess)) +
                                   w5_reply('b', error(wire::kCannotProcess)) + frame(old));
  EXPECT_EQ(malformed(Malformed::bad_msgpack), 1u);
  EXPECT_EQ(malformed(Malformed::bad_name), 2u);
  EXPECT_TRUE(open(*peer));
}

// A backend and its clients may have an encoder of their own.
TEST_F(ZmtpListenerTest, AServiceThatTakesAnyBytesGetsThemFromW5) {
  struct AnyBytes final : Service {
    void serve(const Request& request, Call call) override {
      seen.emplace_back(request.argument, request.any_bytes);
      std::move(call).reply("\x0a");
    }
    bool takes_any_bytes() const override { return true; }
    std::vector<std::pair<std::string, bool>> seen;
  } any;
  router_.add("any", any);
  const std::string deep = std::string(wire::kMaxDepth, '\x91') + "\x90";
  const auto peer = connect_dealer();
  peer->send(w5('a', "any", "\xc1") + w5('b', "any", deep) + w5('c', "any", text("x")));
  EXPECT_EQ(after_turn(*peer),
            w5_reply('a', "\x0a") + w5_reply('b', "\x0a") + w5_reply('c', "\x0a"));
  using Seen = std::vector<std::pair<std::string, bool>>;
  EXPECT_EQ(any.seen, (Seen{{"\xc1", true}, {deep, true}, {text("x"), false}}));
  EXPECT_EQ(all_malformed(), 0u);
  std::string old;
  wire::append_for_old_client(old, error(wire::kCannotProcess));
  peer->send(more("any") + frame("\xc1"));
  EXPECT_EQ(after_turn(*peer), frame(old));
  EXPECT_EQ(malformed(Malformed::bad_msgpack), 1u);
  peer->send(w5('d', "echo", deep) + w5('e', "echo", deep.substr(1)));
  EXPECT_EQ(after_turn(*peer),
            w5_reply('d', error(wire::kTooDeep)) + w5_reply('e', deep.substr(1)));
  EXPECT_EQ(malformed(Malformed::too_deep), 1u);
  EXPECT_EQ(all_malformed(), 2u);
  EXPECT_EQ(any.seen.size(), 3u);
}

TEST_F(ZmtpListenerTest, TheIdOfW5CountsTheGateways) {
  struct Hops final : Service {
    void serve(const Request& request, Call call) override {
      seen.push_back(request.hops);
      std::move(call).reply("\xc0");
    }
    std::vector<int> seen;
  } hops;
  router_.add("hops", hops);
  const auto peer = connect_dealer();
  for (const char byte : {wire::id_byte_of_hops(1), wire::id_byte_of_hops(5), 'z'}) {
    std::string id = std::string(wire::kHopsIdPrefix) + byte;
    id.resize(wire::w5::kIdBytes, '0');
    std::string body;
    wire::w5::write_request(body, id, "hops", text("x"));
    peer->send(frame(body));
    EXPECT_EQ(after_turn(*peer), frame(id + "\xc0"));
  }
  EXPECT_EQ(hops.seen, (std::vector<int>{1, 5, 0}));
}

// Messages of several frames.

TEST_F(ZmtpListenerTest, AMessageOfTwoFramesIsTakenFromEverySplit) {
  const std::string argument = text(std::string(300, 'x'));
  const std::string bytes = more("echo") + frame(argument);
  const auto peer = connect_dealer();
  for (size_t split = 1; split < bytes.size(); ++split) {
    peer->send(bytes.substr(0, split));
    ASSERT_EQ(after_turn(*peer), "") << split;
    peer->send(bytes.substr(split));
    ASSERT_EQ(after_turn(*peer), frame(argument)) << split;
  }
  EXPECT_EQ(all_malformed(), 0u);
}

TEST_F(ZmtpListenerTest, AFirstFrameThatIsTooLongForANameIsSkippedWithItsMessage) {
  const auto peer = connect_dealer();
  const size_t most = ZmtpListener::kMaxNameFrame - wire::zmtp::kMaxHeadBytes;
  send_all(*peer, more(std::string(most + 1, 'n')) + frame(text("x")));
  EXPECT_EQ(malformed(Malformed::bad_frames), 1u);
  EXPECT_EQ(peer->receive(), "");
  peer->send(w5('a', "echo", text("next")));
  EXPECT_EQ(after_turn(*peer), w5_reply('a', text("next")));
  send_all(*peer, more(std::string(most, 'n')) + frame(text("x")));
  EXPECT_EQ(malformed(Malformed::bad_frames), 1u);
  EXPECT_EQ(malformed(Malformed::bad_name), 1u);
  EXPECT_NE(peer->receive(), "");
}

TEST_F(ZmtpListenerTest, AMessageOfMoreFramesIsCountedOnceAndSkipped) {
  const auto peer = connect_dealer();
  for (size_t frames = 3; frames < 6; ++frames) {
    std::string bytes;
    for (size_t i = 1; i < frames; ++i) {
      bytes += more("echo");
    }
    bytes += frame(text("x"));
    for (size_t split = 1; split < bytes.size(); ++split) {
      const uint64_t before = malformed(Malformed::bad_frames);
      peer->send(bytes.substr(0, split));
      turn();
      peer->send(bytes.substr(split) + w5('a', "echo", text("next")));
      ASSERT_EQ(after_turn(*peer), w5_reply('a', text("next"))) << frames << ' ' << split;
      ASSERT_EQ(malformed(Malformed::bad_frames), before + 1);
    }
  }
  EXPECT_EQ(all_malformed(), malformed(Malformed::bad_frames));
}

TEST_F(ZmtpListenerTest, EndlessFramesTakeNoMemoryAndLetCommandsThrough) {
  const auto peer = connect_dealer();
  const std::string part = more(std::string(30'000, 'x'));
  for (int parts = 0; parts < 500; ++parts) {
    send_all(*peer, part);
    ASSERT_LE(zmtp().largest_hoard(), 2 * FrameReader::kSharedBytes) << parts;
  }
  send_all(*peer, ping("still there"));
  EXPECT_EQ(peer->receive(), pong("still there"));
  EXPECT_EQ(malformed(Malformed::bad_frames), 1u);
  send_all(*peer, frame("end") + w5('a', "echo", text("next")));
  EXPECT_EQ(peer->receive(), w5_reply('a', text("next")));
}

TEST_F(ZmtpListenerTest, AFrameThatCannotBeEndsTheConnection) {
  const std::string bad[] = {"\x08",
                             "\x05",
                             "\xff",
                             more("echo") + "\x08",
                             more("echo") + "\x05",
                             more("echo") + more("x") + "\x40"};
  for (const std::string& bytes : bad) {
    const auto peer = connect_dealer();
    peer->send(w5('a', "keep", text("before")) + bytes);
    EXPECT_TRUE(open(*peer)) << "a call is under way";
    answer_next(text("answer"));
    received_.clear();
    EXPECT_FALSE(open(*peer));
    EXPECT_EQ(received_, w5_reply('a', text("answer")));
  }
}

// Commands.

TEST_F(ZmtpListenerTest, PingIsAnsweredWithItsContext) {
  const auto peer = connect_dealer();
  const std::string most(wire::zmtp::kMaxPingContextBytes, 'c');
  peer->send(ping() + ping(most) + ping(most + "d"));
  EXPECT_EQ(after_turn(*peer), pong() + pong(most) + pong(most));
  peer->send(command("PING", "") + command("PONG", "x") + command("READY", "") + frame("", 4) +
             command("SUBSCRIBE", "all") + w5('a', "echo", text("next")));
  EXPECT_EQ(after_turn(*peer), w5_reply('a', text("next"))) << "others are of no interest";
  EXPECT_EQ(all_malformed(), 0u);
}

// libzmq does so, when it was its turn to write before the message's second frame was there.
TEST_F(ZmtpListenerTest, PingMayComeBetweenTheFramesOfAMessage) {
  const std::string argument = text("hello");
  const std::string bytes =
      more("echo") + ping("a") + ping("b") + frame(argument) + more("echo") + frame(argument);
  const auto peer = connect_dealer();
  for (size_t split = 1; split < bytes.size(); ++split) {
    peer->send(bytes.substr(0, split));
    std::string got = after_turn(*peer);
    peer->send(bytes.substr(split));
    got += after_turn(*peer);
    ASSERT_EQ(got, pong("a") + pong("b") + frame(argument) + frame(argument)) << split;
  }
  EXPECT_EQ(all_malformed(), 0u);
  peer->send(more("echo") + ping() + more("x") + ping() + frame("y") + w5('a', "echo", argument));
  EXPECT_EQ(after_turn(*peer), pong() + pong() + w5_reply('a', argument));
  EXPECT_EQ(malformed(Malformed::bad_frames), 1u);
  peer->send(more(std::string(kMaxFunctionNameBytes + 1, 'n')) + ping() + frame(argument) +
             w5('b', "echo", argument));
  std::string old;
  wire::append_for_old_client(old, error(wire::kLongName));
  EXPECT_EQ(after_turn(*peer), pong() + frame(old) + w5_reply('b', argument));
  EXPECT_EQ(malformed(Malformed::bad_frames), 1u);
  EXPECT_EQ(malformed(Malformed::bad_name), 1u);
}

// The operator's list.

TEST_F(ZmtpListenerTest, TheListOfClientsSaysWhatAClientSpeaks) {
  const auto peer = connect_dealer("somebody");
  peer->send(w5('a', "keep", text("x")) + w5('b', "echo", text("x")));
  turn();
  wait_ms(500);
  ClientList list;
  zmtp().list_clients(list);
  ASSERT_EQ(list.clients.size(), 1u);
  const ClientInfo& client = list.clients.front();
  EXPECT_EQ(client.protocol, Protocol::zmq);
  EXPECT_EQ(client.wire, Wire::w5);
  EXPECT_EQ(client.calls, 2u);
  EXPECT_EQ(client.in_flight, 1u);
  EXPECT_EQ(client.label, labels_.find("echo"));
  EXPECT_EQ(client.age_ms, 500u);
}

}  // namespace
}  // namespace zerogate::testing
