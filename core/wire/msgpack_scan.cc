#include "core/wire/msgpack_scan.h"

#include <array>
#include <bit>

#include "core/wire/big_endian.h"
#include "core/wire/msgpack_form.h"
#include "core/wire/msgpack_scanner.h"

namespace zerogate::wire {
namespace {

constexpr Type find_type(uint8_t first) {
  if (first <= 0x7f || first >= 0xe0) {
    return Type::integer;
  }
  if (first <= 0x8f) {
    return Type::map;
  }
  if (first <= 0x9f) {
    return Type::array;
  }
  if (first <= 0xbf) {
    return Type::str;
  }
  if (first == 0xc0) {
    return Type::nil;
  }
  if (first == 0xc1) {
    return Type::invalid;
  }
  if (first <= 0xc3) {
    return Type::boolean;
  }
  if (first <= 0xc6) {
    return Type::bin;
  }
  if (first <= 0xc9) {
    return Type::ext;
  }
  if (first <= 0xcb) {
    return Type::real;
  }
  if (first <= 0xd3) {
    return Type::integer;
  }
  if (first <= 0xd8) {
    return Type::ext;
  }
  if (first <= 0xdb) {
    return Type::str;
  }
  if (first <= 0xdd) {
    return Type::array;
  }
  return Type::map;
}
constexpr std::array<Type, 256> make_types() {
  std::array<Type, 256> types{};
  for (int i = 0; i < 256; ++i) {
    types[i] = find_type(static_cast<uint8_t>(i));
  }
  return types;
}
constexpr std::array<Type, 256> kTypes = make_types();

/// Reads the head of a long form without an ext's type: its bytes and its count. False when `bytes`
/// is too short for it.
bool read_head(ByteView bytes, size_t& header, uint64_t& count) {
  const uint8_t length_bytes = form_of(bytes.front()).length_bytes;
  header = size_t{1} + length_bytes;
  if (bytes.size() < header) {
    return false;
  }
  count = read_count(bytes.data() + 1, length_bytes);
  return true;
}

/// Is it one value? No value is deeper than it has bytes, so that of one of up to kMaxDepth a sum
/// is enough: of the values to come, in whatever containers.
bool is_one_short_value(ByteView bytes) {
  size_t at = 0;
  for (uint64_t left = 1; left != 0; --left) {
    if (at >= bytes.size()) {
      return false;
    }
    const char* const first = bytes.data() + at;
    const Form form = form_of(*first);
    at += form.size;
    left += form.items;
    if (form.length_bytes != 0) [[unlikely]] {
      if (form.length_bytes == kNoForm || at > bytes.size()) {
        return false;
      }
      const uint64_t count = read_count(first + 1, form.length_bytes);
      (form.per_item == 0 ? at : left) += form.per_item == 0 ? count : count * form.per_item;
    }
  }
  return at == bytes.size();
}

}  // namespace

Scan scan_value(ByteView bytes, uint32_t levels) noexcept { return Scanner(levels).scan(bytes); }

ValueStatus check_any_value(ByteView bytes) noexcept {
  if (bytes.size() <= kMaxDepth) {
    return is_one_short_value(bytes) ? ValueStatus::ok : ValueStatus::malformed;
  }
  return status_of(scan_value(bytes), bytes.size());
}

Type type_of(char first) noexcept { return kTypes[to_byte(first)]; }

// As of msgspec 0.22.0: nil is `None` in MessagePack (`null` is its word for JSON).
const char* type_name(Type type) noexcept {
  switch (type) {
    case Type::nil:
      return "None";
    case Type::boolean:
      return "bool";
    case Type::integer:
      return "int";
    case Type::real:
      return "float";
    case Type::str:
      return "str";
    case Type::bin:
      return "bytes";
    case Type::array:
      return "array";
    case Type::map:
      return "object";
    case Type::ext:
      return "ext";
    case Type::invalid:
      break;
  }
  return "nothing";
}

bool Reader::read_long_map(uint32_t& pairs) noexcept {
  size_t header = 0;
  uint64_t count = 0;
  if (next_type() != Type::map || !read_head(rest(), header, count)) {
    return false;
  }
  pairs = static_cast<uint32_t>(count);
  at_ += header;
  return true;
}

bool Reader::read_long_array(uint32_t& items) noexcept {
  size_t header = 0;
  uint64_t count = 0;
  if (next_type() != Type::array || !read_head(rest(), header, count)) {
    return false;
  }
  items = static_cast<uint32_t>(count);
  at_ += header;
  return true;
}

bool Reader::read_long_str(ByteView& text) noexcept {
  size_t header = 0;
  uint64_t count = 0;
  if (next_type() != Type::str || !read_head(rest(), header, count)) {
    return false;
  }
  if (count > left() - header) {
    return false;  // before it is narrowed to a size_t
  }
  return take(header, static_cast<size_t>(count), text);
}

bool Reader::read_nil() noexcept {
  if (next_type() != Type::nil) {
    return false;
  }
  ++at_;
  return true;
}

bool Reader::read_bool(bool& value) noexcept {
  if (next_type() != Type::boolean) {
    return false;
  }
  value = to_byte(*at_) == 0xc3;
  ++at_;
  return true;
}

bool Reader::read_long_integer(Integer& value) noexcept {
  ByteView whole;
  if (next_type() != Type::integer || !take(0, form_of(*at_).size, whole)) {
    return false;
  }
  const char* body = whole.data() + 1;
  int64_t number = 0;
  switch (to_byte(whole.front())) {
    case 0xcc:
    case 0xcd:
    case 0xce:
      number = static_cast<int64_t>(read_count(body, static_cast<uint8_t>(whole.size() - 1)));
      break;
    case 0xcf:
      value = {load_be64(body), false};
      return true;
    case 0xd0:
      number = (int64_t{to_byte(*body)} ^ 0x80) - 0x80;  // the sign is extended
      break;
    case 0xd1:
      number = static_cast<int16_t>(load_be16(body));
      break;
    case 0xd2:
      number = static_cast<int32_t>(load_be32(body));
      break;
    default:
      number = static_cast<int64_t>(load_be64(body));
  }
  value = {static_cast<uint64_t>(number), number < 0};
  return true;
}

bool Reader::read_real(double& value) noexcept {
  ByteView whole;
  if (next_type() != Type::real || !take(0, form_of(*at_).size, whole)) {
    return false;
  }
  value = whole.size() == 5 ? double{std::bit_cast<float>(load_be32(whole.data() + 1))}
                            : std::bit_cast<double>(load_be64(whole.data() + 1));
  return true;
}

bool Reader::read_bin(ByteView& bytes) noexcept {
  size_t header = 0;
  uint64_t count = 0;
  return next_type() == Type::bin && read_head(rest(), header, count) && count <= left() - header &&
         take(header, static_cast<size_t>(count), bytes);
}

bool Reader::read_ext(int8_t& type, ByteView& body) noexcept {
  if (next_type() != Type::ext) {
    return false;
  }
  const Form form = form_of(*at_);
  size_t header = 1;  // before the type
  uint64_t count = 0;
  if (form.length_bytes == 0) {
    count = form.size - 2u;
  } else if (!read_head(rest(), header, count)) {
    return false;
  }
  if (left() < header + 1 || count > left() - header - 1) {
    return false;
  }
  type = static_cast<int8_t>(at_[header]);
  return take(header + 1, static_cast<size_t>(count), body);
}

ScanError Reader::take_value(ByteView& value, uint32_t levels) noexcept {
  const Scan scan = scan_value(rest(), levels);
  if (scan.error == ScanError::none) {
    take(0, scan.length, value);
  }
  return scan.error;
}

}  // namespace zerogate::wire
