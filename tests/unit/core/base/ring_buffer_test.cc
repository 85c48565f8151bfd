#include "core/base/ring_buffer.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>

namespace zerogate {
namespace {

TEST(RingBufferTest, KeepsOrderWhileItWrapsAndGrows) {
  RingBuffer<int> ring;
  std::deque<int> model;
  int next = 0;
  for (int round = 0; round < 300; ++round) {
    for (int i = 0; i < 1 + round % 7; ++i, ++next) {
      ring.push_back(next), model.push_back(next);
    }
    for (int i = 0; i < round % 5 && !model.empty(); ++i) {
      EXPECT_EQ(ring.front(), model.front());
      EXPECT_EQ(ring.pop_front(), model.front());
      model.pop_front();
    }
    ASSERT_EQ(ring.size(), model.size());
  }
  while (!ring.empty()) {
    EXPECT_EQ(ring.pop_front(), model.front());
    model.pop_front();
  }
  EXPECT_TRUE(model.empty());
}

TEST(RingBufferTest, HoldsWhatCanOnlyBeMoved) {
  RingBuffer<std::unique_ptr<int>> ring;
  for (int i = 0; i < 40; ++i) {
    ring.push_back(std::make_unique<int>(i));
  }
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(*ring.pop_front(), i);
  }
}

}  // namespace
}  // namespace zerogate
