#include "core/base/name_map.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <string>
#include <vector>

namespace zerogate {
namespace {

TEST(NameMapTest, FindsWhatWasSetAndNothingElse) {
  NameMap<int> map;
  EXPECT_EQ(map.find("a"), nullptr);
  map.set("a", 1);
  map.set("", 2);
  ASSERT_NE(map.find("a"), nullptr);
  EXPECT_EQ(*map.find("a"), 1);
  EXPECT_EQ(*map.find(""), 2);
  EXPECT_EQ(map.find("b"), nullptr);
  EXPECT_EQ(map.find(ByteView("a\0", 2)), nullptr) << "a NUL is a byte like others";
  map.set("a", 3);
  EXPECT_EQ(*map.find("a"), 3);
  EXPECT_EQ(map.size(), 2u);
}

// The first and the last eight bytes, and the length, are all that is hashed.
TEST(NameMapTest, TellsNamesApartThatDifferInAnyByte) {
  for (size_t size = 1; size <= 40; ++size) {
    NameMap<size_t> map;
    const std::string base(size, 'x');
    for (size_t at = 0; at < size; ++at) {
      std::string name = base;
      name[at] = 'y';
      map.set(name, at);
    }
    for (size_t at = 0; at < size; ++at) {
      std::string name = base;
      name[at] = 'y';
      ASSERT_NE(map.find(name), nullptr) << size;
      EXPECT_EQ(*map.find(name), at) << size;
    }
    EXPECT_EQ(map.find(base), nullptr) << size;
    EXPECT_EQ(map.find(base + 'x'), nullptr) << size;
  }
}

TEST(NameMapTest, KeepsManyNames) {
  NameMap<int> map;
  constexpr int kNames = 1'000;
  for (int i = 0; i < kNames; ++i) {
    map.set(fmt::format("function_{}_of_a_service", i), i);
  }
  EXPECT_EQ(map.size(), static_cast<size_t>(kNames));
  for (int i = 0; i < kNames; ++i) {
    const int* found = map.find(fmt::format("function_{}_of_a_service", i));
    ASSERT_NE(found, nullptr) << i;
    EXPECT_EQ(*found, i);
  }
}

}  // namespace
}  // namespace zerogate
