// Many connections: admission, slots, and which goes when too much is unfinished or unread.
#include "core/listener/stream_listener.h"

#include "tests/unit/core/listener/stream_fixture.h"

namespace zerogate::testing {
namespace {

class StreamListenerTest : public StreamTest {};

TEST_F(StreamListenerTest, TheConnectionBehindTheLimitIsClosedAndCounted) {
  options_.max_connections = 2;
  const auto first = connect();
  const auto second = connect();
  const auto third = connect();
  EXPECT_FALSE(open(*third));
  EXPECT_TRUE(open(*first));
  EXPECT_TRUE(open(*second));
  EXPECT_EQ(rejected(Rejected::limit), 1u);
  EXPECT_EQ(metrics_.accepted.value(), 3u);
  first->leave();
  turn();
  turn();
  const auto fourth = connect();
  EXPECT_TRUE(open(*fourth));
  EXPECT_EQ(metrics_.connections.value(), 2u);
}

TEST_F(StreamListenerTest, OfARefusedConnectionTheLogSaysWhoAndWhy) {
  std::vector<std::string> lines;
  log::configure(log::Level::warn, log::Format::logfmt,
                 [&lines](std::string_view line) { lines.emplace_back(line); });
  options_.max_connections = 1;
  const auto first = connect();
  const auto second = connect();
  first->send("?\n");
  turn();
  wait_ms(RefusalLog::kIntervalMs);
  log::configure(log::Level::off, log::Format::logfmt);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_NE(lines[0].find("event=\"connection rejected\" protocol=tcp reason=limit peer=unix"),
            std::string::npos);
  EXPECT_NE(lines[1].find("event=\"malformed input\" protocol=tcp reason=other_protocol"),
            std::string::npos);
}

TEST_F(StreamListenerTest, OneThatConnectsAndLeavesInSilenceIsNotIll) {
  connect()->leave();
  turn();
  turn();
  const auto polite = connect();
  polite->finish_sending();
  EXPECT_FALSE(open(*polite));
  for (const Counter& reason : metrics_.malformed) {
    EXPECT_EQ(reason.value(), 0u);
  }
  for (const Counter& reason : metrics_.rejected) {
    EXPECT_EQ(reason.value(), 0u);
  }
}

TEST_F(StreamListenerTest, ItsClientsAreListed) {
  const auto idle = connect();
  wait_ms(1'000);
  const auto busy = connect();
  for (int i = 0; i < 3; ++i) {
    busy->send("a\n");
    turn();
    listener_->find(next().caller)->note_call(Wire::t3, 5);
  }
  wait_ms(ClientActivity::kWindowMs);
  ClientList list;
  listener_->list_clients(list);
  ASSERT_EQ(list.clients.size(), 2u);
  EXPECT_EQ(list.clients[0].calls, 3u);
  EXPECT_EQ(list.clients[0].rate, 3);
  EXPECT_EQ(list.clients[0].label, 5u);
  EXPECT_EQ(list.clients[0].in_flight, 3u);
  EXPECT_EQ(list.clients[0].age_ms, 1'000u);
  EXPECT_EQ(list.clients[0].peer, "unix");
  EXPECT_EQ(list.clients[1].calls, 0u);
  EXPECT_EQ(list.clients[1].age_ms, 2'000u);
  EXPECT_EQ(list.left_out, 0u);
}

TEST_F(StreamListenerTest, AnOldKeyNeverFindsTheNextConnectionOfItsSlot) {
  const auto first = connect();
  first->send("a\n");
  turn();
  const LineProtocol::Line old = next();
  EXPECT_TRUE(answer(old, "A"));
  first->leave();
  turn();
  turn();
  EXPECT_TRUE(listener_->gone(old.caller));
  EXPECT_EQ(listener_->peer(old.caller), "gone");
  const auto second = connect();
  second->send("b\n");
  turn();
  const LineProtocol::Line young = next();
  EXPECT_EQ(young.caller.slot, old.caller.slot);
  EXPECT_FALSE(answer(old, "A"));
  EXPECT_TRUE(answer(young, "B"));
  turn();
  EXPECT_EQ(second->receive(), "B");
  EXPECT_EQ(listener_->peer(young.caller), "unix");
}

TEST_F(StreamListenerTest, TheLogCanTellWhoseAConnectionWasThatClosedBehindItsReply) {
  const auto peer = connect();
  peer->send("a\n");
  turn();
  peer->finish_sending();
  turn();
  const LineProtocol::Line line = next();
  EXPECT_TRUE(answer(line, "A"));
  listener_->flush();
  EXPECT_TRUE(listener_->gone(line.caller));
  EXPECT_EQ(listener_->peer(line.caller), "unix");
  EXPECT_EQ(listener_->caller(line.caller).name, "unix");
  EXPECT_EQ(peer->receive(), "A");
}

TEST_F(StreamListenerTest, OfUnfinishedRequestsTheOldestGoesWhenMemoryIsShort) {
  options_.receive_memory = 40'000;
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i < 4; ++i) {
    peers.push_back(connect());
  }
  for (int i = 3; i >= 0; --i) {  // not in the order of the slots
    peers[static_cast<size_t>(i)]->send(std::string(15'000, 'x'));
    turn();
    wait_ms(10);
  }
  EXPECT_GE(rejected(Rejected::receive_memory), 1u);
  EXPECT_FALSE(open(*peers[3])) << "begun first";
  EXPECT_TRUE(open(*peers[0])) << "begun last";
}

TEST_F(StreamListenerTest, OfThoseWhoDoNotReadTheOneThatWaitsLongestGoes) {
  options_.send_memory = 4 << 20;
  options_.write_buffer = 8 << 20;
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i < 3; ++i) {
    peers.push_back(connect());
  }
  for (const size_t i : {1, 2, 0}) {
    peers[i]->send("a\n");
    turn();
    EXPECT_TRUE(answer(next(), std::string(2 << 20, 'x')));
    turn();
    wait_ms(10);
  }
  EXPECT_EQ(rejected(Rejected::send_memory), 1u);
  EXPECT_EQ(receive_all(*peers[0]).size(), size_t{2} << 20);
  EXPECT_EQ(receive_all(*peers[2]).size(), size_t{2} << 20);
  EXPECT_LT(receive_all(*peers[1]).size(), size_t{2} << 20);
  EXPECT_TRUE(peers[1]->ended());
}

// A connection that is closed makes room at once, for the sums are those of the others.
TEST_F(StreamListenerTest, WhatAClosedConnectionHeldIsFree) {
  options_.receive_memory = 40'000;
  for (int i = 0; i < 10; ++i) {
    const auto peer = connect();
    peer->send(std::string(15'000, 'x'));
    turn();
    peer->leave();
    turn();
    turn();
  }
  EXPECT_EQ(rejected(Rejected::receive_memory), 0u);
  EXPECT_EQ(malformed(Malformed::truncated), 10u);
}

// Its peer has still to see the end, and may take its time.
TEST_F(StreamListenerTest, OneThatLeavesHoldsNothingAndIsNotIll) {
  MemoryAccount memory;
  options_.memory = &memory;
  const auto peer = connect();
  peer->send("#3000\n" + std::string(2'000, 'x'));
  turn();
  EXPECT_GE(memory.held(MemoryUse::requests), 2'000u);
  listener_->leave();
  turn();
  EXPECT_EQ(memory.held(MemoryUse::requests), 0u);
  peer->send(std::string(1'000, 'x'));
  turn();
  EXPECT_FALSE(listener_->empty());
  EXPECT_EQ(waiting(), 0u) << "it is answered no more";
  peer->receive();
  EXPECT_TRUE(peer->ended());
  peer->leave();
  turn();
  turn();
  EXPECT_TRUE(listener_->empty());
  EXPECT_EQ(malformed(Malformed::truncated), 0u);
  listener_.reset();
}

TEST_F(StreamListenerTest, WhatIsCutOffIsFreeThoughAnAnswerIsStillDue) {
  MemoryAccount memory;
  options_.memory = &memory;
  const auto peer = connect();
  peer->send("slow\n#3000\n" + std::string(2'000, 'x'));
  turn();
  EXPECT_GE(memory.held(MemoryUse::requests), 2'000u);
  peer->finish_sending();
  turn();
  turn();
  EXPECT_EQ(malformed(Malformed::truncated), 1u);
  EXPECT_EQ(memory.held(MemoryUse::requests), 0u);
  EXPECT_TRUE(answer(next(), "late"));
  EXPECT_EQ(receive_all(*peer), "late");
  EXPECT_TRUE(peer->ended());
  listener_.reset();
}

TEST_F(StreamListenerTest, DuringADrainAConnectionEndsBehindItsLastAnswer) {
  const auto idle = connect();
  const auto busy = connect();
  busy->send("one\ntwo\n");
  turn();
  listener_->drain();
  EXPECT_FALSE(open(*idle));
  EXPECT_TRUE(answer(next(), "1"));
  EXPECT_TRUE(open(*busy));
  EXPECT_TRUE(answer(next(), "2"));
  EXPECT_EQ(receive_all(*busy), "2");
  EXPECT_TRUE(busy->ended());
}

TEST_F(StreamListenerTest, EachConnectionHasItsPrice) {
  MemoryAccount memory;
  options_.memory = &memory;
  const size_t price = StreamOptions::kConnectionBytes + options_.kept_capacity;
  const auto first = connect();
  EXPECT_EQ(memory.held(MemoryUse::connections), price);
  const auto second = connect();
  EXPECT_EQ(memory.held(MemoryUse::connections), 2 * price);
  first->leave();
  turn();
  turn();
  EXPECT_EQ(memory.held(MemoryUse::connections), price);
  listener_.reset();
}

TEST_F(StreamListenerTest, ClosesAllWithCallsUnderWay) {
  const auto first = connect();
  const auto second = connect();
  first->send("a\n");
  second->send("b\nc");
  turn();
  listener_->close_all();
  EXPECT_FALSE(open(*first));
  EXPECT_FALSE(open(*second));
  EXPECT_FALSE(answer(next(), "A"));
  EXPECT_EQ(metrics_.connections.value(), 0u);
}

TEST_F(StreamListenerTest, ItsEndIsThatOfItsConnections) {
  const auto peer = connect();
  peer->send("a\n");
  turn();
  EXPECT_TRUE(answer(next(), std::string(32 << 10, 'x')));
  listener_.reset();
  peer->receive();
  EXPECT_TRUE(peer->ended());
  EXPECT_EQ(metrics_.connections.value(), 0u);
}

}  // namespace
}  // namespace zerogate::testing
