#include "core/listener/zmq_peers.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace zerogate {
namespace {

constexpr size_t kCapacity = 10;

std::string name(size_t number) { return fmt::format("peer {}", number); }

class ZmqPeersTest : public ::testing::Test {
 protected:
  bool knows(CallerKey key) { return peers_.find(key) != nullptr; }

  ZmqPeers peers_{kCapacity};
};

TEST_F(ZmqPeersTest, APeerKeepsItsKey) {
  const CallerKey first = peers_.touch("one");
  const CallerKey second = peers_.touch("two");
  const CallerKey again = peers_.touch("one");
  EXPECT_EQ(again.slot, first.slot);
  EXPECT_EQ(again.generation, first.generation);
  EXPECT_NE(second.slot, first.slot);
  ASSERT_TRUE(knows(first));
  EXPECT_EQ(peers_.find(first)->identity, "one");
  EXPECT_EQ(peers_.find(second)->identity, "two");
  EXPECT_EQ(peers_.size(), 2u);
}

TEST_F(ZmqPeersTest, IdentitiesAreBytes) {
  const CallerKey zero = peers_.touch(ByteView("\0\0\0\0\1", 5));
  const CallerKey other = peers_.touch(ByteView("\0\0\0\0\2", 5));
  EXPECT_NE(zero.slot, other.slot);
  EXPECT_EQ(peers_.find(zero)->identity, std::string("\0\0\0\0\1", 5));
}

TEST_F(ZmqPeersTest, TheOneThatHasBeenSilentForLongestIsForgotten) {
  std::vector<CallerKey> keys;
  for (size_t i = 0; i < kCapacity; ++i) {
    keys.push_back(peers_.touch(name(i)));
  }
  for (size_t i = 0; i < kCapacity; i += 2) {
    peers_.touch(name(i));  // the even ones speak again
  }
  for (size_t i = 0; i < kCapacity / 2; ++i) {
    peers_.touch(name(100 + i));
  }
  EXPECT_EQ(peers_.size(), kCapacity);
  for (size_t i = 0; i < kCapacity; ++i) {
    EXPECT_EQ(knows(keys[i]), i % 2 == 0) << i;
  }
}

TEST_F(ZmqPeersTest, AForgottenOnesKeyDoesNotFindItsSuccessor) {
  const CallerKey old = peers_.touch("old");
  peers_.find(old)->in_flight = 3;
  peers_.find(old)->unsent = std::make_shared<std::atomic<size_t>>(5);
  peers_.find(old)->uncounted = 7;
  peers_.find(old)->judged = 2;
  peers_.find(old)->last_sent_ms = 9;
  peers_.find(old)->address = "10.0.0.1:5";
  peers_.mark_used(*peers_.find(old));
  peers_.forget(old);
  EXPECT_FALSE(knows(old));
  EXPECT_EQ(peers_.size(), 0u);
  peers_.forget(old);  // again, for nothing
  const CallerKey next = peers_.touch("new");
  EXPECT_EQ(next.slot, old.slot) << "the slot is used again";
  EXPECT_FALSE(knows(old));
  EXPECT_EQ(peers_.find(next)->in_flight, 0u);
  EXPECT_EQ(peers_.find(next)->unsent, nullptr);
  EXPECT_EQ(peers_.find(next)->uncounted, 0u);
  EXPECT_EQ(peers_.find(next)->judged, 0u);
  EXPECT_EQ(peers_.find(next)->last_sent_ms, 0u);
  EXPECT_EQ(peers_.find(next)->address, "");
  EXPECT_EQ(peers_.used(), 0u);
  const CallerKey returned = peers_.touch("old");
  EXPECT_FALSE(knows(old)) << "and one that comes back is a new one";
  EXPECT_TRUE(knows(returned));
}

TEST_F(ZmqPeersTest, APeerWithACallUnderWayIsNeverForgotten) {
  const CallerKey busy = peers_.touch("busy");
  peers_.find(busy)->in_flight = 1;
  for (size_t i = 0; i < 100 * kCapacity; ++i) {
    peers_.touch(name(i));
  }
  EXPECT_TRUE(knows(busy));
  peers_.find(busy)->in_flight = 0;
  for (size_t i = 0; i < 2 * kCapacity; ++i) {
    peers_.touch(name(1'000'000 + i));
  }
  EXPECT_FALSE(knows(busy)) << "once it is answered it grows old as others do";
}

// One call that takes long must not keep thousands of others in memory.
TEST_F(ZmqPeersTest, ACallThatTakesLongHoldsUpNobodyElse) {
  peers_.find(peers_.touch("busy"))->in_flight = 1;
  for (size_t i = 0; i < 1'000; ++i) {
    peers_.touch(name(i));
    ASSERT_LE(peers_.size(), kCapacity);
  }
}

TEST_F(ZmqPeersTest, ACrowdWithCallsUnderWayIsShrunkAgain) {
  constexpr size_t kCrowd = 10 * kCapacity;
  std::vector<CallerKey> crowd;
  for (size_t i = 0; i < kCrowd; ++i) {
    crowd.push_back(peers_.touch(name(i)));
    peers_.find(crowd.back())->in_flight = 1;
  }
  EXPECT_EQ(peers_.size(), kCrowd) << "all are still to be answered";
  // As many others come and go: there never are many more than capacity and calls in flight.
  for (size_t i = 0; i < kCrowd; ++i) {
    peers_.touch(name(1'000 + i));
    ASSERT_LE(peers_.size(), kCrowd + kCapacity + kCrowd / 8);
  }
  for (const CallerKey key : crowd) {
    ASSERT_TRUE(knows(key));
    peers_.find(key)->in_flight = 0;
  }
  for (size_t i = 0; i < kCrowd; ++i) {
    peers_.touch(name(2'000 + i));
  }
  EXPECT_LE(peers_.size(), kCapacity);
}

}  // namespace
}  // namespace zerogate
