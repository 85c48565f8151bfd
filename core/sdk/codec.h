// How each C++ type stands in messages: the numbers, text, bytes and enumerations. Containers are
// in codec_containers.h, structs in codec_struct.h; users include decode.h, encode.h and
// type_name.h.
//
// Codec<T> has
//   static constexpr Mask kMask                          the Python types that it is
//   static bool read(Decoder&, T&, const Path*)          false: the decoder has the fault
//   static void write(Out& out, const T&)                the bytes of msgspec's encoder; see
//                                                        core/wire/msgpack_write.h for Out
//   static std::string name()                            Python's spelling, as in `list[str]`
//
// Values are pulled off the bytes straight into the struct. msgpack-cxx would first make a tree of
// objects in a zone of its own, and does not tell where in a message a conversion has failed.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "core/sdk/decoder.h"
#include "core/sdk/fields.h"
#include "core/sdk/values.h"
#include "core/wire/msgpack_write.h"

namespace zerogate::sdk {

template <class>
inline constexpr bool kHasCodec = false;

/// Of a type that has none of those below. The members keep the compiler from further errors.
template <class T>
struct Codec {
  static_assert(
      kHasCodec<T>,
      "this type cannot be an argument or a result of a function, nor a part of one: a "
      "struct needs ZEROGATE_FIELDS or ZEROGATE_DEFAULTS within it, an enumeration "
      "ZEROGATE_STR_ENUM or ZEROGATE_INT_ENUM beside it, in its namespace and before it is "
      "used; docs/functions-types.md lists the other types");
  static constexpr Mask kMask = kAny;
  static bool read(Decoder&, T&, const Path*) { return false; }
  template <class Out>
  static void write(Out&, const T&) {}
  static std::string name() { return {}; }
};

/// Every integer type but bool and the characters.
template <class T>
concept Number = std::integral<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, char> &&
                 !std::is_same_v<T, wchar_t> && !std::is_same_v<T, char8_t> &&
                 !std::is_same_v<T, char16_t> && !std::is_same_v<T, char32_t>;

/// The name of a struct or enumeration, without its namespaces; of a template with its arguments.
template <class T>
constexpr std::string_view class_name() {
  std::string_view name = __PRETTY_FUNCTION__;  // "... class_name() [with T = shop::Order; ...]"
  name.remove_prefix(name.find("T = ") + 4);
  name = name.substr(0, name.find_first_of(";]"));
  const size_t scope = name.substr(0, name.find('<')).rfind("::");
  return scope == std::string_view::npos ? name : name.substr(scope + 2);
}

/// None.
template <>
struct Codec<std::monostate> {
  static constexpr Mask kMask = kNull;
  static bool read(Decoder& from, std::monostate&, const Path* path) { return from.read_nil(path); }
  template <class Out>
  static void write(Out& out, std::monostate) {
    out.push_back(wire::kNil);
  }
  static std::string name() { return "None"; }
};

template <>
struct Codec<bool> {
  static constexpr Mask kMask = kBool;
  static bool read(Decoder& from, bool& value, const Path* path) {
    return from.read_bool(value, path);
  }
  template <class Out>
  static void write(Out& out, bool value) {
    wire::write_bool(out, value);
  }
  static std::string name() { return "bool"; }
};

template <Number T>
struct Codec<T> {
  static constexpr Mask kMask = kInt;
  static constexpr bool kSigned = std::is_signed_v<T>;
  static constexpr uint64_t kMax = static_cast<uint64_t>(std::numeric_limits<T>::max());
  static constexpr int64_t kMin = kSigned ? static_cast<int64_t>(std::numeric_limits<T>::min()) : 0;

  static bool read(Decoder& from, T& value, const Path* path) {
    wire::Integer integer;
    if (!from.read_integer(integer, kMask, path)) {
      return false;
    }
    if (integer.negative && static_cast<int64_t>(integer.bits) < kMin) {
      return from.below(kMin, path);
    }
    if (!integer.negative && integer.bits > kMax) {
      return from.above(static_cast<int64_t>(kMax), path);  // never of uint64_t
    }
    value = static_cast<T>(integer.bits);
    return true;
  }
  template <class Out>
  static void write(Out& out, T value) {
    if constexpr (kSigned) {
      wire::write_int(out, value);
    } else {
      wire::write_uint(out, value);
    }
  }
  static std::string name() { return "int"; }
};

/// A float of 4 bytes keeps what it can of a Python float.
template <std::floating_point T>
struct Codec<T> {
  static constexpr Mask kMask = kFloat;
  static bool read(Decoder& from, T& value, const Path* path) {
    double wide = 0;
    if (!from.read_real(wide, path)) {
      return false;
    }
    value = static_cast<T>(wide);
    return true;
  }
  template <class Out>
  static void write(Out& out, T value) {
    wire::write_real(out, static_cast<double>(value));
  }
  static std::string name() { return "float"; }
};

/// Text is UTF-8. What a function returns has to be, too: Python clients refuse other text.
template <>
struct Codec<std::string> {
  static constexpr Mask kMask = kStr;
  static bool read(Decoder& from, std::string& value, const Path* path) {
    ByteView text;
    if (!from.read_str(text, kMask, path)) {
      return false;
    }
    value.assign(text);
    return true;
  }
  template <class Out>
  static void write(Out& out, const std::string& value) {
    wire::write_str(out, value);
  }
  static std::string name() { return "str"; }
};

/// A view of the message: see core/sdk/views.h.
template <>
struct Codec<std::string_view> {
  static constexpr Mask kMask = kStr;
  static bool read(Decoder& from, std::string_view& value, const Path* path) {
    return from.read_str(value, kMask, path);
  }
  template <class Out>
  static void write(Out& out, std::string_view value) {
    wire::write_str(out, value);
  }
  static std::string name() { return "str"; }
};

template <>
struct Codec<Bytes> {
  static constexpr Mask kMask = kBytes;
  static bool read(Decoder& from, Bytes& value, const Path* path) {
    ByteView bytes;
    if (!from.read_bin(bytes, path)) {
      return false;
    }
    value.data.assign(bytes);
    return true;
  }
  template <class Out>
  static void write(Out& out, const Bytes& value) {
    wire::write_bin(out, value.data);
  }
  static std::string name() { return "bytes"; }
};

/// Any value, kept as it came.
template <>
struct Codec<Raw> {
  static constexpr Mask kMask = kAny;
  static bool read(Decoder& from, Raw& value, const Path*) {
    ByteView bytes;
    if (!from.read_value(bytes)) {
      return false;
    }
    value.msgpack.assign(bytes);
    return true;
  }
  template <class Out>
  static void write(Out& out, const Raw& value) {
    out.append(value.msgpack.data(), value.msgpack.size());
  }
  static std::string name() { return "Any"; }
};

template <StrEnum T>
struct Codec<T> {
  static constexpr Mask kMask = kStrEnum;
  static constexpr auto kAll = zerogate_str_enum(static_cast<T*>(nullptr));

