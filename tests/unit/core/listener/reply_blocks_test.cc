#include "core/listener/reply_blocks.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <vector>

#include "tests/unit/core/base/beside.h"

namespace zerogate::testing {
namespace {

constexpr size_t kLarge = 1 << 20;

class ReplyBlocksTest : public ::testing::Test {
 protected:
  /// Takes them all before the first is given back.
  void use(size_t count, size_t bytes = kLarge) {
    std::vector<void*> blocks;
    for (size_t i = 0; i < count; ++i) {
      blocks.push_back(blocks_.take(bytes));
      std::memset(blocks.back(), 'x', bytes);
    }
    for (void* block : blocks) {
      blocks_.give_back(block, bytes);
    }
  }

  ReplyBlocks blocks_{8 * kLarge};
};

TEST_F(ReplyBlocksTest, ALargeBlockIsUsedAgain) {
  void* const first = blocks_.take(kLarge);
  blocks_.give_back(first, kLarge);
  EXPECT_GE(blocks_.spare(), kLarge);
  void* const second = blocks_.take(kLarge - 1);
  EXPECT_EQ(second, first);
  EXPECT_LT(blocks_.spare(), kLarge / 2);
  void* const third = blocks_.take(kLarge);
  EXPECT_NE(third, first);
  blocks_.give_back(second, kLarge - 1);
  blocks_.give_back(third, kLarge);
}

TEST_F(ReplyBlocksTest, TheOneThatWasGivenBackLastIsTakenFirst) {
  void* const first = blocks_.take(kLarge);
  void* const second = blocks_.take(kLarge);
  blocks_.give_back(first, kLarge);
  blocks_.give_back(second, kLarge);
  EXPECT_EQ(blocks_.take(kLarge), second);
  EXPECT_EQ(blocks_.take(kLarge), first);
  blocks_.give_back(first, kLarge);
  blocks_.give_back(second, kLarge);
}

TEST_F(ReplyBlocksTest, ABlockIsNeitherTooSmallNorMoreThanTwiceTooLarge) {
  void* const block = blocks_.take(kLarge);
  blocks_.give_back(block, kLarge);
  for (const size_t bytes : {kLarge / 2 - 4096, 2 * kLarge}) {
    void* const other = blocks_.take(bytes);
    EXPECT_NE(other, block) << bytes;
    std::memset(other, 'x', bytes);
    blocks_.give_back(other, bytes);
  }
  void* const half = blocks_.take(kLarge / 2 + 4096);
  EXPECT_EQ(half, block);
  EXPECT_GE(blocks_.spare(), kLarge / 2 - 4096) << "what it is too large counts";
  blocks_.give_back(half, kLarge / 2 + 4096);
}

TEST_F(ReplyBlocksTest, SmallBlocksAreNotKept) {
  use(3, ReplyBlocks::kSmallestBytes - 1);
  EXPECT_EQ(blocks_.spare(), 0);
  EXPECT_FALSE(blocks_.any());
  use(3, ReplyBlocks::kSmallestBytes);
  EXPECT_GE(blocks_.spare(), 3 * ReplyBlocks::kSmallestBytes);
}

TEST_F(ReplyBlocksTest, NoMoreIsKeptThanItMay) {
  use(20);
  EXPECT_GE(blocks_.spare(), 7 * kLarge);
  EXPECT_LE(blocks_.spare(), 8 * kLarge);
}

TEST_F(ReplyBlocksTest, WhatWasNotUsedIsFreedByHalves) {
  use(7);
  const auto kept = [this] { return (blocks_.spare() + kLarge / 2) / kLarge; };
  blocks_.free_unused();
  EXPECT_EQ(kept(), 7) << "all of them were used since";
  use(3);
  blocks_.free_unused();
  EXPECT_EQ(kept(), 5) << "four were not";
  use(5);
  blocks_.free_unused();
  EXPECT_EQ(kept(), 5);
  for (const size_t left : {2, 1, 0}) {
    blocks_.free_unused();
    EXPECT_EQ(kept(), left);
  }
  EXPECT_EQ(blocks_.spare(), 0);
  EXPECT_FALSE(blocks_.any());
}

TEST_F(ReplyBlocksTest, AUsedBlockCountsAsOneUntilItIsFreed) {
  void* const block = blocks_.take(kLarge);
  EXPECT_TRUE(blocks_.any());
  blocks_.give_back(block, kLarge);
  EXPECT_TRUE(blocks_.any());
  blocks_.free_kept();
  EXPECT_FALSE(blocks_.any());
  EXPECT_EQ(blocks_.spare(), 0);
}

TEST_F(ReplyBlocksTest, WhatWasFreedMakesRoomForOthersToBeKept) {
  use(7);
  const size_t spare = blocks_.spare();
  blocks_.free_kept();
  use(7);
  EXPECT_EQ(blocks_.spare(), spare);
}

TEST_F(ReplyBlocksTest, AnotherThreadMayGiveThemBack) {
  void* ours = blocks_.take(kLarge);
  const std::vector<std::function<void()>> all = {
      [&] { blocks_.give_back(blocks_.take(kLarge), kLarge); },
      [&] {
        blocks_.give_back(ours, kLarge);
        ours = blocks_.take(kLarge);
      },
      [&] { blocks_.free_unused(); },
      [&] { blocks_.free_kept(); },
  };
  for (const auto& work : all) {
    std::vector<void*> theirs = {blocks_.take(kLarge), blocks_.take(kLarge)};
    beside(work, [&] {
      blocks_.give_back(theirs.back(), kLarge);
      theirs.pop_back();
    });
  }
  blocks_.give_back(ours, kLarge);
  blocks_.free_kept();
  EXPECT_EQ(blocks_.spare(), 0);
  EXPECT_FALSE(blocks_.any());
}

}  // namespace
}  // namespace zerogate::testing
