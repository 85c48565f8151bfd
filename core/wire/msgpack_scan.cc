#include "core/wire/msgpack_scan.h"

#include <array>
#include <bit>

#include "core/wire/big_endian.h"

namespace zerogate::wire {
namespace {

constexpr uint8_t to_byte(char c) { return static_cast<uint8_t>(c); }

/// What the first byte of a value tells.
struct Form {
  uint8_t size = 1;          ///< bytes up to the next value; of a long form its head alone
  uint8_t items = 0;         ///< values in a short container
  uint8_t length_bytes = 0;  ///< of the big-endian count behind the first byte; 0: a short form
  uint8_t per_item = 0;      ///< values for each count of a container; 0: a count is of bytes
};
constexpr uint8_t kNoForm = 0xff;  ///< as length_bytes: of 0xc1, which MessagePack never uses

constexpr Form short_form(int size) { return {static_cast<uint8_t>(size), 0, 0, 0}; }
/// `extra`: an ext's type.
constexpr Form long_form(uint8_t length_bytes, uint8_t extra, uint8_t per_item) {
  return {static_cast<uint8_t>(1 + length_bytes + extra), 0, length_bytes, per_item};
}
constexpr std::array<Form, 256> make_forms() {
  std::array<Form, 256> forms{};  // fixints, nil and booleans are one byte
  for (int i = 0; i < 16; ++i) {
    forms[0x80 + i] = {1, static_cast<uint8_t>(2 * i), 0, 2};
    forms[0x90 + i] = {1, static_cast<uint8_t>(i), 0, 1};
  }
  for (int i = 0; i < 32; ++i) {
    forms[0xa0 + i] = short_form(1 + i);  // fixstr
  }
  forms[0xc1] = {0, 0, kNoForm, 0};
  forms[0xca] = short_form(5), forms[0xcb] = short_form(9);  // floats
  for (int i = 0; i < 4; ++i) {
    forms[0xcc + i] = forms[0xd0 + i] = short_form(1 + (1 << i));  // integers
  }
  for (int i = 0; i < 5; ++i) {
    forms[0xd4 + i] = short_form(2 + (1 << i));  // fixext
  }
  for (int i = 0; i < 3; ++i) {
    const auto length_bytes = static_cast<uint8_t>(1 << i);
    forms[0xc4 + i] = forms[0xd9 + i] = long_form(length_bytes, 0, 0);  // bin, str
    forms[0xc7 + i] = long_form(length_bytes, 1, 0);                    // ext
  }
  for (int i = 0; i < 2; ++i) {
    const auto length_bytes = static_cast<uint8_t>(2 << i);
    forms[0xdc + i] = long_form(length_bytes, 0, 1);  // array
    forms[0xde + i] = long_form(length_bytes, 0, 2);  // map
  }
  return forms;
}
constexpr std::array<Form, 256> kForms = make_forms();
constexpr Form form_of(char first) { return kForms[to_byte(first)]; }

/// Bytes of the whole value where the first one alone decides that; else 0.
constexpr std::array<uint8_t, 256> kFixedSizes = [] {
  std::array<uint8_t, 256> sizes{};
  for (size_t i = 0; i < sizes.size(); ++i) {
    sizes[i] = kForms[i].length_bytes == 0 && kForms[i].per_item == 0 ? kForms[i].size : 0;
  }
  return sizes;
}();

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

/// The length or count behind the first byte. The caller has checked that it is there.
uint64_t read_count(const char* behind_first, uint8_t length_bytes) {
  switch (length_bytes) {
    case 1:
      return to_byte(*behind_first);
    case 2:
      return load_be16(behind_first);
    default:
      return load_be32(behind_first);
  }
}

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

Scan scan_value(ByteView bytes, uint32_t levels) noexcept {
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  // Values still to come: of the innermost open container, and below it of those around it. Only
  // the slots in use are ever touched. 64 bits, since a map of 2^32-1 pairs claims 2^33-2 values.
  uint64_t left = 1;
  uint64_t outer[kMaxDepth];
  uint32_t depth = 0;
  for (;;) {
    if (at == end) {
      return {0, ScanError::truncated};
    }
    const auto present = static_cast<uint64_t>(end - at);
    if (static_cast<int8_t>(*at) >= -32) {  // a fixint; its branch spares dense lists the table
      ++at;
    } else if (const uint8_t size = kFixedSizes[to_byte(*at)]; size != 0) {
      if (size > present) {
        return {0, ScanError::truncated};
      }
      at += size;
    } else {
      const Form form = form_of(*at);
      if (form.length_bytes == kNoForm) {
        return {0, ScanError::invalid};
      }
      if (form.size > present) {
        return {0, ScanError::truncated};
      }
      uint64_t items = form.items;
      if (form.length_bytes != 0) {
        const uint64_t count = read_count(at + 1, form.length_bytes);
        if (form.per_item == 0 && count > present - form.size) {
          return {0, ScanError::truncated};
        }
        at += form.per_item == 0 ? count : 0;
        items = count * form.per_item;
      }
      if (form.per_item != 0 && depth == levels) {
        return {0, ScanError::too_deep};
      }
      at += form.size;
      if (items != 0) {
        outer[depth++] = left;
        left = items;
        continue;
      }
    }
    while (--left == 0) {
      if (depth == 0) {
        return {static_cast<size_t>(at - bytes.data()), ScanError::none};
      }
      left = outer[--depth];
    }
  }
}

bool is_any_one_value(ByteView bytes) noexcept {
  if (bytes.size() <= kMaxDepth) {
    return is_one_short_value(bytes);
  }
  const Scan scan = scan_value(bytes);
  return scan.error == ScanError::none && scan.length == bytes.size();
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

bool Reader::read_value(ByteView& value, uint32_t levels) noexcept {
  const Scan scan = scan_value(rest(), levels);
  return scan.error == ScanError::none && take(0, scan.length, value);
}

}  // namespace zerogate::wire
