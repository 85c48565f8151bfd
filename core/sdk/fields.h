// Says which members of a struct make up its message, and which names an enumeration has.
//
//   struct Order {
//     std::string user_id;
//     std::vector<std::string> items;
//     int32_t priority = 0;
//     ZEROGATE_FIELDS(user_id, items)
//     ZEROGATE_DEFAULTS(priority)
//   };
//   enum class Status { open, paid };
//   ZEROGATE_STR_ENUM(Status, open, paid)
//
// A message is a map with these keys. Fields of ZEROGATE_FIELDS have to be in it; those of
// ZEROGATE_DEFAULTS may be left out and then keep what the member's initialiser says. C++ cannot
// see whether a member has an initialiser, so the struct says it. As in Python's dataclasses the
// fields with a default come last. Other keys are ignored, and of a key that stands twice the last
// counts.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>

namespace zerogate::sdk {

/// One member of a struct, for messages.
template <class Struct, class Value>
struct Field {
  using Type = Value;

  std::string_view name;
  Value Struct::*member;
};
template <class Struct, class Value>
constexpr Field<Struct, Value> field(std::string_view name, Value Struct::*member) {
  return {name, member};
}

/// One name of an enumeration. An enumeration of str is sent as its text, one of int as its number.
template <class Enum>
struct Enumerator {
  std::string_view name;
  Enum value;
};

template <class T>
concept HasRequiredFields = requires {
  T::template zerogate_fields<T>();
};
template <class T>
concept HasDefaultFields = requires {
  T::template zerogate_defaults<T>();
};
template <class T>
concept HasFields = HasRequiredFields<T> || HasDefaultFields<T>;
template <class T>
concept StrEnum = std::is_enum_v<T> && requires {
  zerogate_str_enum(static_cast<T*>(nullptr));
};
template <class T>
concept IntEnum = std::is_enum_v<T> && requires {
  zerogate_int_enum(static_cast<T*>(nullptr));
};

template <class T>
constexpr auto required_fields() {
  if constexpr (HasRequiredFields<T>) {
    return T::template zerogate_fields<T>();
  } else {
    return std::tuple<>();
  }
}
template <class T>
constexpr auto default_fields() {
  if constexpr (HasDefaultFields<T>) {
    return T::template zerogate_defaults<T>();
  } else {
    return std::tuple<>();
  }
}

/// The fields of T in the order of its messages: the first kRequired have to be there.
template <class T>
struct Fields {
  static constexpr size_t kRequired = std::tuple_size_v<decltype(required_fields<T>())>;
  static constexpr auto kAll = std::tuple_cat(required_fields<T>(), default_fields<T>());
  static constexpr size_t kCount = std::tuple_size_v<decltype(kAll)>;
  static_assert(kCount <= 64, "the decoder keeps what it has seen in one word");
};

}  // namespace zerogate::sdk

// One expansion for each argument, up to 256 of them.
#define ZEROGATE_PARENS ()
#define ZEROGATE_EXPAND(...) \
  ZEROGATE_EXPAND3(ZEROGATE_EXPAND3(ZEROGATE_EXPAND3(ZEROGATE_EXPAND3(__VA_ARGS__))))
#define ZEROGATE_EXPAND3(...) \
  ZEROGATE_EXPAND2(ZEROGATE_EXPAND2(ZEROGATE_EXPAND2(ZEROGATE_EXPAND2(__VA_ARGS__))))
#define ZEROGATE_EXPAND2(...) \
  ZEROGATE_EXPAND1(ZEROGATE_EXPAND1(ZEROGATE_EXPAND1(ZEROGATE_EXPAND1(__VA_ARGS__))))
#define ZEROGATE_EXPAND1(...) __VA_ARGS__
#define ZEROGATE_EACH(macro, context, ...) \
  __VA_OPT__(ZEROGATE_EXPAND(ZEROGATE_EACH_STEP(macro, context, __VA_ARGS__)))
#define ZEROGATE_EACH_STEP(macro, context, first, ...) \
  macro(context, first)                                \
      __VA_OPT__(, ZEROGATE_EACH_AGAIN ZEROGATE_PARENS(macro, context, __VA_ARGS__))
#define ZEROGATE_EACH_AGAIN() ZEROGATE_EACH_STEP

#define ZEROGATE_FIELD(Struct, member) ::zerogate::sdk::field(#member, &Struct::member)
#define ZEROGATE_ENUMERATOR(Enum, enumerator) \
  ::zerogate::sdk::Enumerator<Enum> { #enumerator, Enum::enumerator }

/// Inside a struct: the members that its messages have to have.
#define ZEROGATE_FIELDS(...)                                                          \
  template <class ZerogateSelf>                                                       \
  static constexpr auto zerogate_fields() {                                           \
    return std::make_tuple(ZEROGATE_EACH(ZEROGATE_FIELD, ZerogateSelf, __VA_ARGS__)); \
  }
/// Inside a struct: the members that its messages may leave out.
#define ZEROGATE_DEFAULTS(...)                                                        \
  template <class ZerogateSelf>                                                       \
  static constexpr auto zerogate_defaults() {                                         \
    return std::make_tuple(ZEROGATE_EACH(ZEROGATE_FIELD, ZerogateSelf, __VA_ARGS__)); \
  }
/// Beside an enumeration, in its namespace: it is sent as text, the enumerator's name.
#define ZEROGATE_STR_ENUM(Enum, ...)                                          \
  [[maybe_unused]] constexpr auto zerogate_str_enum(Enum*) {                  \
    return std::array{ZEROGATE_EACH(ZEROGATE_ENUMERATOR, Enum, __VA_ARGS__)}; \
  }
/// Beside an enumeration, in its namespace: it is sent as its number.
#define ZEROGATE_INT_ENUM(Enum, ...)                                          \
  [[maybe_unused]] constexpr auto zerogate_int_enum(Enum*) {                  \
    return std::array{ZEROGATE_EACH(ZEROGATE_ENUMERATOR, Enum, __VA_ARGS__)}; \
  }
