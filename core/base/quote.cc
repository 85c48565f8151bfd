#include "core/base/quote.h"

#include <fmt/format.h>

#include <cstdint>

#include "core/base/utf8.h"

namespace zerogate {
namespace {

uint8_t byte_at(std::string_view text, size_t at) { return static_cast<uint8_t>(text[at]); }

}  // namespace

std::string quote(std::string_view text) {
  const bool utf8 = is_utf8(text);
  size_t shown = text.size();
  if (shown > kMaxQuotedBytes) {
    shown = kMaxQuotedBytes;
    // Do not cut a character in two.
    while (utf8 && shown > 0 && (byte_at(text, shown) & 0xc0) == 0x80) {
      --shown;
    }
  }
  std::string out = "'";
  for (const char c : text.substr(0, shown)) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !utf8)) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  if (shown < text.size()) {
    out += "...";
  }
  out += '\'';
  return out;
}

}  // namespace zerogate