  static bool read(Decoder& from, T& value, const Path* path) {
    ByteView text;
    if (!from.read_str(text, kMask, path)) {
      return false;
    }
    for (const auto& enumerator : kAll) {
      if (enumerator.name == text) {
        value = enumerator.value;
        return true;
      }
    }
    return from.no_enumerator(text, path);
  }
  /// A value without a name, which only a cast can make, is None.
  template <class Out>
  static void write(Out& out, T value) {
    for (const auto& enumerator : kAll) {
      if (enumerator.value == value) {
        return wire::write_str(out, enumerator.name);
      }
    }
    out.push_back(wire::kNil);
  }
  static std::string name() { return std::string(class_name<T>()); }
};

template <IntEnum T>
struct Codec<T> {
  using Value = std::underlying_type_t<T>;
  static constexpr Mask kMask = kIntEnum;
  static constexpr auto kAll = zerogate_int_enum(static_cast<T*>(nullptr));

  static bool read(Decoder& from, T& value, const Path* path) {
    wire::Integer integer;
    if (!from.read_integer(integer, kMask, path)) {
      return false;
    }
    for (const auto& enumerator : kAll) {
      const auto number = static_cast<Value>(enumerator.value);
      if (static_cast<uint64_t>(number) == integer.bits &&
          std::cmp_less(number, 0) == integer.negative) {
        value = enumerator.value;
        return true;
      }
    }
    return from.no_enumerator(integer, path);
  }
  template <class Out>
  static void write(Out& out, T value) {
    Codec<std::conditional_t<std::is_signed_v<Value>, int64_t, uint64_t>>::write(
        out, static_cast<Value>(value));
  }
  static std::string name() { return std::string(class_name<T>()); }
};

/// What is sent as text with a form of its own: T has parse(text, T&), write_to(out), kInvalid and
/// kName.
template <class T>
concept TextForm = requires(T value, const T& constant, std::string& out) {
  { T::parse(std::string_view(), value) } -> std::same_as<bool>;
  constant.write_to(out);
};

/// A point of time in MessagePack's extension type -1.
bool read_timestamp(Decoder& from, DateTime& value, const Path* path);
/// A Decimal that is sent as an int or a float.
bool read_number(Decoder& from, Decimal& value, const Path* path);

template <TextForm T>
struct Codec<T> {
  static constexpr Mask kMask = std::is_same_v<T, Date>        ? kDate
                                : std::is_same_v<T, TimeOfDay> ? kTime
                                : std::is_same_v<T, DateTime>  ? kDateTime
                                : std::is_same_v<T, Uuid>      ? kUuid
                                                               : kDecimal;

  static bool read(Decoder& from, T& value, const Path* path) {
    if constexpr (std::is_same_v<T, DateTime>) {
      if (from.next() == wire::Type::ext) {
        return read_timestamp(from, value, path);
      }
    } else if constexpr (std::is_same_v<T, Uuid>) {
      if (from.next() == wire::Type::bin) {
        ByteView bytes;
        return from.read_bin(bytes, path) &&
               (Uuid::from_bytes(bytes, value) || from.invalid("Invalid UUID bytes", path));
      }
    } else if constexpr (std::is_same_v<T, Decimal>) {
      if (from.next() == wire::Type::integer || from.next() == wire::Type::real) {
        return read_number(from, value, path);
      }
    }
    ByteView text;
    const bool read = std::is_same_v<T, Decimal> ? from.read_str(text, kMask, path)
                                                 : from.read_ascii(text, kMask, path);
    return read && (T::parse(text, value) || from.invalid(T::kInvalid, path));
  }
  template <class Out>
  static void write(Out& out, const T& value) {
    if constexpr (std::is_same_v<T, DateTime>) {
      if (value.offset) {
        const DateTime::Timestamp at = value.timestamp();
        return wire::write_timestamp(out, at.seconds, at.nanoseconds);
      }
    }
    std::string text;  // few have more than std::string holds in itself
    value.write_to(text);
    wire::write_str(out, text);
  }
  static std::string name() { return T::kName; }
};

}  // namespace zerogate::sdk
