#include "core/base/printable.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/base/quote.h"
#include "core/base/utf8.h"

namespace zerogate {
namespace {

using nlohmann::json;

std::string utf8(char32_t code) {
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | (code >> shift & 0x3f)); };
  if (code < 0x80) {
    return {static_cast<char>(code)};
  }
  if (code < 0x800) {
    return {static_cast<char>(0xc0 | code >> 6), tail(0)};
  }
  if (code < 0x10000) {
    return {static_cast<char>(0xe0 | code >> 12), tail(6), tail(0)};
  }
  return {static_cast<char>(0xf0 | code >> 18), tail(12), tail(6), tail(0)};
}

bool prints(char32_t code) { return unprintable_size(utf8(code)) == 0; }

TEST(PrintableTest, ControlsAndWhatForgesOrHidesTextDoNotPrint) {
  const auto all = [](char32_t first, char32_t last) {
    for (char32_t code = first; code <= last; ++code) {
      EXPECT_EQ(unprintable_size(utf8(code) + "a"), utf8(code).size())
          << std::hex << uint32_t{code};
    }
  };
  all(0x00, 0x1f);
  all(0x7f, 0x9f);        // DEL, C1 with U+0085
  all(0x200b, 0x200f);    // zero width space, joiners, marks
  all(0x2028, 0x202e);    // separators, embeddings, overrides
  all(0x2060, 0x206f);    // word joiner, isolates
  all(0xfeff, 0xfeff);    // byte order mark
  all(0xfff9, 0xfffb);    // interlinear annotations
  all(0xe0000, 0xe007f);  // tags
  all(0xfe00, 0xfe0f);    // variation selectors
  all(0xe0100, 0xe01ef);  // more of them: any byte, unseen
  for (const char32_t code : {0xad, 0x34f, 0x61c, 0x115f, 0x1160, 0x17b4, 0x180e, 0x3164, 0xffa0}) {
    all(code, code);
  }
}

TEST(PrintableTest, LettersBlanksAndPicturesPrint) {
  for (const char32_t code : {U' ', U'~', U'\u00a0', U'\u00df', U'\u03b1', U'\u05d0', U'\u0627',
                              U'\u0915', U'\u2003', U'\u2027', U'\u202f', U'\u205f', U'\u2070',
                              U'\u3000', U'\u6f22', U'\ufeee', U'\ufffd', U'\U0001f600'}) {
    EXPECT_TRUE(prints(code)) << std::hex << uint32_t{code};
  }
}

TEST(PrintableTest, TextPrintsWhenItIsUtf8InWhichAllPrints) {
  for (const char* text : {"", "save_order", "gr\u00f6\u00dfe \u6f22\u5b57 \U0001f600"}) {
    EXPECT_TRUE(is_printable(text)) << text;
  }
  for (const char* text : {"a\n", "\u200ba", "a\u202e", "a\u0085b", "\xff", "a\xe2\x80"}) {
    EXPECT_FALSE(is_printable(text)) << quote(text);
  }
}

TEST(PrintableTest, JsonIsTheSameDocumentOfCharactersThatPrint) {
  EXPECT_EQ(printable_json("[\"a\u00f6\u202e\x7f\u0085\ufeff\U000e0041\"]\n"),
            R"(["a)"
            "\u00f6"
            R"(\u202e\u007f\u0085\ufeff\udb40\udc41"])"
            "\n");
  EXPECT_EQ(printable_json("{}"), "{}");
  EXPECT_EQ(printable_json(""), "");
}

TEST(PrintableTest, WhateverTheCharacterItsLineStaysOneThatPrints) {
  for (char32_t code = 0; code <= 0x10ffff; ++code) {
    if (code >= 0xd800 && code <= 0xdfff) {
      continue;
    }
    const std::string text = utf8(code);
    ASSERT_TRUE(is_utf8(text));
    if (prints(code)) {
      ASSERT_EQ(plain_line(text), text) << std::hex << uint32_t{code};
      continue;
    }
    const std::string document = json(text).dump();
    ASSERT_TRUE(is_printable(printable_json(document))) << document;
    ASSERT_EQ(json::parse(printable_json(document)), json(text));
    ASSERT_TRUE(is_printable(quote(text))) << document;
    ASSERT_EQ(plain_line(text), " ") << document;
  }
}

}  // namespace
}  // namespace zerogate
