#include "core/sdk/python_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "core/wire/msgpack_write.h"
#include "tests/unit/core/wire/wire_testing.h"

namespace zerogate::sdk {
namespace {

using wire::testing::from_hex;

/// Every byte below 0x20, and what else has a meaning in Python's literals.
std::string all_controls() {
  std::string text;
  for (char c = 0; c < 0x20; ++c) {
    text += c;
  }
  return text + "\x7f ~'\"\\";
}
constexpr const char* kControlsEscaped =
    R"(\x00\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0b\x0c\r\x0e\x0f)"
    R"(\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f ~'\"\\)";

TEST(PythonTextTest, AStrIsOnOneLineWhateverIsInIt) {
  EXPECT_EQ(python_str(""), R"("")");
  EXPECT_EQ(python_str(all_controls()), '"' + std::string(kControlsEscaped) + '"');
  EXPECT_EQ(python_str("\xc3\xa9\xff"), "\"\xc3\xa9\xef\xbf\xbd\"");
}

TEST(PythonTextTest, BytesAreAscii) {
  EXPECT_EQ(python_bytes(""), R"(b"")");
  EXPECT_EQ(python_bytes(all_controls()), "b\"" + std::string(kControlsEscaped) + '"');
  EXPECT_EQ(python_bytes("a\x80\xff"), R"(b"a\x80\xff")");
}

TEST(PythonTextTest, AFloatIsReadBackAsTheSameNumber) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::pair<double, const char*> numbers[] = {{2, "2.0"},
                                                    {-0.0, "-0.0"},
                                                    {0.1, "0.1"},
                                                    {1e300, "1e+300"},
                                                    {1.5e-7, "1.5e-07"},
                                                    {kInfinity, "float(\"inf\")"},
                                                    {-kInfinity, "float(\"-inf\")"},
                                                    {std::nan(""), "float(\"nan\")"}};
  for (const auto& [number, text] : numbers) {
    EXPECT_EQ(python_float(number), text);
  }
}

TEST(PythonTextTest, ADocstringKeepsLinesTabsAndQuotes) {
  EXPECT_EQ(python_docstring("One.\n\tTwo \"so\" it's\r\\.", 4),
            "\"\"\"One.\n    \tTwo \"so\" it's\\r\\\\.\"\"\"");
  EXPECT_EQ(python_docstring("ends \"so\"", 0), R"("""ends \"so\"""")");
  EXPECT_EQ(python_docstring("a\"\"\"b", 0), R"("""a\"\"\"b""")");
  EXPECT_EQ(python_docstring("", 0), R"("""""")");
}

TEST(PythonTextTest, AnIdentifierIsTheNameOrWhatIsClosest) {
  const std::pair<const char*, const char*> names[] = {{"get_Order2", "get_Order2"},
                                                       {"azAZ_09", "azAZ_09"},
                                                       {"orders.get", "orders_get"},
                                                       {"2nd", "_2nd"},
                                                       {"", "_"},
                                                       {"\xc3\xa9", "__"},
                                                       {"a@[`{/:", "a______"}};
  for (const auto& [name, identifier] : names) {
    EXPECT_EQ(python_identifier(name), identifier);
  }
  for (const std::string keyword :
       {"False", "None",     "True",  "and",    "as",   "assert", "async",  "await",    "break",
        "class", "continue", "def",   "del",    "elif", "else",   "except", "finally",  "for",
        "from",  "global",   "if",    "import", "in",   "is",     "lambda", "nonlocal", "not",
        "or",    "pass",     "raise", "return", "try",  "while",  "with",   "yield",    "self"}) {
    EXPECT_EQ(python_identifier(keyword), keyword + '_');
  }
}

std::string spelled(std::string_view type) {
  return PythonType::parse(type).text([](const std::string& name) { return name; });
}

TEST(PythonTextTest, ATypeIsSpelledForPython39) {
  const std::pair<const char*, const char*> types[] = {
      {"int", "int"},
      {"dict[str, list[int]]", "dict[str, list[int]]"},
      {"int | None", "Optional[int]"},
      {"None | int", "Optional[int]"},
      {"int | str", "Union[int, str]"},
      {"int | str | None", "Union[int, str, None]"},
      {" dict [ str ,int|None ] ", "dict[str, Optional[int]]"},
      {"tuple[()]", "tuple[()]"},
      {"None", "None"},
      {"Page<std::vector<int, x> >", "Page<std::vector<int, x> >"},
      {"list[Page<int, x> | None]", "list[Optional[Page<int, x>]]"},
      {"a> | None", "Optional[a>]"}};
  for (const auto& [type, text] : types) {
    EXPECT_EQ(spelled(type), text);
  }
}

TEST(PythonTextTest, WhatIsNoTypeIsAny) {
  for (const char* const text : {"", "|", "int |", "list[", "list[int", "list[int,", "list[]",
                                 "list]", "int]", "int,", "[int]", "int str", "a>, b"}) {
    EXPECT_EQ(spelled(text), "Any") << text;
  }
}

TEST(PythonTextTest, AValueIsALiteral) {
  const std::pair<const char*, const char*> values[] = {
      {"c0", "None"},
      {"c2", "False"},
      {"c3", "True"},
      {"05", "5"},
      {"ff", "-1"},
      {"cf ffffffffffffffff", "18446744073709551615"},
      {"d3 8000000000000000", "-9223372036854775808"},
      {"cb 4000000000000000", "2.0"},
      {"a2 6122", R"("a\"")"},
      {"c4 02 00ff", R"(b"\x00\xff")"},
      {"90", "[]"},
      {"93 01 c3 c0", "[1, True, None]"},
      {"80", "{}"},
      {"82 a161 91 01 02 c0", R"({"a": [1], 2: None})"},
      {"d6 ff 00000000", R"("1970-01-01T00:00:00Z")"},
      // Python has no such time.
      {"c7 0c ff 00000000 7fffffffffffffff", R"("")"}};
  for (const auto& [hex, text] : values) {
    EXPECT_EQ(python_value(from_hex(hex)), text) << hex;
  }
}

}  // namespace
}  // namespace zerogate::sdk
