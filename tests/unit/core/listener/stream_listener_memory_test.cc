// Sessions that claim memory of the worker's account, wait for it, or hold it too long.
#include "core/listener/memory_keeper.h"
#include "core/listener/stream_listener.h"
#include "tests/unit/core/listener/stream_fixture.h"

namespace zerogate::testing {
namespace {

/// A port, as a worker's MemoryKeeper sees it.
class KeptPort final : public Listener {
 public:
  explicit KeptPort(std::unique_ptr<StreamListener>& streams) : streams_(streams) {}

  Status listen(const ListenSocket&) override { return ok_status(); }
  void stop_accepting() override {}
  void drain() override {}
  bool closed() const override { return false; }
  void leave() override {}
  bool empty() const override { return streams_->empty(); }
  bool flushed() const override { return streams_->flushed(); }
  void list_clients(ClientList&) override {}
  size_t largest_hoard() override { return streams_->largest_hoard(); }
  bool end_largest() override { return streams_->end_largest(); }
  double slowest_pace() override { return streams_->slowest_pace(); }
  void end_slowest() override { streams_->end_slowest(); }
  void list_sockets(std::vector<SocketHoard>& hoards) override { streams_->list_sockets(hoards); }
  void end_socket(const SocketHoard& hoard) override { streams_->end_socket(hoard); }
  bool hoards_unseen() const override { return streams_->hoards_unseen(); }
  void finish() override {}

 private:
  std::unique_ptr<StreamListener>& streams_;
};

class LongFramesTest : public StreamTest {
 protected:
  static constexpr size_t kFrame = 200 << 10;
  LongFramesTest() {
    options_.max_message = 1 << 20;
    options_.memory = &memory_;
    ports_.push_back(std::make_unique<KeptPort>(listener_));
  }
  ~LongFramesTest() override {
    keeper_.stop();
    listener_.reset();
  }

  static constexpr size_t kBegun = FrameReader::kSharedBytes;  ///< so that it claims its memory

