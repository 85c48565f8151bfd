#include "core/base/word.h"

#include <gtest/gtest.h>

#include <string>

namespace zerogate {
namespace {

TEST(WordTest, TheSameTextsAreTheSameWhateverTheirLength) {
  for (size_t size = 0; size <= 20; ++size) {
    const std::string text(size, 'x');
    EXPECT_TRUE(are_same(text, std::string(text))) << size;
    EXPECT_FALSE(are_same(text, text + 'x')) << size;
    EXPECT_FALSE(are_same(text + 'x', text)) << size;
    for (size_t at = 0; at < size; ++at) {
      std::string other = text;
      other[at] = 'y';
      EXPECT_FALSE(are_same(text, other)) << size << " " << at;
    }
  }
  EXPECT_TRUE(are_same({}, {}));
}

}  // namespace
}  // namespace zerogate
