// How many bytes the message of a value takes at most, for those whose writing is worth it: the
// encoder then checks the room once, and not for each part.
#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>

#include "core/sdk/fields.h"
#include "core/sdk/values.h"

namespace zerogate::sdk {

template <class T>
struct Room;

/// bool as well.
template <std::integral T>
struct Room<T> {
  static constexpr size_t of(T) { return 9; }
};
template <>
struct Room<double> {
  static constexpr size_t of(double) { return 9; }
};
template <>
struct Room<std::string_view> {
  static size_t of(std::string_view text) { return 5 + text.size(); }
};
template <>
struct Room<std::string> {
  static size_t of(const std::string& text) { return 5 + text.size(); }
};
template <class T>
struct Room<EncodedView<T>> {
  static size_t of(const EncodedView<T>& value) { return value.msgpack.size(); }
};

template <class T>
concept HasRoom = requires(const T& value) {
  Room<T>::of(value);
};

template <HasFields T>
constexpr bool all_fields_have_room() {
  return []<class... Value>(const std::tuple<Field<T, Value>...>&) {
    return (HasRoom<Value> && ...);
  }(Fields<T>::kAll);
}
template <HasFields T>
requires(all_fields_have_room<T>()) struct Room<T> {
  static size_t of(const T& value) {
    constexpr size_t kHead = 5;
    return std::apply([&](const auto&... field) { return (kHead + ... + of_field(value, field)); },
                      Fields<T>::kAll);
  }

 private:
  template <class Value>
  static size_t of_field(const T& value, const Field<T, Value>& field) {
    return 2 + field.name.size() + Room<Value>::of(value.*(field.member));
  }
};

}  // namespace zerogate::sdk
