// Reads typed values off MessagePack, and says where the first one is that does not fit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/word.h"
#include "core/wire/msgpack_scan.h"

namespace zerogate::sdk {

/// Sets of Python types, as msgspec sees them. In the order of its error texts:
/// "Expected `int | str | null`".
using Mask = uint32_t;
enum : Mask {
  kBool = 1 << 0,
  kInt = 1 << 1,
  kIntEnum = 1 << 2,
  kFloat = 1 << 3,
  kStr = 1 << 4,
  kStrEnum = 1 << 5,
  kBytes = 1 << 6,
  kDateTime = 1 << 7,
  kDate = 1 << 8,
  kTime = 1 << 9,
  kUuid = 1 << 10,
  kDecimal = 1 << 11,
  kStruct = 1 << 12,
  kDict = 1 << 13,
  kArray = 1 << 14,
  kNull = 1 << 15,
  kAny = 1 << 16,
};
inline constexpr Mask kIntLike = kInt | kIntEnum;
inline constexpr Mask kStrLike =
    kStr | kStrEnum | kBytes | kDateTime | kDate | kTime | kUuid | kDecimal;
inline constexpr Mask kMapLike = kStruct | kDict;

/// The types of `wanted` that take a value of MessagePack's type `got`, in order of preference the
/// first one alone; 0 when there is none. msgspec's rules: an int is a float when nothing else
/// takes it, a Decimal comes as text or number, a UUID as text or 16 bytes.
constexpr Mask taker_of(wire::Type got, Mask wanted) {
  const auto first_of = [wanted](auto... masks) {
    Mask found = 0;
    (void)((found = wanted & masks, found != 0) || ...);
    return found;
  };
  switch (got) {
    case wire::Type::nil:
      return first_of(kNull, kAny);
    case wire::Type::boolean:
      return first_of(kBool, kAny);
    case wire::Type::integer:
      return first_of(kIntLike, kFloat, kDecimal, kAny);
    case wire::Type::real:
      return first_of(kFloat, kDecimal, kAny);
    case wire::Type::str:
      return first_of(kStrLike & ~kBytes, kAny);
    case wire::Type::bin:
      return first_of(kBytes | kUuid, kAny);
    case wire::Type::array:
      return first_of(kArray, kAny);
    case wire::Type::map:
      return first_of(kMapLike, kAny);
    case wire::Type::ext:
      return first_of(kDateTime, kAny);
    case wire::Type::invalid:
      break;
  }
  return 0;
}

/// Where a value is, from the value outwards: on the stack of those who read it, and only looked at
/// when something does not fit. Null is the whole message.
struct Path {
  static constexpr ptrdiff_t kKey = -1;    ///< a key of the map at `parent`
  static constexpr ptrdiff_t kValue = -2;  ///< a value of the dict at `parent`

  const Path* parent;
  const std::string_view* field;  ///< its name, of a struct; else null
  ptrdiff_t index = 0;            ///< in an array, or one of the above
};

/// The state of decoding one message: what is left of it, and the first fault. Functions that read
/// return false when there is one; then nothing else may be read. One thread.
class Decoder {
 public:
  explicit Decoder(ByteView bytes) : size_(bytes.size()), reader_(bytes) {}

  wire::Reader& reader() { return reader_; }
  wire::Type next() const { return reader_.next_type(); }
  /// Once a function has returned false.
  std::string take_error() { return std::move(error_).value_or(""); }

  /// True at the message's end.
  bool finish() { return reader_.at_end() || not_finished(); }

  // Each takes a value that one of `wanted` has to be, or reports what it is instead.
  bool read_nil(const Path* path) { return reader_.read_nil() || expected(kNull, path); }
  bool read_bool(bool& value, const Path* path) {
    return reader_.read_bool(value) || expected(kBool, path);
  }
  bool read_integer(wire::Integer& value, Mask wanted, const Path* path) {
    return reader_.read_integer(value) || expected(wanted, path);
  }
  /// Integers are floats, too.
  bool read_real(double& value, const Path* path);
  /// UTF-8. The view is of the message.
  bool read_str(ByteView& text, Mask wanted, const Path* path) {
    return (reader_.read_str(text) || expected(wanted, path)) &&
           (is_ascii(text) || check_utf8(text, path));
  }
  /// Text of a form that is ASCII: the form is what is checked.
  bool read_ascii(ByteView& text, Mask wanted, const Path* path) {
    return reader_.read_str(text) || expected(wanted, path);
  }
  bool read_bin(ByteView& bytes, const Path* path) {
    return reader_.read_bin(bytes) || expected(kBytes, path);
  }
  /// A struct's key: its UTF-8 is not looked at, for a key that is none of the struct's is skipped.
  bool read_field_name(ByteView& name, const Path* path) {
    return reader_.read_str(name) || not_a_field_name(path);
  }
  /// Each container that is entered is left again when it was read without a fault.
  bool enter_array(uint32_t& items, const Path* path) {
    return (reader_.read_array(items) || expected(kArray, path)) && descend();
  }
  bool enter_map(uint32_t& pairs, Mask wanted, const Path* path) {
    return (reader_.read_map(pairs) || expected(wanted, path)) && descend();
  }
  void leave() { --depth_; }
  /// Passes over a value of any type. `value` views it.
  bool read_value(ByteView& value) {
    const wire::ScanError error = reader_.take_value(value, levels_left());
    return error == wire::ScanError::none || not_a_value(error);
  }

  /// What those return who say what is wrong: false. Not a bool, so that compilers know it, and the
  /// way of a message without fault is not theirs.
  struct Fault {
    // NOLINTNEXTLINE(google-explicit-constructor): `return read(...) || expected(...)`
    constexpr operator bool() const { return false; }
  };
  // What is wrong. Text of more than kMaxQuotedBytes is quoted in part.
  static constexpr size_t kMaxQuotedBytes = 1000;
  [[gnu::cold]] Fault expected(Mask wanted, const Path* path);
  [[gnu::cold]] Fault above(int64_t limit, const Path* path);
  [[gnu::cold]] Fault below(int64_t limit, const Path* path);
  [[gnu::cold]] Fault wrong_length(size_t wanted, size_t got, const Path* path);
  [[gnu::cold]] Fault missing(std::string_view field, const Path* path);
  [[gnu::cold]] Fault no_enumerator(ByteView text, const Path* path);
  [[gnu::cold]] Fault no_enumerator(wire::Integer number, const Path* path);
  [[gnu::cold]] Fault invalid(std::string_view what, const Path* path);

 private:
  bool check_utf8(ByteView text, const Path* path);
  bool front_is_whole() const;
  [[gnu::cold]] Fault not_a_field_name(const Path* path);
  [[gnu::cold]] Fault not_finished();
  [[gnu::cold]] Fault malformed();
  [[gnu::cold]] Fault not_a_value(wire::ScanError error);
  bool descend() {
    ++depth_;
    return depth_ <= wire::kMaxDepth || too_deep();
  }
  [[gnu::cold]] Fault too_deep();
  uint32_t levels_left() const { return wire::kMaxDepth - depth_; }

  size_t size_;
  wire::Reader reader_;
  uint32_t depth_ = 0;
  std::optional<std::string> error_;  ///< none yet: what a message without fault pays is a flag
};

/// As in "Expected `int | null`".
std::string describe(Mask wanted);

}  // namespace zerogate::sdk
