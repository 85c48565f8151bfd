#include "core/base/quote.h"

#include <gtest/gtest.h>

namespace zerogate {
namespace {

TEST(Quote, KeepsPlainTextAndUtf8) {
  EXPECT_EQ(quote(""), "''");
  EXPECT_EQ(quote("16Mib"), "'16Mib'");
  EXPECT_EQ(quote("gr\u00f6\u00dfe"), "'gr\u00f6\u00dfe'");
}

TEST(Quote, StaysOnOneLine) { EXPECT_EQ(quote("a\nb\x1b[31m\x7f"), "'a\\x0ab\\x1b[31m\\x7f'"); }

TEST(Quote, EscapesWhatIsNotUtf8) { EXPECT_EQ(quote("\xff\xc3"), "'\\xff\\xc3'"); }

TEST(Quote, CutsLongTextBetweenCharacters) {
  const std::string longest(kMaxQuotedBytes, 'x');
  EXPECT_EQ(quote(longest), "'" + longest + "'");
  EXPECT_EQ(quote(longest + "y"), "'" + longest + "...'");
  const std::string shorter(kMaxQuotedBytes - 1, 'x');
  EXPECT_EQ(quote(shorter + "\u00f6"), "'" + shorter + "...'");
  EXPECT_EQ(quote(shorter + "\x80\x80"), "'" + shorter + "\\x80...'") << "bytes are none";
}

TEST(Quote, EscapesControlCharactersBeyondAscii) {
  EXPECT_EQ(quote("a\u009b2J\u00a0"), "'a\\xc2\\x9b2J\u00a0'");
}

TEST(Quote, EscapesWhatForgesOrHidesText) {
  EXPECT_EQ(quote("a\u202eb\u200b"), "'a\\xe2\\x80\\xaeb\\xe2\\x80\\x8b'");
}

TEST(PlainLine, HasNothingThatATerminalObeys) {
  EXPECT_EQ(plain_line("gr\u00f6\u00dfe"), "gr\u00f6\u00dfe");
  EXPECT_EQ(plain_line("a\nb\x1b[2J\x7f\u009b2J"), "a b [2J  2J");
  EXPECT_EQ(plain_line("a\xff\x9b"), "a\ufffd\ufffd");
  EXPECT_EQ(plain_line("a\u202eb\u2028c\ufeff\u3042"), "a b c \u3042");
}

}  // namespace
}  // namespace zerogate
