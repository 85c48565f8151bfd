#include "core/base/quote.h"

#include <fmt/format.h>

#include <cstdint>

#include "core/base/printable.h"
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
  for (size_t at = 0; at < shown; ++at) {
    const uint8_t byte = byte_at(text, at);
    const size_t escaped = utf8 || byte < 0x80 ? unprintable_size(text.substr(at)) : 1;
    for (size_t i = 0; i < escaped; ++i) {
      out += fmt::format("\\x{:02x}", byte_at(text, at + i));
    }
    if (escaped == 0) {
      out += text[at];
    } else {
      at += escaped - 1;
    }
  }
  if (shown < text.size()) {
    out += "...";
  }
  out += '\'';
  return out;
}

std::string plain_line(std::string_view text) {
  std::string line;
  append_as_utf8(line, text);
  for (size_t at = 0; at < line.size(); ++at) {
    if (const size_t size = unprintable_size(std::string_view(line).substr(at)); size != 0) {
      line.replace(at, size, " ");
    }
  }
  return line;
}

}  // namespace zerogate
