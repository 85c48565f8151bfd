#include "core/base/glob.h"

#include <gtest/gtest.h>

#include <string>

namespace zerogate {
namespace {

TEST(Glob, WithoutAStarMatchesItselfOnly) {
  EXPECT_TRUE(glob_match("save_order", "save_order"));
  EXPECT_FALSE(glob_match("save_order", "save_orders"));
  EXPECT_FALSE(glob_match("save_order", "save_orde"));
  EXPECT_FALSE(glob_match("save_order", ""));
  EXPECT_FALSE(glob_match("save", "Save"));
  EXPECT_TRUE(glob_match("", ""));
  EXPECT_FALSE(glob_match("", "a"));
}

TEST(Glob, AStarStandsForAnyCharacters) {
  for (const auto* glob :
       {"*", "**", "a*", "*c", "a*c", "*b*", "abc*", "*abc", "a**c", "*a*b*c*"}) {
    EXPECT_TRUE(glob_match(glob, "abc")) << glob;
  }
  for (const auto* glob : {"b*", "*b", "a*b", "abc*d", "*d*", "a*a", "*abc*c"}) {
    EXPECT_FALSE(glob_match(glob, "abc")) << glob;
  }
  EXPECT_TRUE(glob_match("*", ""));
  EXPECT_FALSE(glob_match("a*a", "a"));
}

TEST(Glob, AStarGivesBackWhatALaterOneNeeds) {
  EXPECT_TRUE(glob_match("*_order", "save_order_order"));
  EXPECT_TRUE(glob_match("a*bc*d", "abxbcxbd"));
  EXPECT_FALSE(glob_match("a*bc*d", "abxbcxbe"));
}

TEST(Glob, OtherPatternCharactersStandForThemselves) {
  EXPECT_TRUE(glob_match("a?[b]\\", "a?[b]\\"));
  EXPECT_FALSE(glob_match("a?", "ab"));
  EXPECT_FALSE(glob_match("[ab]", "a"));
  EXPECT_TRUE(glob_match("a*", std::string_view("a\0b\xff", 4)));
}

TEST(Glob, ManyStarsDoNotTakeForEver) {
  std::string glob;
  for (int i = 0; i < 40; ++i) {
    glob += "*a";
  }
  EXPECT_FALSE(glob_match(glob + "b", std::string(5'000, 'a')));
}

}  // namespace
}  // namespace zerogate
