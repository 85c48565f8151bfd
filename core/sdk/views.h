// Which types view the message that they are read from: a coroutine, which outlives it, gets a copy
// of the message with its argument.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "core/sdk/fields.h"
#include "core/sdk/values.h"

namespace zerogate::sdk {

/// True for a std::string_view, an EncodedView, and whatever has one of them in it. `Outer` are the
/// structs around it: one that is part of itself is looked at once.
template <class T, class... Outer>
struct HoldsViews : std::false_type {};

template <class... Outer>
struct HoldsViews<std::string_view, Outer...> : std::true_type {};
template <class T, class... Outer>
struct HoldsViews<EncodedView<T>, Outer...> : std::true_type {};
template <class T, size_t kSize, class... Outer>
struct HoldsViews<std::array<T, kSize>, Outer...> : HoldsViews<T, Outer...> {};
/// Containers.
template <template <class...> class Container, class... Parts, class... Outer>
requires(!HasFields<Container<Parts...>>) struct HoldsViews<Container<Parts...>, Outer...>
    : std::bool_constant<(HoldsViews<Parts, Outer...>::value || ...)> {
};

template <class T, class... Outer>
constexpr bool a_field_holds_views() {
  if constexpr ((std::is_same_v<T, Outer> || ...)) {
    return false;
  } else {
    return []<size_t... I>(std::index_sequence<I...>) {
      using All = decltype(Fields<T>::kAll);
      return (HoldsViews<typename std::tuple_element_t<I, All>::Type, T, Outer...>::value || ...);
    }
    (std::make_index_sequence<Fields<T>::kCount>());
  }
}
template <HasFields T, class... Outer>
struct HoldsViews<T, Outer...> : std::bool_constant<a_field_holds_views<T, Outer...>()> {};

}  // namespace zerogate::sdk
