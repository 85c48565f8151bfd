// One connection: bytes that come and go in parts, calls under way, and stalls on a virtual clock.
#include "core/listener/stream_session.h"

#include "tests/unit/core/listener/stream_fixture.h"

namespace zerogate::testing {
namespace {

using Texts = std::vector<std::string>;

class StreamSessionTest : public StreamTest {
 protected:
  static constexpr uint64_t kStallMs = StreamOptions::kStallTimeoutMs;
  /// When the timer that looks for stalls comes round at the latest.
  static constexpr uint64_t kLookMs = StreamListener::kStallCheckMs;
};

TEST_F(StreamSessionTest, RequestsMayBeCutAnywhere) {
  const auto peer = connect();
  peer->send("fir");
  turn();
  EXPECT_EQ(waiting(), 0u);
  peer->send("st\nsecond\nth");
  turn();
  EXPECT_EQ(texts(), (Texts{"first", "second"}));
  peer->send("ird\n");
  turn();
  EXPECT_EQ(texts(), (Texts{"first", "second", "third"}));
  EXPECT_EQ(metrics_.received_bytes.value(), 19u);
}

TEST_F(StreamSessionTest, AnIdleSessionKeepsNoBytes) {
  const auto peer = connect();
  peer->send("whole\nhal");
  turn();
  StreamSession& session = *listener_->find(next().caller);
  EXPECT_GT(session.received_bytes(), 0u);
  peer->send("f\n");
  turn();
  EXPECT_EQ(session.received_bytes(), 0u);
}

// The frame's own memory, which grows as its bytes come, not the reads' shared one.
TEST_F(StreamSessionTest, AFrameLongerThanTheReadBufferComesInParts) {
  constexpr size_t kSize = 3 * FrameReader::kSharedBytes;
  const auto peer = connect();
  peer->send("#" + std::to_string(kSize) + "\n");
  turn();
  EXPECT_EQ(waiting(), 0u);
  for (size_t sent = 0; sent < kSize; sent += kSize / 12) {
    EXPECT_EQ(waiting(), 0u);
    peer->send(std::string(kSize / 12, 'x'));
    turn();
  }
  EXPECT_EQ(texts(), (Texts{"#" + std::to_string(kSize)}));
  EXPECT_EQ(listener_->find(next().caller)->received_bytes(), 0u);
}

TEST_F(StreamSessionTest, RepliesAreWrittenAtTheTurnsEnd) {
  const auto peer = connect();
  peer->send("a\nb\n");
  turn();
  EXPECT_TRUE(answer(next(), "A"));
  EXPECT_TRUE(answer(next(), "B"));
  EXPECT_FALSE(listener_->flushed());
  EXPECT_EQ(peer->receive(), "");
  turn();
  EXPECT_EQ(peer->receive(), "AB");
  EXPECT_TRUE(listener_->flushed());
  EXPECT_EQ(metrics_.sent_bytes.value(), 2u);
}

TEST_F(StreamSessionTest, WhatThePeerDoesNotReadWaitsAndKeepsItsOrder) {
  options_.write_buffer = 8 << 20;  // larger than the socket's own
  const auto peer = connect();
  peer->send("a\nb\nc\n");
  turn();
  const std::string large(4 << 20, 'a');
  EXPECT_TRUE(answer(next(), large));
  turn();
  EXPECT_FALSE(listener_->flushed());
  EXPECT_TRUE(answer(next(), "b"));
  const LineProtocol::Line last = next();
  EXPECT_TRUE(answer(last, "c"));
  turn();
  EXPECT_GT(listener_->find(last.caller)->unread_since_ms(), 0u);
  EXPECT_EQ(receive_all(*peer), large + "bc");
  EXPECT_TRUE(listener_->flushed());
  EXPECT_EQ(listener_->find(last.caller)->unread_since_ms(), 0u);
  EXPECT_EQ(metrics_.sent_bytes.value(), large.size() + 2);
}

TEST_F(StreamSessionTest, IsNotReadFromWhileItsPeerDoesNotRead) {
  options_.write_buffer = 1 << 10;
  options_.max_message = 4 << 20;
  const auto peer = connect();
  peer->send("a\n");
  turn();
  const std::string large(2 << 20, 'a');
  EXPECT_TRUE(answer(next(), large));
  turn();
  peer->send("b\n");
  turn();
  peer->send("c\n");
  turn();
  EXPECT_EQ(waiting(), 0u);
  EXPECT_EQ(metrics_.received_bytes.value(), 4u) << "one read more, and then none";
  EXPECT_EQ(receive_all(*peer), large);
  EXPECT_EQ(texts(), (Texts{"a", "b", "c"}));
}

// Replies that come together are no sign of a slow reader: it is judged by what it reads of them.
TEST_F(StreamSessionTest, AFastReaderGetsManyLargeRepliesAtOnce) {
  options_.write_buffer = 1 << 20;
  options_.max_message = 1 << 20;
  const auto peer = connect();
  peer->send("a\nb\nc\nd\ne\nf\n");
  turn();
  const std::string large(1 << 20, 'x');
  for (int i = 0; i < 6; ++i) {
    EXPECT_TRUE(answer(next(), large)) << "the limit is write_buffer and two messages";
  }
  EXPECT_EQ(receive_all(*peer).size(), 6 * large.size());
  EXPECT_EQ(rejected(Rejected::slow_reader), 0u);
}

TEST_F(StreamSessionTest, APeerThatLetsTooMuchWaitAndReadsNothingIsClosed) {
  options_.write_buffer = 1 << 20;
  options_.max_message = 1 << 20;
  const auto peer = connect();
  peer->send("a\nb\nc\nd\ne\nf\n");
  turn();
  const std::string large(1 << 20, 'x');
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(answer(next(), large));
  }
  turn();
  wait_ms(StreamSession::kSlowReaderMs);
  EXPECT_FALSE(answer(next(), large));
  EXPECT_FALSE(answer(next(), "e")) << "its caller has gone";
  EXPECT_EQ(rejected(Rejected::slow_reader), 1u);
  EXPECT_EQ(metrics_.connections.value(), 0u);
  turn();
  EXPECT_TRUE(listener_->flushed());
}

TEST_F(StreamSessionTest, TakesOnlySoManyCallsAtOnce) {
  const auto peer = connect();
  std::string all;
  for (uint32_t i = 0; i < StreamSession::kMaxCallsInFlight + 2; ++i) {
    all += "x\n";
  }
  peer->send(all);
  turn();
  EXPECT_EQ(waiting(), StreamSession::kMaxCallsInFlight);
  peer->send("unread\n");
  turn();
  EXPECT_EQ(waiting(), StreamSession::kMaxCallsInFlight);
  answer(next(), "1");
  answer_is_out();
  EXPECT_EQ(waiting(), StreamSession::kMaxCallsInFlight) << "one for one";
  while (waiting() > 0) {
    answer(next(), "x");
    answer_is_out();
  }
  EXPECT_EQ(texts().back(), "unread");
  EXPECT_EQ(texts().size(), StreamSession::kMaxCallsInFlight + 3);
}

TEST_F(StreamSessionTest, AFormatWithoutIdsHasOneCallAtATime) {
  const auto peer = connect();
  peer->send("1st\n2nd\n3rd\n");
  turn();
  EXPECT_EQ(texts(), (Texts{"1st"}));
  answer(next(), "1");
  answer_is_out();
  EXPECT_EQ(texts(), (Texts{"1st", "2nd"}));
  answer(next(), "2");
  answer_is_out();
  EXPECT_EQ(texts(), (Texts{"1st", "2nd", "3rd"}));
  answer(next(), "3");
  turn();
  EXPECT_EQ(peer->receive(), "123");
}

TEST_F(StreamSessionTest, AHalfClosedPeerGetsItsAnswersAndThenTheEnd) {
  const auto peer = connect();
  peer->send("a\nb\n");
  peer->finish_sending();
  turn();
  turn();
  EXPECT_TRUE(answer(next(), "A"));
  EXPECT_TRUE(open(*peer));
  EXPECT_TRUE(answer(next(), "B"));
  EXPECT_FALSE(open(*peer));
  EXPECT_EQ(received_, "AB");
  EXPECT_EQ(metrics_.connections.value(), 0u);
}

TEST_F(StreamSessionTest, AHalfClosedPeerGetsALongAnswerWhole) {
  options_.write_buffer = 8 << 20;
  const auto peer = connect();
  peer->send("a\n");
  peer->finish_sending();
  turn();
  turn();
  EXPECT_TRUE(answer(next(), std::string(4 << 20, 'A')));
  turn();
  EXPECT_EQ(metrics_.connections.value(), 1u) << "the peer has not read it yet";
  EXPECT_EQ(receive_all(*peer).size(), size_t{4} << 20);
  EXPECT_TRUE(peer->ended());
}

TEST_F(StreamSessionTest, ARequestThatIsCutOffIsCountedBehindTheAnswersBeforeIt) {
  const auto peer = connect();
  peer->send("a\ncut of");
  peer->finish_sending();
  turn();
  turn();
  EXPECT_EQ(malformed(Malformed::truncated), 1u);
  EXPECT_TRUE(open(*peer));
  EXPECT_TRUE(answer(next(), "A"));
  EXPECT_FALSE(open(*peer));
  EXPECT_EQ(received_, "A");
}

TEST_F(StreamSessionTest, BytesThatAreNoRequestEndItBehindTheAnswersBeforeThem) {
  const auto peer = connect();
  peer->send("a\n?\nb\n");
  turn();
  EXPECT_EQ(malformed(Malformed::other_protocol), 1u);
  EXPECT_EQ(texts(), (Texts{"a"}));
  EXPECT_TRUE(open(*peer));
  EXPECT_TRUE(answer(next(), "A"));
  EXPECT_FALSE(open(*peer));
  EXPECT_EQ(received_, "A");
}

TEST_F(StreamSessionTest, AnAnswerToAPeerThatHasGoneIsNotTaken) {
  const auto peer = connect();
  peer->send("a\n");
  turn();
  peer->leave();
  turn();
  turn();
  answer(next(), "A");  // it may have been half closed only
  turn();
  EXPECT_EQ(metrics_.connections.value(), 0u);
}

TEST_F(StreamSessionTest, ARequestThatIsNotFinishedInTimeEndsIt) {
  const auto peer = connect();
  peer->send("begun");
  turn();
  wait_ms(kStallMs / 2);
  peer->send("and not ended");  // bytes alone do not help
  turn();
  wait_ms(kStallMs / 2 - kLookMs);
  EXPECT_TRUE(open(*peer));
  wait_ms(2 * kLookMs);
  EXPECT_FALSE(open(*peer));
  EXPECT_EQ(rejected(Rejected::stalled), 1u);
}

TEST_F(StreamSessionTest, EachRequestHasItsOwnTime) {
  const auto peer = connect();
  for (int i = 0; i < 5; ++i) {
    peer->send("beg");
    turn();
    wait_ms(kStallMs * 2 / 3);
    peer->send("un\nbeg");
    turn();
    wait_ms(kStallMs * 2 / 3);
    peer->send("un\n");
    turn();
  }
  EXPECT_TRUE(open(*peer));
  EXPECT_EQ(waiting(), 10u);
}

TEST_F(StreamSessionTest, WhatWaitsForACallHasAllItsTimeAlthoughItsCallCameInPieces) {
  const auto peer = connect();
  peer->send("1");
  turn();
  peer->send("\n2\n");
  turn();
  wait_ms(2 * kStallMs);
  EXPECT_EQ(rejected(Rejected::stalled), 0u);
  EXPECT_TRUE(open(*peer));
}

TEST_F(StreamSessionTest, ALongRequestHasMoreTime) {
  constexpr size_t kMore = 20;  // seconds
  const auto peer = connect();
  peer->send("#" + std::to_string(kMore * StreamSession::kSlowestBytesPerSecond) + "\nxx");
  turn();
  wait_ms(kStallMs + kMore * 1'000 - kLookMs);
  EXPECT_TRUE(open(*peer));
  wait_ms(2 * kLookMs);
  EXPECT_FALSE(open(*peer));
  EXPECT_EQ(rejected(Rejected::stalled), 1u);
}

// Requests that wait for an answer's room are not the peer's fault.
TEST_F(StreamSessionTest, WhatWaitsForOtherCallsDoesNotStall) {
  const auto peer = connect();
  peer->send("1st\n2nd\n3r");
  turn();
  wait_ms(3 * kStallMs);
  EXPECT_TRUE(open(*peer));
  answer(next(), "1");
  answer_is_out();
  answer(next(), "2");
  answer_is_out();
  wait_ms(kStallMs + 2 * kLookMs);
  EXPECT_FALSE(open(*peer)) << "now it is its turn";
}

class UnreadTest : public StreamSessionTest {
 protected:
  UnreadTest() { options_.write_buffer = 8 << 20; }
  /// A peer for which more waits than its socket takes.
  std::unique_ptr<Peer> connect_unread() {
    auto peer = connect();
    peer->send("a\n");
    turn();
    answer(next(), std::string(4 << 20, 'x'));
    turn();
    return peer;
  }
};

TEST_F(UnreadTest, APeerThatReadsNothingIsClosed) {
  const auto peer = connect_unread();
  wait_ms(kStallMs - kLookMs);
  EXPECT_EQ(metrics_.connections.value(), 1u);
  wait_ms(2 * kLookMs);
  EXPECT_EQ(metrics_.connections.value(), 0u);
  EXPECT_EQ(rejected(Rejected::slow_reader), 1u);
  EXPECT_TRUE(listener_->flushed());
}

TEST_F(UnreadTest, APeerThatReadsSlowlyIsNot) {
  const auto peer = connect_unread();
  size_t read = 0;
  for (int i = 0; i < 5; ++i) {
    wait_ms(kStallMs * 2 / 3);
    read += peer->receive(256 << 10).size();
    turn();
  }
  EXPECT_EQ(metrics_.connections.value(), 1u);
  EXPECT_EQ(read + receive_all(*peer).size(), size_t{4} << 20);
}

TEST_F(UnreadTest, NoTimerRunsWhenNothingCanStall) {
  const auto peer = connect_unread();
  EXPECT_NE(timers_.next_ms(), UINT64_MAX);
  receive_all(*peer);
  wait_ms(2 * kLookMs);
  EXPECT_EQ(timers_.next_ms(), UINT64_MAX);
}

}  // namespace
}  // namespace zerogate::testing
