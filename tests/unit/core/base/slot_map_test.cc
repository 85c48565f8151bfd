#include "core/base/slot_map.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace zerogate {
namespace {

TEST(SlotMapTest, KeyFindsItsValueUntilItIsReleased) {
  SlotMap<std::string> map;
  const SlotKey a = map.take();
  const SlotKey b = map.take();
  map[a.slot] = "a";
  map[b.slot] = "b";
  EXPECT_EQ(map.size(), 2u);
  ASSERT_NE(map.find(a), nullptr);
  EXPECT_EQ(*map.find(b), "b");
  map.release(a.slot);
  EXPECT_EQ(map.find(a), nullptr);
  EXPECT_EQ(*map.find(b), "b");
  EXPECT_EQ(map.size(), 1u);
}

TEST(SlotMapTest, SlotThatIsTakenAgainHasAnotherKey) {
  SlotMap<int> map;
  const SlotKey first = map.take();
  map.release(first.slot);
  const SlotKey second = map.take();
  EXPECT_EQ(second.slot, first.slot);
  EXPECT_NE(second.generation, first.generation);
  EXPECT_EQ(map.find(first), nullptr);
  EXPECT_NE(map.find(second), nullptr);
}

TEST(SlotMapTest, KeysThatWereMadeUpFindNothing) {
  SlotMap<int> map;
  EXPECT_EQ(map.find({}), nullptr);
  EXPECT_EQ(map.find({UINT32_MAX, 1}), nullptr);
  const SlotKey key = map.take();
  EXPECT_EQ(map.find({}), nullptr);
  EXPECT_EQ(map.find({key.slot + 1, key.generation}), nullptr);
  map.release(key.slot);
  // The generation that the slot will have next, while it is free.
  EXPECT_EQ(map.find({key.slot, map.generation(key.slot)}), nullptr);
}

TEST(SlotMapTest, GenerationBeginsAgainAtOne) {
  SlotMap<int, 2> map;
  std::vector<uint32_t> generations;
  for (int i = 0; i < 7; ++i) {
    const SlotKey key = map.take();
    generations.push_back(key.generation);
    map.release(key.slot);
  }
  EXPECT_EQ(generations, (std::vector<uint32_t>{1, 2, 3, 1, 2, 3, 1}));
}

TEST(SlotMapTest, VisitsWhatIsTakenAndMayReleaseIt) {
  SlotMap<int> map;
  for (int i = 0; i < 5; ++i) {
    map[map.take().slot] = i;
  }
  map.release(2);
  std::vector<int> seen;
  map.for_each([&](uint32_t slot, int value) {
    seen.push_back(value);
    map.release(slot);
  });
  EXPECT_EQ(seen, (std::vector<int>{0, 1, 3, 4}));
  EXPECT_EQ(map.size(), 0u);
  EXPECT_EQ(map.slots(), 5u);
}

}  // namespace
}  // namespace zerogate
