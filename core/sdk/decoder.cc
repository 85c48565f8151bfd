#include "core/sdk/decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "core/base/utf8.h"

namespace zerogate::sdk {
namespace {

/// " - at `$.items[2]`"; nothing for the whole message.
std::string place(const Path* path) {
  if (path == nullptr) {
    return {};
  }
  std::vector<const Path*> steps;
  for (; path != nullptr; path = path->parent) {
    steps.push_back(path);
  }
  std::string text;  // a key is told before the map that it is in
  std::string part = "$";
  const auto close_part = [&] {
    text.insert(0, text.empty() ? fmt::format("`{}`", part) : fmt::format("`{}` in ", part));
  };
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    const Path& at = **step;
    if (at.field != nullptr) {
      part += '.';
      part += *at.field;
    } else if (at.index == Path::kKey) {
      close_part();
      part = "key";
    } else if (at.index == Path::kValue) {
      part += "[...]";
    } else {
      part += fmt::format("[{}]", at.index);
    }
  }
  close_part();
  return " - at " + text;
}

/// The text as Python writes it: repr(). Characters that Python cannot print stay as they are.
std::string python_repr(ByteView text) {
  const ByteView shown = utf8_prefix(text, Decoder::kMaxQuotedBytes);
  const bool single = shown.find('\'') != ByteView::npos;
  const char quote = single && shown.find('"') == ByteView::npos ? '"' : '\'';
  std::string out(1, quote);
  for (const char c : shown) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == quote || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  out += shown.size() < text.size() ? "..." : "";
  out += quote;
  return out;
}

}  // namespace

std::string describe(Mask wanted) {
  struct Name {
    Mask mask;
    const char* text;
  };
  static constexpr Name kNames[] = {
      {kAny, "any"},        {kBool, "bool"},   {kIntLike, "int"}, {kFloat, "float"},
      {kStr, "str"},        {kStrEnum, "str"}, {kBytes, "bytes"}, {kDateTime, "datetime"},
      {kDate, "date"},      {kTime, "time"},   {kUuid, "uuid"},   {kDecimal, "decimal"},
      {kMapLike, "object"}, {kArray, "array"}, {kNull, "null"},
  };
  std::string text;
  for (const Name& name : kNames) {
    if ((wanted & name.mask) != 0) {
      text += text.empty() ? "" : " | ";
      text += name.text;
    }
  }
  return text;
}

Decoder::Fault Decoder::not_finished() {
  error_ = fmt::format("MessagePack data is malformed: trailing characters (byte {})",
                       size_ - reader_.rest().size());
  return {};
}

bool Decoder::read_real(double& value, const Path* path) {
  if (reader_.read_real(value)) {
    return true;
  }
  wire::Integer integer;
  if (!reader_.read_integer(integer)) {
    return expected(kFloat, path);
  }
  value = integer.negative ? static_cast<double>(static_cast<int64_t>(integer.bits))
                           : static_cast<double>(integer.bits);
  return true;
}

bool Decoder::check_utf8(ByteView text, const Path* path) {
  // Python's decoder raises another kind of error here, which names no place.
  return is_utf8(text) || invalid("Invalid UTF-8 in `str`", path);
}

Decoder::Fault Decoder::not_a_field_name(const Path* path) {
  const Path key{path, {}, Path::kKey};
  const wire::Type got = next();
  if (got == wire::Type::str || got == wire::Type::invalid) {
    return malformed();
  }
  // msgspec looks no further than the first byte here, and has two words for nil.
  return invalid(fmt::format("Expected `str`, got `{}`",
                             got == wire::Type::nil ? "null" : wire::type_name(got)),
                 &key);
}

Decoder::Fault Decoder::expected(Mask wanted, const Path* path) {
  const wire::Type got = next();
  if (!front_is_whole() || (got != wire::Type::ext && taker_of(got, wanted) != 0)) {
    return malformed();
  }
  return invalid(fmt::format("Expected `{}`, got `{}`", describe(wanted), wire::type_name(got)),
                 path);
}

/// Of a container its head alone.
bool Decoder::front_is_whole() const {
  wire::Reader ahead = reader_;
  ByteView value;
  uint32_t count = 0;
  switch (next()) {
    case wire::Type::array:
      return ahead.read_array(count);
    case wire::Type::map:
      return ahead.read_map(count);
    default:
      return ahead.read_value(value);
  }
}

Decoder::Fault Decoder::above(int64_t limit, const Path* path) {
  return invalid(fmt::format("Expected `int` <= {}", limit), path);
}

Decoder::Fault Decoder::below(int64_t limit, const Path* path) {
  return invalid(fmt::format("Expected `int` >= {}", limit), path);
}

Decoder::Fault Decoder::wrong_length(size_t wanted, size_t got, const Path* path) {
  return invalid(fmt::format("Expected `array` of length {}, got {}", wanted, got), path);
}

Decoder::Fault Decoder::missing(std::string_view field, const Path* path) {
  return invalid(fmt::format("Object missing required field `{}`", field), path);
}

Decoder::Fault Decoder::no_enumerator(ByteView text, const Path* path) {
  return invalid("Invalid enum value " + python_repr(text), path);
}

Decoder::Fault Decoder::no_enumerator(wire::Integer number, const Path* path) {
  return invalid(number.negative
                     ? fmt::format("Invalid enum value {}", static_cast<int64_t>(number.bits))
                     : fmt::format("Invalid enum value {}", number.bits),
                 path);
}

Decoder::Fault Decoder::invalid(std::string_view what, const Path* path) {
  error_ = std::string(what) + place(path);
  return {};
}

/// The listeners scan every argument, so these are for bytes from elsewhere.
Decoder::Fault Decoder::malformed() {
  const ByteView rest = reader_.rest();
  if (!rest.empty() && wire::type_of(rest.front()) == wire::Type::invalid) {
    error_ = fmt::format("MessagePack data is malformed: invalid opcode '\\xc1' (byte {})",
                         size_ - rest.size());
  } else {
    error_ = "Input data was truncated";
  }
  return {};
}

Decoder::Fault Decoder::not_a_value(wire::ScanError error) {
  return error == wire::ScanError::too_deep ? too_deep() : malformed();
}

Decoder::Fault Decoder::too_deep() {
  error_ = fmt::format("MessagePack data is nested deeper than {} levels", wire::kMaxDepth);
  return {};
}

}  // namespace zerogate::sdk
