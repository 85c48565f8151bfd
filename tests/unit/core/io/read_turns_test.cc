// Streams that have much to read beside one that has little.
#include "core/io/read_turns.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <list>
#include <memory>
#include <string>

#include "core/io/event_loop.h"
#include "core/io/tcp_stream.h"

namespace zerogate {
namespace {

constexpr size_t kShare = ReadTurns::kShareBytes;

struct CountingOwner final : TcpStream::Owner {
  void on_connected() override {}
  void on_bytes(ByteView bytes) override { read += bytes.size(); }
  void on_writable() override {}
  void on_closed(int) override { stream->close(); }

  std::unique_ptr<TcpStream> stream;
  UniqueFd peer;
  size_t read = 0;
};

class ReadTurnsTest : public ::testing::Test {
 protected:
  ~ReadTurnsTest() override { owners_.clear(); }

  /// A stream for which `bytes` wait.
  CountingOwner& connect(size_t bytes) {
    CountingOwner& owner = owners_.emplace_back();
    owner.stream = std::make_unique<TcpStream>(loop_.uv(), owner, read_buffer_.data());
    owner.stream->take_turns(turns_);
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    owner.peer.reset(ends[0]);
    EXPECT_TRUE(owner.stream->adopt(UniqueFd(ends[1])));
    EXPECT_EQ(owner.stream->start_reading(), 0);
    const std::string all(bytes, 'x');
    EXPECT_EQ(::send(ends[0], all.data(), all.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes));
    return owner;
  }
  size_t read_by_all() const {
    size_t sum = 0;
    for (const CountingOwner& owner : owners_) {
      sum += owner.read;
    }
    return sum;
  }

  EventLoop loop_;
  ReadTurns turns_{loop_.uv()};
  std::string read_buffer_ = std::string(FrameReader::kSharedBytes, '\0');
  std::list<CountingOwner> owners_;
};

TEST_F(ReadTurnsTest, NoStreamReadsMoreThanItsShareInATurn) {
  const CountingOwner& greedy = connect(2 * kShare + 100);
  const CountingOwner& modest = connect(100);
  loop_.run_turn();
  EXPECT_EQ(greedy.read, kShare);
  EXPECT_EQ(modest.read, 100u);
  loop_.run_turn();
  EXPECT_EQ(greedy.read, 2 * kShare);
  loop_.run_turn();
  EXPECT_EQ(greedy.read, 2 * kShare + 100);
  EXPECT_EQ(turns_.size(), 0u);
}

TEST_F(ReadTurnsTest, OneThatSendsOftenAndNeverMuchAtOnceNeedNotWait) {
  CountingOwner& often = connect(0);
  const std::string some(FrameReader::kSharedBytes / 2, 'x');
  for (size_t sent = some.size(); sent <= 4 * kShare; sent += some.size()) {
    ASSERT_EQ(::send(often.peer.get(), some.data(), some.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(some.size()));
    loop_.run_turn();
    ASSERT_EQ(often.read, sent);
    ASSERT_EQ(turns_.size(), 0u);
  }
}

TEST_F(ReadTurnsTest, ManyGreedyOnesTakeTurnsAndAModestOneIsReadInEach) {
  for (int i = 0; i < 3 * ReadTurns::kStreamsPerTurn; ++i) {
    connect(2 * kShare);
  }
  loop_.run_turn();
  for (int round = 0; round < 3; ++round) {
    const CountingOwner& modest = connect(100);
    const size_t before = read_by_all();
    loop_.run_turn();
    EXPECT_EQ(modest.read, 100u);
    EXPECT_EQ(read_by_all() - before, ReadTurns::kStreamsPerTurn * kShare + 100) << round;
  }
  for (const CountingOwner& owner : owners_) {
    EXPECT_EQ(owner.read, owner.read == 100 ? 100 : 2 * kShare) << "each had its turn";
  }
}

TEST_F(ReadTurnsTest, OneThatWaitsMayStopOrEnd) {
  CountingOwner& stopped = connect(2 * kShare);
  CountingOwner& ended = connect(2 * kShare);
  loop_.run_turn();
  stopped.stream->stop_reading();
  ended.stream->close();
  loop_.run_turn();
  EXPECT_EQ(stopped.read, kShare);
  EXPECT_EQ(ended.read, kShare);
  stopped.stream->start_reading();
  loop_.run_turn();
  EXPECT_EQ(stopped.read, 2 * kShare);
}

}  // namespace
}  // namespace zerogate
