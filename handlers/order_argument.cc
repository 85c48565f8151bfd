#include "handlers/order_argument.h"

#include <fmt/format.h>

#include "core/base/utf8.h"
#include "core/wire/msgpack_scan.h"

namespace zerogate {
namespace {

using wire::Reader;
using wire::Type;

constexpr const char* kMalformed = "MessagePack data is malformed";

/// " - at `path`", or nothing for the value itself.
std::string at(std::string_view path) {
  return path.empty() ? std::string() : fmt::format(" - at `{}`", path);
}

std::string expected(const char* wanted, Type got, std::string_view path) {
  return fmt::format("Expected `{}`, got `{}`{}", wanted, wire::type_name(got), at(path));
}

/// msgspec raises a bare UnicodeDecodeError here, which a caller could not place.
std::string not_utf8(std::string_view path) { return "Invalid UTF-8 in `str`" + at(path); }

/// What was read off since `before`.
ByteView taken(ByteView before, const Reader& reader) {
  return before.substr(0, before.size() - reader.rest().size());
}

/// Each of these takes a value off `reader`, so that its bytes are looked at once.
std::string take_str(Reader& reader, const char* path) {
  ByteView text;
  if (!reader.read_str(text)) {
    return expected("str", reader.next_type(), path);
  }
  if (!is_utf8(text)) {
    return not_utf8(path);
  }
  return {};
}

std::string take_items(Reader& reader) {
  uint32_t count = 0;
  if (!reader.read_array(count)) {
    return expected("array", reader.next_type(), "$.items");
  }
  ByteView text;
  for (uint32_t i = 0; i < count; ++i) {
    if (!reader.read_str(text)) {
      return expected("str", reader.next_type(), fmt::format("$.items[{}]", i));
    }
    if (!is_utf8(text)) {
      return not_utf8(fmt::format("$.items[{}]", i));
    }
  }
  return {};
}

}  // namespace

std::string check_str(ByteView value, const char* path) {
  Reader reader(value);
  return take_str(reader, path);
}

std::string read_order(ByteView argument, OrderArgument& order) {
  order = {};
  Reader reader(argument);
  uint32_t pairs = 0;
  if (!reader.read_map(pairs)) {
    return expected("object", reader.next_type(), "");
  }
  for (uint32_t i = 0; i < pairs; ++i) {
    ByteView key, value;
    if (!reader.read_str(key)) {
      return fmt::format("Expected `str`, got `{}` - at `key` in `$`",
                         wire::type_name(reader.next_type()));
    }
    const ByteView before = reader.rest();
    std::string fault;
    if (key == "user_id") {
      fault = take_str(reader, "$.user_id");
      order.user_id = taken(before, reader);
    } else if (key == "items") {
      fault = take_items(reader);
      order.items = taken(before, reader);
    } else if (!reader.read_value(value)) {
      return kMalformed;
    }
    if (!fault.empty()) {
      return fault;
    }
  }
  if (order.user_id.empty()) {
    return "Object missing required field `user_id`";
  }
  if (order.items.empty()) {
    return "Object missing required field `items`";
  }
  return {};
}

}  // namespace zerogate
