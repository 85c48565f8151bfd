// Sessions that claim memory of the worker's account, wait for it, or hold it too long.
#include "core/listener/stream_listener.h"

#include "tests/unit/core/listener/stream_fixture.h"

namespace zerogate::testing {
namespace {

class LongFramesTest : public StreamTest {
 protected:
  static constexpr size_t kFrame = 200 << 10;
  LongFramesTest() {
    options_.max_message = 1 << 20;
    options_.memory = &memory_;
  }
  ~LongFramesTest() override { listener_.reset(); }

  static constexpr size_t kBegun = FrameReader::kSharedBytes;  ///< so that it claims its memory

  /// A peer that has begun a frame of so many bytes.
  std::unique_ptr<Peer> begin_frame(size_t size = kFrame, size_t begun = kBegun) {
    auto peer = connect();
    peer->send("#" + std::to_string(size) + "\n" + std::string(begun, 'x'));
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
    memory_.serve(clock_.now_ms());
    turn();
  }

  MemoryAccount memory_{1 << 20};  // room for two such frames below the soft mark
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
  EXPECT_EQ(rejected(Rejected::receive_memory), 2u);
  serve();
  end_frame(*waits);
  serve();
  EXPECT_EQ(waiting(), 1u);
}

TEST_F(LongFramesTest, OneThatDoesNotFillItsClaimInGoodTimeGoesWhileOthersWait) {
  constexpr size_t kLong = 900 << 10;
  constexpr size_t kSlow = 80 << 10, kSwift = 120 << 10;  // an eighth of it lies between
  const auto holds = begin_frame(kLong);
  const auto send_for_4s = [&](size_t bytes_per_second) {
    for (int i = 0; i < 8; ++i) {
      holds->send_some(std::string(bytes_per_second / 2, 'x'));
      turn();
      wait_ms(500);
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
