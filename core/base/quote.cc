#include "core/base/quote.h"

#include <fmt/format.h>

#include <cstdint>

#include "core/base/utf8.h"

namespace zerogate {
namespace {

uint8_t byte_at(std::string_view text, size_t at) { return static_cast<uint8_t>(text[at]); }

/// Bytes of the control character that begins there in UTF-8; 0 when another one does. Terminals
/// obey U+0080 to U+009F as they do what is below U+0020: U+009B is ESC [.
size_t control_size(std::string_view text, size_t at) {
  const uint8_t byte = byte_at(text, at);
  if (byte < 0x20 || byte == 0x7f) {
    return 1;
  }
  return byte == 0xc2 && at + 1 < text.size() && byte_at(text, at + 1) < 0xa0 ? 2 : 0;
}

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
    const size_t control = utf8 || byte < 0x80 ? control_size(text, at) : 1;
    for (size_t i = 0; i < control; ++i) {
      out += fmt::format("\\x{:02x}", byte_at(text, at + i));
    }
    if (control == 0) {
      out += text[at];
    } else {
      at += control - 1;
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
    if (const size_t control = control_size(line, at); control != 0) {
      line.replace(at, control, " ");
    }
  }
  return line;
}

}  // namespace zerogate
