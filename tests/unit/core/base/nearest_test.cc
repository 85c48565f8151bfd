#include "core/base/nearest.h"

#include <gtest/gtest.h>

namespace zerogate {
namespace {

TEST(Nearest, ALongWordMayHaveTwoMistakes) {
  EXPECT_EQ(nearest("threads", {"threads"}), "threads");
  EXPECT_EQ(nearest("thrads", {"threads"}), "threads") << "a letter is missing";
  EXPECT_EQ(nearest("threaads", {"threads"}), "threads") << "one is too many";
  EXPECT_EQ(nearest("tjreafs", {"threads"}), "threads") << "two are others";
  EXPECT_EQ(nearest("tjreafx", {"threads"}), "");
  EXPECT_EQ(nearest("ths", {"threads"}), "");
}

TEST(Nearest, AShortWordMayHaveOne) {
  EXPECT_EQ(nearest("tsl", {"tls"}), "") << "two letters are others";
  EXPECT_EQ(nearest("tlx", {"tls"}), "tls");
  EXPECT_EQ(nearest("tlsx", {"tl"}), "tl") << "of four letters";
  EXPECT_EQ(nearest("tlx", {"t"}), "");
  EXPECT_EQ(nearest("", {"a"}), "a");
  EXPECT_EQ(nearest("", {"ab"}), "");
  EXPECT_EQ(nearest("a", {}), "");
}

TEST(Nearest, TheFirstOfThoseWithTheFewestMistakesIsMeant) {
  EXPECT_EQ(nearest("ports", {"parts!", "posts", "forts", "port"}), "posts");
  EXPECT_EQ(nearest("port", {"posts", "port"}), "port");
}

TEST(Nearest, AWordHasAtMost64Letters) {
  const std::string longest(64, 'a');
  EXPECT_EQ(nearest(longest, {longest + "b"}), longest + "b");
  EXPECT_EQ(nearest(longest + "a", {longest}), "");
}

TEST(Listed, IsTheSentenceOfTheWords) {
  EXPECT_EQ(listed({}), "");
  EXPECT_EQ(listed({"a"}), "a");
  EXPECT_EQ(listed({"a", "b"}), "a or b");
  EXPECT_EQ(listed({"a", "b", "c"}, "and"), "a, b and c");
  EXPECT_EQ(listed({"a", "b", "c", "d"}), "a, b, c or d");
}

}  // namespace
}  // namespace zerogate
