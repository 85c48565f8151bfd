#include "gateway/http/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "core/base/ascii.h"

namespace zerogate {
namespace {

constexpr std::string_view kOptionalSpace = " \t";

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

/// "q=0", "q=0.", "q=0.000": the client does not want it. Anything else, or nothing, is a yes.
bool is_unwanted(std::string_view parameter) {
  parameter = trim(parameter, kOptionalSpace);
  return parameter.size() >= 3 && same_word(parameter.substr(0, 2), "q=") &&
         parameter.substr(2).find_first_not_of("0.") == std::string_view::npos;
}

}  // namespace

bool accepts_gzip(std::string_view accept_encoding) {
  std::optional<bool> any;
  const char* at = accept_encoding.data();
  const char* const end = at + accept_encoding.size();
  while (at != end) {
    const char* const comma = std::find(at, end, ',');
    const std::string_view one(at, comma);
    at = comma == end ? end : comma + 1;
    const size_t semicolon = std::min(one.find(';'), one.size());
    const std::string_view coding = trim(one.substr(0, semicolon), kOptionalSpace);
    const bool wanted = semicolon == one.size() || !is_unwanted(one.substr(semicolon + 1));
    if (same_word(coding, "gzip") || same_word(coding, "x-gzip")) {
      return wanted;
    }
    if (coding == "*") {
      any = wanted;
    }
  }
  return any.value_or(false);
}

std::string gzip(std::string_view text) {
  constexpr int kGzipHeader = 16;  // added to the window's bits: gzip, and not zlib's own header
  constexpr int kMemoryLevel = 8;  // zlib's default
  z_stream stream{};
  // The fastest level: metrics repeat themselves so much that the others save little.
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, MAX_WBITS + kGzipHeader, kMemoryLevel,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return "";
  }
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const bool done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(done ? stream.total_out : 0);
  deflateEnd(&stream);
  return out;
}

}  // namespace zerogate
