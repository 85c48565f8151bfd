#include "core/base/utf8.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/core/wire/wire_testing.h"

namespace zerogate::wire {
namespace {

using testing::from_hex;
using testing::times;

TEST(Utf8Test, SeesAByteThatIsNotAsciiAtEveryPlaceOfShortTexts) {
  for (size_t size = 1; size < 20; ++size) {
    std::string text(size, 'a');
    EXPECT_TRUE(is_utf8(text)) << size;
    for (char& c : text) {
      c = static_cast<char>(0x80);
      EXPECT_FALSE(is_utf8(text)) << size;
      c = 'a';
    }
  }
}

TEST(IsUtf8, TakesEveryLengthOfCharacter) {
  for (const char* hex : {"", "00", "7f", "c280", "dfbf", "e0a080", "ed9fbf", "ee8080", "efbfbf",
                          "f0908080", "f48fbfbf", "61 c3a9 e282ac f09f9880 62"}) {
    EXPECT_TRUE(is_utf8(from_hex(hex))) << hex;
  }
}

TEST(IsUtf8, RefusesWhatPythonRefuses) {
  // Stray continuations, overlong forms, surrogates, beyond U+10FFFF, cut characters.
  for (const char* hex :
       {"80", "bf", "c080", "c1bf", "e08080", "e09fbf", "eda080", "edbfbf", "f0808080", "f08fbfbf",
        "f4908080", "f5808080", "ff", "c3", "e282", "f09f98", "61 c3 61", "e282 61", "f09f98 61"}) {
    EXPECT_FALSE(is_utf8(from_hex(hex))) << hex;
  }
}

// ASCII is looked at eight bytes at a time.
TEST(IsUtf8, FindsOneBadByteAnywhere) {
  for (size_t size = 1; size <= 33; ++size) {
    const std::string good(size, 'a');
    EXPECT_TRUE(is_utf8(good)) << size;
    for (size_t at = 0; at < size; ++at) {
      std::string bad = good;
      bad[at] = '\xff';
      EXPECT_FALSE(is_utf8(bad)) << size << ", " << at;
    }
  }
}

TEST(AppendAsUtf8, ReplacesOnlyWhatDoesNotBelong) {
  const std::string mark = "\xef\xbf\xbd";
  std::string out = ">";
  append_as_utf8(out, from_hex("61 ff c3a9 e282 62 f09f9880 c3"));
  EXPECT_EQ(out, ">a" + mark + "\xc3\xa9" + mark + mark + "b\xf0\x9f\x98\x80" + mark);
  EXPECT_TRUE(is_utf8(out));
}

TEST(Utf8Prefix, DoesNotCutACharacter) {
  const std::string text = "ab\xe2\x82\xac!";
  EXPECT_EQ(utf8_prefix(text, 9), text);
  EXPECT_EQ(utf8_prefix(text, 6), text);
  EXPECT_EQ(utf8_prefix(text, 5), "ab\xe2\x82\xac");
  EXPECT_EQ(utf8_prefix(text, 4), "ab");
  EXPECT_EQ(utf8_prefix(text, 3), "ab");
  EXPECT_EQ(utf8_prefix(text, 2), "ab");
  EXPECT_EQ(utf8_prefix(text, 0), "");
}

TEST(Utf8Prefix, CutsWhatIsNoUtf8Anywhere) {
  EXPECT_EQ(utf8_prefix(times(100, "\x80"), 50).size(), 50u);
}

}  // namespace
}  // namespace zerogate::wire
