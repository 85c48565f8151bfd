#include "core/client/error_text.h"

#include <fmt/format.h>

#include "core/wire/json.h"
#include "core/wire/msgpack_scan.h"

namespace zerogate {
namespace {

std::string one_line(std::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      c = ' ';
    }
  }
  return line;
}

}  // namespace

std::string error_text(ByteView body) {
  constexpr ByteView kPrefix = "__zerror__";
  wire::Reader reader(body);
  uint32_t pairs = 0;
  reader.read_map(pairs);
  for (; pairs > 0; --pairs) {
    ByteView key, value, kind, text;
    if (!reader.read_value(key) || !reader.read_value(value)) {
      break;
    }
    if (!wire::Reader(key).read_str(kind) || !kind.starts_with(kPrefix)) {
      continue;
    }
    if (!wire::Reader(value).read_str(text)) {
      continue;
    }
    return fmt::format("{}: {}", kind.substr(kPrefix.size()), one_line(text));
  }
  const auto json = msgpack_to_json(body);
  return json ? "error: " + json.value() : "an error that is " + json.error();
}

}  // namespace zerogate
