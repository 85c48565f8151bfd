#include "core/client/error_text.h"

#include <fmt/format.h>

#include "core/base/quote.h"
#include "core/wire/json.h"
#include "core/wire/msgpack_scan.h"
#include "core/wire/zerror.h"

namespace zerogate {

std::optional<ErrorAnswer> read_error(ByteView body) {
  wire::Reader reader(body);
  uint32_t pairs = 0;
  reader.read_map(pairs);
  for (; pairs > 0; --pairs) {
    ByteView key, value, kind, text;
    if (!reader.read_value(key) || !reader.read_value(value)) {
      break;
    }
    if (wire::Reader(key).read_str(kind) && kind.starts_with(wire::kErrorPrefix) &&
        wire::Reader(value).read_str(text)) {
      return ErrorAnswer{.kind = kind.substr(wire::kErrorPrefix.size()), .text = text};
    }
  }
  return std::nullopt;
}

std::string error_text(ByteView body) {
  if (const auto error = read_error(body)) {
    return plain_line(fmt::format("{}: {}", error->kind, error->text));
  }
  const auto json = msgpack_to_json(body);
  return json ? plain_line("error: " + json.value()) : "an error that is " + json.error();
}

}  // namespace zerogate
