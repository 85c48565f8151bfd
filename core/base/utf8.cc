#include "core/base/utf8.h"

#include <cstdint>

#include "core/base/word.h"

namespace zerogate {
namespace {

constexpr ByteView kReplacement = "\xef\xbf\xbd";  // U+FFFD
constexpr size_t kMaxCharBytes = 4;

}  // namespace

// The bounds are those of the Unicode standard, table 3-7.
size_t utf8_char_size(ByteView text) noexcept {
  const auto byte = [text](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) {
    return 1;
  }
  if (first < 0xc2 || first > 0xf4) {
    return 0;
  }
  const size_t size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (text.size() < size) {
    return 0;
  }
  uint8_t low = 0x80;
  uint8_t high = 0xbf;
  if (first == 0xe0) {
    low = 0xa0;
  }
  if (first == 0xed) {
    high = 0x9f;
  }
  if (first == 0xf0) {
    low = 0x90;
  }
  if (first == 0xf4) {
    high = 0x8f;
  }
  if (byte(1) < low || byte(1) > high) {
    return 0;
  }
  for (size_t i = 2; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) {
      return 0;
    }
  }
  return size;
}

bool is_utf8(ByteView text) noexcept {
  if (is_ascii(text)) {
    return true;  // as nearly every name and key is
  }
  while (!text.empty()) {
    const size_t size = utf8_char_size(text);
    if (size == 0) {
      return false;
    }
    text.remove_prefix(size);
  }
  return true;
}

void append_as_utf8(std::string& out, ByteView text) {
  while (!text.empty()) {
    const size_t size = utf8_char_size(text);
    out.append(size == 0 ? kReplacement : text.substr(0, size));
    text.remove_prefix(size == 0 ? 1 : size);
  }
}

ByteView utf8_prefix(ByteView text, size_t max_bytes) noexcept {
  if (text.size() <= max_bytes) {
    return text;
  }
  // Continuation bytes at the cut belong to a character that began before it. A run of more of
  // them than a character can have is no UTF-8: cut where we are.
  size_t cut = max_bytes;
  const auto continues = [text](size_t at) {
    return (static_cast<uint8_t>(text[at]) & 0xc0) == 0x80;
  };
  for (size_t back = 0; back < kMaxCharBytes && cut > 0 && continues(cut); ++back) {
    --cut;
  }
  if (continues(cut)) {
    cut = max_bytes;
  }
  return text.substr(0, cut);
}

}  // namespace zerogate
