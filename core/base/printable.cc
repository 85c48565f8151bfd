#include "core/base/printable.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "core/base/append_format.h"
#include "core/base/utf8.h"

namespace zerogate {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

/// In order. Without a comment: ignorable by default (Unicode's DerivedCoreProperties.txt, 15.1).
constexpr std::array kUnprintable = {
    Range{0x00, 0x1f},        // C0 controls
    Range{0x7f, 0x9f},        // DEL and the C1 controls
    Range{0xad, 0xad},        // soft hyphen
    Range{0x34f, 0x34f},      //
    Range{0x61c, 0x61c},      // Arabic letter mark
    Range{0x115f, 0x1160},    //
    Range{0x17b4, 0x17b5},    //
    Range{0x180b, 0x180f},    //
    Range{0x200b, 0x200f},    // zero width, marks of direction
    Range{0x2028, 0x202e},    // separators of lines and paragraphs, then bidirectional controls
    Range{0x2060, 0x206f},    // word joiner and the like, bidirectional isolates
    Range{0x3164, 0x3164},    //
    Range{0xfe00, 0xfe0f},    // variation selectors
    Range{0xfeff, 0xfeff},    // byte order mark
    Range{0xffa0, 0xffa0},    //
    Range{0xfff0, 0xfffb},    // the last three, of interlinear annotations, hide their text
    Range{0x1bca0, 0x1bca3},  //
    Range{0x1d173, 0x1d17a},  //
    Range{0xe0000, 0xe0fff},  // tags: all of ASCII, unseen
};

bool is_unprintable(char32_t code) noexcept {
  const auto* const range = std::ranges::lower_bound(kUnprintable, code, {}, &Range::last);
  return range != kUnprintable.end() && code >= range->first;
}

/// Of a well-formed character of UTF-8 with two bytes at least.
char32_t code_of(std::string_view character) noexcept {
  const size_t size = character.size();
  char32_t code = static_cast<uint8_t>(character[0]) & (0xffU >> (size + 1));
  for (const char c : character.substr(1)) {
    code = code << 6 | (static_cast<uint8_t>(c) & 0x3fU);
  }
  return code;
}

void append_escaped(std::string& out, char32_t code) {
  if (code < 0x10000) {
    append_format(out, "\\u{:04x}", static_cast<uint32_t>(code));
    return;
  }
  const uint32_t rest = code - 0x10000;
  append_format(out, "\\u{:04x}\\u{:04x}", 0xd800 + (rest >> 10), 0xdc00 + (rest & 0x3ff));
}

}  // namespace

size_t unprintable_size(std::string_view text) noexcept {
  const auto first = static_cast<uint8_t>(text[0]);
  if (first < 0x80) {
    return is_unprintable(first) ? 1 : 0;
  }
  const size_t size = utf8_char_size(text);
  return size != 0 && is_unprintable(code_of(text.substr(0, size))) ? size : 0;
}

bool is_printable(std::string_view text) noexcept {
  if (!is_utf8(text)) {
    return false;
  }
  // No character ends in the bytes of another: looking at each byte's rest finds none that is not.
  for (size_t at = 0; at < text.size(); ++at) {
    if (unprintable_size(text.substr(at)) != 0) {
      return false;
    }
  }
  return true;
}

std::string printable_json(std::string json) {
  constexpr char kDelete = 0x7f;
  const auto may_not_print = [](char c) { return static_cast<uint8_t>(c) >= kDelete; };
  const auto first = std::ranges::find_if(json, may_not_print);
  if (first == json.end()) {
    return json;  // as nearly every document is
  }
  const auto plain = static_cast<size_t>(first - json.begin());
  std::string safe = json.substr(0, plain);
  safe.reserve(json.size());
  for (std::string_view rest = std::string_view(json).substr(plain); !rest.empty();) {
    const size_t size = may_not_print(rest[0]) ? unprintable_size(rest) : 0;
    if (size == 0) {
      safe += rest[0];
      rest.remove_prefix(1);
      continue;
    }
    append_escaped(safe, size == 1 ? char32_t{0x7f} : code_of(rest.substr(0, size)));
    rest.remove_prefix(size);
  }
  return safe;
}

}  // namespace zerogate