  /// A peer that has begun a frame of so many bytes.
  std::unique_ptr<Peer> begin_frame(size_t size = kFrame, size_t begun = kBegun) {
    auto peer = connect();
    peer->send("#" + std::to_string(size) + "\n" + std::string(begun, 'x'));
    turn();
    return peer;
  }
  /// A peer of which `calls` are taken one after the other, with 60 KB behind them.
  std::unique_ptr<Peer> stand_behind_calls(ByteView calls) {
    auto peer = connect();
    peer->send(std::string(calls) + std::string(60'000, 'x') + "\n");
    turn();
    return peer;
  }
  void end_frame(Peer& peer) {
    for (size_t left = kFrame - kBegun; left != 0;) {
      const size_t piece = std::min<size_t>(left, 50'000);
      peer.send(std::string(piece, 'x'));
      left -= piece;
      serve();
    }
  }
  void serve() {
    turn();
    keep();
    turn();
  }
  /// What a worker does at a turn's end.
  void keep() { keeper_.keep(ports_, clock_.now_ms()); }
  /// So many of the seconds after which a peer is judged, of which each of these peers sends so
  /// many bytes.
  void send_for(int seconds, const std::vector<std::pair<Peer*, size_t>>& peers) {
    for (int i = 0; i < seconds; ++i) {
      for (const auto& [peer, bytes] : peers) {
        peer->send_some(std::string(bytes, 'x'));
      }
      turn();
      wait_ms(1'000);
      keep();
    }
  }

  MemoryAccount memory_{1 << 20};  // room for two such frames below the soft mark
  std::vector<std::unique_ptr<Listener>> ports_;
  MemoryKeeper keeper_{memory_, timers_};
};

TEST_F(LongFramesTest, AreNotReadUntilThereIsMemoryForTheWholeOfEach) {
  const auto first = begin_frame();
  const auto second = begin_frame();
  const auto third = begin_frame();
  EXPECT_GE(memory_.held(MemoryUse::requests), 2 * kFrame);
  EXPECT_TRUE(memory_.waiting());
  const uint64_t before = metrics_.received_bytes.value();
  third->send(std::string(50'000, 'x'));
  serve();
  EXPECT_EQ(metrics_.received_bytes.value(), before) << "it waits with the kernel";
  end_frame(*first);
  serve();
  EXPECT_FALSE(memory_.waiting());
  third->send(std::string(kFrame - kBegun - 50'000, 'x'));
  serve();
  serve();
  end_frame(*second);
  serve();
  EXPECT_EQ(waiting(), 3u) << "all have come";
  EXPECT_EQ(memory_.held(MemoryUse::requests), 0u);
}

TEST_F(LongFramesTest, AHeadAloneHoldsNoMemoryAndKeepsNoOtherWaiting) {
  std::vector<std::unique_ptr<Peer>> heads;
  for (int i = 0; i < 20; ++i) {
    heads.push_back(begin_frame(kFrame, 10));
    heads.back()->send("x");
    turn();
  }
  EXPECT_LT(memory_.held(MemoryUse::requests), 20 * 30u);
  EXPECT_FALSE(memory_.waiting());
  end_frame(*begin_frame());
  EXPECT_EQ(waiting(), 1u);
}

TEST_F(LongFramesTest, WhatHasComeOfOneThatWaitedIsNotCountedTwice) {
  const auto first = begin_frame();
  const size_t claimed = memory_.held(MemoryUse::requests);
  const auto second = begin_frame();
  const auto third = begin_frame();
  EXPECT_GT(memory_.held(MemoryUse::requests), 2 * claimed) << "it waits, and is counted as it is";
  first->leave();
  turn();
  serve();
  EXPECT_EQ(memory_.held(MemoryUse::requests), 2 * claimed);
}

TEST_F(LongFramesTest, HoldNothingOnceTheirPortHasGone) {
  const auto claims = begin_frame();
  const auto begun = begin_frame(kFrame, 10);
  EXPECT_GE(memory_.held(MemoryUse::requests), kFrame);
  keeper_.stop();
  listener_.reset();
  EXPECT_EQ(memory_.total(), 0u);
}

TEST_F(LongFramesTest, ManyThatHaveNotClaimedYetAreBoundedTogether) {
  options_.receive_memory = 64 << 10;
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i < 20; ++i) {
    peers.push_back(begin_frame(kFrame, kBegun - 100));
    wait_ms(10);
    EXPECT_LE(memory_.total(), options_.receive_memory + options_.max_message);
  }
  EXPECT_FALSE(memory_.waiting());
  EXPECT_GE(rejected(Rejected::receive_memory), 1u);
  EXPECT_FALSE(open(*peers.front())) << "begun first";
  EXPECT_TRUE(open(*peers.back()));
}

TEST_F(LongFramesTest, OneThatHardlyGrowsGoesWhileOthersWait) {
  const auto stopped = begin_frame();
  const auto drips = begin_frame();
  wait_ms(StreamSession::kSlowReaderMs + 2 * StreamListener::kStallCheckMs);
  EXPECT_EQ(rejected(Rejected::receive_memory), 0u) << "nobody is harmed";
  const auto waits = begin_frame();
  drips->send("x");
  wait_ms(2 * StreamListener::kStallCheckMs);
  keep();
  EXPECT_EQ(rejected(Rejected::receive_memory), 1u) << "as many as others need";
  EXPECT_TRUE(open(*drips));
  EXPECT_FALSE(memory_.waiting());
  const auto waits_too = begin_frame();
  EXPECT_TRUE(memory_.waiting());
  wait_ms(MemoryKeeper::kJudgeMs);
  keep();
  EXPECT_EQ(rejected(Rejected::receive_memory), 2u);
  EXPECT_TRUE(open(*waits_too));
  end_frame(*waits);
  serve();
  EXPECT_EQ(waiting(), 1u);
}

TEST_F(LongFramesTest, OneThatDoesNotFillItsClaimInGoodTimeGoesWhileOthersWait) {
  constexpr size_t kLong = 900 << 10;
  constexpr size_t kSlow = 40 << 10, kSwift = 70 << 10;  // a sixteenth of it lies between
  const auto holds = begin_frame(kLong);
  const auto send_for_4s = [&](size_t bytes_per_second) {
    for (int i = 0; i < 8; ++i) {
      holds->send_some(std::string(bytes_per_second / 2, 'x'));
      turn();
      wait_ms(500);
      keep();
    }
  };
  const auto waits = begin_frame();
  ASSERT_TRUE(memory_.waiting());
  send_for_4s(kSwift);
  EXPECT_EQ(rejected(Rejected::receive_memory), 0u);
  send_for_4s(kSlow);
  EXPECT_EQ(rejected(Rejected::receive_memory), 1u);
  serve();
  EXPECT_FALSE(memory_.waiting());
}

TEST_F(LongFramesTest, OfSlowOnesTheOneGoesThatSendsLeastNotTheOldest) {
  const auto slow = begin_frame();
  const auto stands = begin_frame();
  const auto waits = begin_frame();
  ASSERT_TRUE(memory_.waiting());
  send_for(3, {{slow.get(), 8'000}});
  EXPECT_EQ(rejected(Rejected::receive_memory), 1u);
  EXPECT_TRUE(open(*slow));
  EXPECT_FALSE(open(*stands));
  EXPECT_FALSE(memory_.waiting());
}

TEST_F(LongFramesTest, BeginningsThatStandStillMakeRoom) {
  constexpr size_t kShort = 100 << 10;
  std::vector<std::unique_ptr<Peer>> beginnings;
  for (int i = 0; i < 10; ++i) {
    beginnings.push_back(begin_frame(kShort, kBegun - 1'000));
  }
  ASSERT_TRUE(memory_.tight());
  const auto first = begin_frame(kShort);  // the only one of its kind goes over the soft mark
  ASSERT_FALSE(memory_.waiting());
  const auto waits = begin_frame(kShort);
  ASSERT_TRUE(memory_.waiting());
  send_for(3, {{first.get(), 8'000}});
  EXPECT_FALSE(memory_.waiting());
  EXPECT_TRUE(open(*first));
  EXPECT_TRUE(open(*waits));
  EXPECT_GE(rejected(Rejected::receive_memory), 5u);
  EXPECT_LT(rejected(Rejected::receive_memory), 10u) << "as many as are needed";
}

TEST_F(LongFramesTest, ManyBeginningsOverTheLimitEndNoneThatGoesOn) {
  const auto goes_on = begin_frame();
  std::vector<std::unique_ptr<Peer>> beginnings;
  for (int i = 0; i < 16; ++i) {
    beginnings.push_back(begin_frame(kFrame, kBegun - 1'000));
    keep();
    EXPECT_FALSE(memory_.over());
  }
  EXPECT_GE(rejected(Rejected::receive_memory), 1u);
  EXPECT_TRUE(open(*goes_on));
  EXPECT_FALSE(open(*beginnings.front()));
}

TEST_F(LongFramesTest, WhatWaitsForCallsUnderWayTakesNoRoomFromFramesThatGoOn) {
  options_.max_message = 4 << 10;
  options_.receive_memory = 64 << 10;
  std::vector<std::unique_ptr<Peer>> waiting;
  for (int i = 0; i < 10; ++i) {
    waiting.push_back(stand_behind_calls("1\n"));
  }
  const auto goes_on = connect();
  goes_on->send(std::string(20'000, 'x'));
  turn();
  EXPECT_GE(memory_.held(MemoryUse::requests), 10 * 60'000 + 20'000u);
  EXPECT_EQ(rejected(Rejected::receive_memory), 0u);
  EXPECT_TRUE(open(*goes_on));
}

TEST_F(LongFramesTest, WhatWasBlockedCountsAsUnfinishedWhenItIsReadOn) {
  options_.max_message = 4 << 10;
  options_.receive_memory = 64 << 10;
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i < 5; ++i) {
    peers.push_back(connect());
    peers.back()->send("1\n" + std::string(20'000, 'x'));
    turn();
    wait_ms(10);
  }
  EXPECT_EQ(rejected(Rejected::receive_memory), 0u);
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(answer(next(), "A"));
  }
  answer_is_out();
  answer_is_out();
  EXPECT_EQ(rejected(Rejected::receive_memory), 2u) << "68 KiB may stay";
}

TEST_F(LongFramesTest, OfWhatWaitsForCallsUnderWayTheOldestGoesOverTheLimitOfAll) {
  const auto goes_on = begin_frame(kFrame, 20'000);
  send_for(2, {{goes_on.get(), 15'000}});
  std::vector<std::unique_ptr<Peer>> waiting;
  for (int i = 0; i < 30; ++i) {
    waiting.push_back(stand_behind_calls("1\n"));
    wait_ms(10);
    keep();
    EXPECT_FALSE(memory_.over());
  }
  EXPECT_GE(rejected(Rejected::receive_memory), 1u);
  EXPECT_TRUE(open(*goes_on));
  EXPECT_FALSE(open(*waiting.front()));
  EXPECT_TRUE(open(*waiting.back()));
}

TEST_F(LongFramesTest, WhatStandsBehindCallsGoesWhileOthersWaitForMemory) {
  const auto goes_on = stand_behind_calls("1\n2\n3\n");
  std::vector<std::unique_ptr<Peer>> standing;
  for (int i = 0; i < 15; ++i) {
    standing.push_back(stand_behind_calls("1\n"));
  }
  for (int i = 0; i < 2; ++i) {
    wait_ms(StreamSession::kSlowReaderMs);
    EXPECT_TRUE(answer(i == 0 ? next() : lines_.lines.back(), "A"));
    answer_is_out();
    answer_is_out();
  }
  keep();
  EXPECT_EQ(rejected(Rejected::receive_memory), 0u) << "nobody is harmed";
  const auto waits = begin_frame();
  ASSERT_TRUE(memory_.waiting());
  wait_ms(MemoryKeeper::kJudgeMs);
  keep();
  EXPECT_FALSE(memory_.waiting());
  EXPECT_TRUE(open(*waits));
  EXPECT_TRUE(open(*goes_on));
  EXPECT_GE(rejected(Rejected::receive_memory), 1u);
  EXPECT_LT(rejected(Rejected::receive_memory), 8u) << "as many as are needed";
}

TEST_F(LongFramesTest, OfManyBeginningsTheOldestStaysWhileItGoesOn) {
  options_.receive_memory = 64 << 10;
  const auto goes_on = begin_frame(kFrame, 20'000);
  send_for(2, {{goes_on.get(), 15'000}});
  std::vector<std::unique_ptr<Peer>> beginnings;
  for (int i = 0; i < 20; ++i) {
    beginnings.push_back(begin_frame(kFrame, kBegun - 100));
    wait_ms(10);
  }
  EXPECT_GE(rejected(Rejected::receive_memory), 1u);
  EXPECT_TRUE(open(*goes_on));
  EXPECT_FALSE(open(*beginnings.front()));
}

/// With a memory that is full of what others hold.
class WaitingFramesTest : public LongFramesTest {
 protected:
  WaitingFramesTest() { memory_.set(MemoryUse::forwarded, memory_.limit()); }
  void look() { wait_ms(2 * StreamListener::kStallCheckMs); }
};

TEST_F(WaitingFramesTest, OneWhosePeerHasGoneWaitsNoLonger) {
  const auto gone = begin_frame();
  const auto half_closed = begin_frame();
  const auto stays = begin_frame();
  look();
  EXPECT_EQ(metrics_.connections.value(), 3u);
  gone->leave();
  half_closed->finish_sending();
  look();
  EXPECT_EQ(metrics_.connections.value(), 1u);
  EXPECT_EQ(malformed(Malformed::truncated), 2u) << "as if it had been read";
  EXPECT_TRUE(open(*stays));
}

TEST_F(WaitingFramesTest, OneWhoseConnectionIsBrokenWaitsNoLonger) {
  const auto peer = connect();
  peer->send("a\n");
  turn();
  answer(next(), "A");
  turn();
  peer->send("#" + std::to_string(kFrame) + "\n" + std::string(kFrame, 'x'));
  turn();
  ASSERT_TRUE(memory_.waiting());
  peer->leave();  // without a look at its answer
  look();
  EXPECT_EQ(metrics_.connections.value(), 0u);
  EXPECT_FALSE(memory_.waiting());
}

TEST_F(WaitingFramesTest, AWholeFrameIsAnsweredThoughItsPeerSendsNoMore) {
  const auto peer = begin_frame();
  peer->send(std::string(kFrame - kBegun, 'x'));
  peer->finish_sending();
  look();
  EXPECT_EQ(metrics_.connections.value(), 1u);
  memory_.set(MemoryUse::forwarded, 0);
  serve();
  serve();
  EXPECT_TRUE(answer(next(), "A"));
  EXPECT_EQ(receive_all(*peer), "A");
  EXPECT_TRUE(peer->ended());
}

TEST_F(WaitingFramesTest, NoneWaitsForEver) {
  const auto peer = begin_frame();
  const uint64_t longest = StreamSession::kLongestWait * options_.stall_timeout_ms;
  wait_ms(longest);
  EXPECT_TRUE(open(*peer));
  look();
  EXPECT_FALSE(open(*peer));
  EXPECT_EQ(rejected(Rejected::receive_memory), 1u);
}

class LongRepliesTest : public LongFramesTest {
 protected:
  static constexpr size_t kReply = 900 << 10;  // over the soft mark
  LongRepliesTest() { options_.write_buffer = 8 << 20; }

  std::unique_ptr<Peer> ask() {
    auto peer = connect();
    peer->send("a\n");
    turn();
    answer(next(), std::string(kReply, 'x'));
    turn();
    return peer;
  }
  /// So many bytes in each of the seconds that others wait at the longest.
  void read_on(Peer& peer, size_t bytes) {
    for (uint64_t ms = 0; ms < StreamSession::kSlowReaderMs + 2'000; ms += 500) {
      peer.receive(bytes / 2);
      turn();
      wait_ms(500);
    }
  }
};

TEST_F(LongRepliesTest, AReplyThatIsReadInPartIsChargedAsAWhole) {
  const auto peer = ask();
  read_on(*peer, 100 << 10);
  EXPECT_GE(memory_.held(MemoryUse::replies), kReply) << "its memory is one block";
  receive_all(*peer);
  EXPECT_EQ(memory_.held(MemoryUse::replies), 0u);
}

TEST_F(LongRepliesTest, APeerThatHardlyReadsGoesWhileOthersWait) {
  const auto drips = ask();
  read_on(*drips, 1'000);
  EXPECT_EQ(rejected(Rejected::send_memory), 0u) << "nobody is harmed";
  const auto waits = begin_frame();
  ASSERT_TRUE(memory_.waiting());
  read_on(*drips, 1'000);
  EXPECT_EQ(rejected(Rejected::send_memory), 1u);
  serve();
  EXPECT_FALSE(memory_.waiting());
}

TEST_F(LongRepliesTest, OfManyTheOneGoesThatReadsLeastNotTheOldest) {
  options_.send_memory = 1 << 20;  // and one reply: two fit
  const auto reads = ask();
  const auto drips = ask();
  for (int i = 0; i < 4; ++i) {
    reads->receive(100 << 10);
    drips->receive(1);
    turn();
    wait_ms(1'000);
  }
  const auto fresh = ask();
  EXPECT_EQ(rejected(Rejected::send_memory), 1u);
  EXPECT_TRUE(open(*reads));
  EXPECT_TRUE(open(*fresh));
  receive_all(*drips);
  EXPECT_TRUE(drips->ended());
}

TEST_F(LongRepliesTest, OneThatReadsAsFastAsTheSlowestLinkStays) {
  const auto reads = ask();
  const auto waits = begin_frame();
  ASSERT_TRUE(memory_.waiting());
  read_on(*reads, 2 * StreamSession::kSlowestBytesPerSecond);
  EXPECT_EQ(rejected(Rejected::send_memory), 0u);
  EXPECT_NE(memory_.held(MemoryUse::replies), 0u);
}

TEST_F(LongFramesTest, OfAllClientsTheOneWithMostGoes) {
  options_.write_buffer = 8 << 20;
  const auto small = begin_frame();
  const auto large = connect();
  large->send("a\n");
  turn();
  answer(next(), std::string(4 << 20, 'x'));
  turn();
  EXPECT_TRUE(memory_.over());
  EXPECT_GT(listener_->largest_hoard(), 1u << 20);
  EXPECT_TRUE(listener_->end_largest());
  EXPECT_FALSE(memory_.over());
  EXPECT_EQ(rejected(Rejected::send_memory), 1u);
  EXPECT_TRUE(open(*small));
}

}  // namespace
}  // namespace zerogate::testing
