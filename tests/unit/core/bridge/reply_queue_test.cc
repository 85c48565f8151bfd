// The queue's limit over a model of libzmq's pipe.
#include "core/bridge/reply_queue.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace zerogate {
namespace {

constexpr size_t kLong = 1'000;

/// libzmq's pipe between the thread that reads from the backend and ours, as pipe.cpp has it in
/// 4.3.4: the writer stops at its limit, and only what the reader tells of makes it go on.
class Pipe {
 public:
  /// The writer's side: it has a message to write. False: it sleeps.
  bool write(size_t bytes) {
    asleep_ = asleep_ || written_ - told_ >= limit_;
    if (!asleep_) {
      messages_.push_back(bytes);
      ++written_;
    }
    return !asleep_;
  }
  /// The writer looks at what it was sent, one by one.
  bool hear() {
    if (sent_.empty()) {
      return false;
    }
    const auto [is_limit, value] = sent_.front();
    sent_.pop_front();
    if (is_limit) {
      limit_ = value;
    } else {
      told_ = value;
      asleep_ = false;
    }
    return true;
  }
  /// The reader's side. 0: nothing is there.
  size_t read() {
    if (messages_.empty()) {
      return 0;
    }
    const size_t bytes = messages_.front();
    messages_.pop_front();
    if (++read_ % low_ == 0) {
      sent_.push_back({false, read_});
    }
    return bytes;
  }
  void set_limit(int limit) {
    low_ = (static_cast<uint64_t>(limit) + 1) / 2;
    sent_.push_back({true, static_cast<uint64_t>(limit)});
  }
  size_t waiting() const { return messages_.size(); }
  uint64_t read_count() const { return read_; }

 private:
  std::deque<size_t> messages_;
  std::deque<std::pair<bool, uint64_t>> sent_;
  uint64_t limit_ = ReplyQueue::kOfShort, written_ = 0, told_ = 0;
  bool asleep_ = false;
  uint64_t low_ = ReplyQueue::kOfShort / 2, read_ = 0;
};

class ReplyQueueTest : public ::testing::Test {
 protected:
  /// Takes one message, if there is one.
  bool take() {
    const size_t bytes = pipe_.read();
    if (bytes != 0 && queue_.note(bytes)) {
      pipe_.set_limit(queue_.limit());
    }
    return bytes != 0;
  }
  /// The backend sends so many, and all are taken at once. Returns false when they are stuck.
  bool pass(uint64_t count, size_t bytes) {
    for (uint64_t sent = 0; sent < count;) {
      const bool written = pipe_.write(bytes);
      sent += written ? 1 : 0;
      const bool taken = take();
      const bool heard = pipe_.hear();
      if (!written && !taken && !heard) {
        return false;
      }
    }
    return true;
  }

  ReplyQueue queue_{kLong};
  Pipe pipe_;
};

TEST_F(ReplyQueueTest, IsLongWhileRepliesAreShort) {
  EXPECT_TRUE(pass(100'000, kLong - 1));
  EXPECT_EQ(queue_.limit(), ReplyQueue::kOfShort);
}

TEST_F(ReplyQueueTest, IsShortSoonAfterTheFirstLongReply) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    ASSERT_TRUE(pass(random() % 20'000, 10)) << round;
    const uint64_t before = pipe_.read_count();
    for (uint64_t i = 0; i < 40 && queue_.limit() != ReplyQueue::kOfLong; ++i) {
      ASSERT_TRUE(pass(1, kLong)) << round;
    }
    EXPECT_EQ(queue_.limit(), ReplyQueue::kOfLong) << before;
  }
}

TEST_F(ReplyQueueTest, GrowsAgainWhenRepliesAreShort) {
  ASSERT_TRUE(pass(100, kLong));
  ASSERT_EQ(queue_.limit(), ReplyQueue::kOfLong);
  EXPECT_TRUE(pass(ReplyQueue::kOfShort, 10));
  EXPECT_EQ(queue_.limit(), ReplyQueue::kOfShort);
}

TEST_F(ReplyQueueTest, FewLongRepliesWaitHoweverManyCome) {
  ASSERT_TRUE(pass(1'234, 10));
  ASSERT_TRUE(pass(20, 50 * kLong));
  while (pipe_.write(50 * kLong)) {
  }
  EXPECT_LE(pipe_.waiting(), size_t{ReplyQueue::kOfLong});
}

TEST_F(ReplyQueueTest, ExpectsWhatTheLargestOfTheLateRepliesWas) {
  ASSERT_TRUE(pass(1, 5'000));
  EXPECT_EQ(queue_.expected_bytes(), 5'000u);
  ASSERT_TRUE(pass(4, 10));
  EXPECT_GT(queue_.expected_bytes(), 2'000u);
  ASSERT_TRUE(pass(60, 10));
  EXPECT_LT(queue_.expected_bytes(), 20u);
}

// Whatever comes when, and however late each side hears of the other.
TEST_F(ReplyQueueTest, NeverLetsTheReadingSideSleepForEver) {
  constexpr int kMixes = 100;
  for (int mix = 0; mix < kMixes; ++mix) {
    queue_ = ReplyQueue(kLong);
    pipe_ = Pipe();
    std::mt19937 random(static_cast<unsigned>(mix));
    const auto writes = 1 + random() % 8, hears = 1 + random() % 8, takes = 1 + random() % 8;
    const auto burst = 1 + random() % 6'000;
    uint64_t left = 10'000 + random() % 10'000;
    int idle = 0;
    size_t bytes = 10;
    while (left != 0) {
      if (random() % burst == 0) {
        bytes = random() % 2 == 0 ? 10 : 10 + random() % (20 * kLong);
      }
      bool moved = false;
      if (random() % 8 < writes && pipe_.write(bytes)) {
        --left;
        moved = true;
      }
      moved |= random() % 8 < hears && pipe_.hear();
      moved |= random() % 8 < takes && take();
      idle = moved ? 0 : idle + 1;
      ASSERT_LT(idle, 1'000) << "mix " << mix << ", " << left << " left";
    }
  }
}

}  // namespace
}  // namespace zerogate
