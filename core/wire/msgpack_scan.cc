#include "core/wire/msgpack_scan.h"

#include <array>
#include <bit>

#include "core/wire/big_endian.h"

namespace zerogate::wire {
namespace {

constexpr uint8_t to_byte(char c) { return static_cast<uint8_t>(c); }

/// Bytes of the whole value that begins with this byte, where the byte alone decides that; 0 for
/// lengths that follow, for containers, and for 0xc1, which MessagePack never uses.
constexpr std::array<uint8_t, 256> make_fixed_sizes() {
  std::array<uint8_t, 256> sizes{};
  for (int i = 0x00; i <= 0x7f; ++i) {
    sizes[i] = 1;  // fixint
  }
  for (int i = 0xa0; i <= 0xbf; ++i) {
    sizes[i] = static_cast<uint8_t>(i - 0x9f);  // fixstr
  }
  for (int i = 0xe0; i <= 0xff; ++i) {
    sizes[i] = 1;  // negative fixint
  }
  sizes[0xc0] = sizes[0xc2] = sizes[0xc3] = 1;  // nil, booleans
  sizes[0xca] = 5, sizes[0xcb] = 9;             // floats
  for (int i = 0; i < 4; ++i) {
    sizes[0xcc + i] = sizes[0xd0 + i] = static_cast<uint8_t>(1 + (1 << i));  // integers
  }
  for (int i = 0; i < 5; ++i) {
    sizes[0xd4 + i] = static_cast<uint8_t>(2 + (1 << i));  // fixext
  }
  return sizes;
}
constexpr std::array<uint8_t, 256> kFixedSizes = make_fixed_sizes();

/// What the first byte of a long form announces: of str, bin, ext, array or map.
struct Head {
  uint8_t length_bytes = 0;  ///< width of the big-endian count or length that follows
  uint8_t extra = 0;         ///< bytes beside the body: an ext's type
  uint8_t per_item = 0;      ///< values per count of a container; 0: a count of bytes
  bool valid = false;
};

constexpr Head head_of(uint8_t first) {
  switch (first) {
    case 0xc4:
    case 0xd9:
      return {1, 0, 0, true};
    case 0xc5:
    case 0xda:
      return {2, 0, 0, true};
    case 0xc6:
    case 0xdb:
      return {4, 0, 0, true};
    case 0xc7:
      return {1, 1, 0, true};
    case 0xc8:
      return {2, 1, 0, true};
    case 0xc9:
      return {4, 1, 0, true};
    case 0xdc:
      return {2, 0, 1, true};
    case 0xdd:
      return {4, 0, 1, true};
    case 0xde:
      return {2, 0, 2, true};
    case 0xdf:
      return {4, 0, 2, true};
    default:
      return {};
  }
}
constexpr std::array<Head, 256> make_heads() {
  std::array<Head, 256> heads{};
  for (int i = 0; i < 256; ++i) {
    heads[i] = head_of(static_cast<uint8_t>(i));
  }
  return heads;
}
constexpr std::array<Head, 256> kHeads = make_heads();

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

/// Reads the head of a long form: its bytes and its count. False when `bytes` is too short for it.
bool read_head(ByteView bytes, size_t& header, uint64_t& count) {
  const uint8_t first = to_byte(bytes.front());
  const Head head = kHeads[first];
  header = size_t{1} + head.length_bytes;
  if (bytes.size() < header) {
    return false;
  }
  count = read_count(bytes.data() + 1, head.length_bytes);
  return true;
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
    const uint8_t first = to_byte(*at);
    const auto present = static_cast<uint64_t>(end - at);
    if (static_cast<int8_t>(first) >= -32) {  // a fixint; its branch spares dense lists the table
      ++at;
    } else if (const uint8_t size = kFixedSizes[first]; size != 0) {
      if (size > present) {
        return {0, ScanError::truncated};
      }
      at += size;
    } else if ((first & 0xe0) == 0x80) {  // a map or an array of up to 15
      if (depth == levels) {
        return {0, ScanError::too_deep};
      }
      ++at;
      if (const uint64_t count = first & 0x0f; count != 0) {
        outer[depth++] = left;
        left = first < 0x90 ? 2 * count : count;
        continue;
      }
    } else {
      const Head head = kHeads[first];
      if (!head.valid) {
        return {0, ScanError::invalid};
      }
      const uint64_t header = uint64_t{1} + head.length_bytes + head.extra;
      if (header > present) {
        return {0, ScanError::truncated};
      }
      const uint64_t count = read_count(at + 1, head.length_bytes);
      if (head.per_item == 0) {
        if (count > present - header) {
          return {0, ScanError::truncated};
        }
        at += header + count;
      } else {
        if (depth == levels) {
          return {0, ScanError::too_deep};
        }
        at += header;
        if (count != 0) {
          outer[depth++] = left;
          left = count * head.per_item;
          continue;
        }
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

bool is_one_value(ByteView bytes) noexcept {
  if (bytes.size() == 1 && kFixedSizes[to_byte(bytes.front())] == 1) {
    return true;  // nil, mostly
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
  if (next_type() != Type::integer || !take(0, kFixedSizes[to_byte(*at_)], whole)) {
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
  if (next_type() != Type::real || !take(0, kFixedSizes[to_byte(*at_)], whole)) {
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
  const uint8_t first = to_byte(*at_);
  size_t header = 1;  // before the type
  uint64_t count = 0;
  if (kFixedSizes[first] != 0) {
    count = kFixedSizes[first] - 2u;
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
