// Lists, tuples, sets, dicts, optional values and unions in messages. See codec.h.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "core/sdk/codec.h"

namespace zerogate::sdk {

/// Room that is made for items before they are seen; a message may claim 2^32 of them.
inline constexpr size_t kMaxReserved = 1024;

template <class Out, class Items>
void write_array_of(Out& out, const Items& items) {
  wire::write_array(out, static_cast<uint32_t>(items.size()));
  for (const auto& item : items) {
    Codec<typename Items::value_type>::write(out, item);
  }
}

/// A list. Items may take sizeof(T) bytes of memory for each byte of the message.
template <class T>
struct Codec<std::vector<T>> {
  static constexpr Mask kMask = kArray;
  static bool read(Decoder& from, std::vector<T>& value, const Path* path) {
    uint32_t count = 0;
    if (!from.enter_array(count, path)) {
      return false;
    }
    value.clear();
    value.reserve(std::min<size_t>(count, kMaxReserved));
    for (uint32_t i = 0; i < count; ++i) {
      const Path at{path, {}, static_cast<ptrdiff_t>(i)};
      if constexpr (std::is_same_v<T, bool>) {
        bool item = false;
        if (!Codec<bool>::read(from, item, &at)) {
          return false;
        }
        value.push_back(item);
      } else if (!Codec<T>::read(from, value.emplace_back(), &at)) {
        return false;
      }
    }
    from.leave();
    return true;
  }
  template <class Out>
  static void write(Out& out, const std::vector<T>& value) {
    write_array_of(out, value);
  }
  static std::string name() { return "list[" + Codec<T>::name() + "]"; }
};

template <class Set>
struct SetCodec {
  using Item = typename Set::value_type;
  static constexpr Mask kMask = kArray;
  static bool read(Decoder& from, Set& value, const Path* path) {
    uint32_t count = 0;
    if (!from.enter_array(count, path)) {
      return false;
    }
    value.clear();
    for (uint32_t i = 0; i < count; ++i) {
      const Path at{path, {}, static_cast<ptrdiff_t>(i)};
      Item item{};
      if (!Codec<Item>::read(from, item, &at)) {
        return false;
      }
      value.insert(std::move(item));
    }
    from.leave();
    return true;
  }
  template <class Out>
  static void write(Out& out, const Set& value) {
    write_array_of(out, value);
  }
  static std::string name() { return "set[" + Codec<Item>::name() + "]"; }
};
template <class T>
struct Codec<std::set<T>> : SetCodec<std::set<T>> {};
/// The hash is the standard library's: clients that mean harm can make it slow. std::set is not.
template <class T>
struct Codec<std::unordered_set<T>> : SetCodec<std::unordered_set<T>> {};

/// A dict with keys of one type. Python keeps the order of the message; these do not.
template <class Map>
struct MapCodec {
  using Key = typename Map::key_type;
  using Value = typename Map::mapped_type;
  static constexpr Mask kMask = kDict;
  static bool read(Decoder& from, Map& value, const Path* path) {
    uint32_t count = 0;
    if (!from.enter_map(count, kMask, path)) {
      return false;
    }
    value.clear();
    const Path at_key{path, {}, Path::kKey};
    const Path at_value{path, {}, Path::kValue};
    for (uint32_t i = 0; i < count; ++i) {
      Key key{};
      Value item{};
      if (!Codec<Key>::read(from, key, &at_key) || !Codec<Value>::read(from, item, &at_value)) {
        return false;
      }
      value.insert_or_assign(std::move(key), std::move(item));
    }
    from.leave();
    return true;
  }
  template <class Out>
  static void write(Out& out, const Map& value) {
    wire::write_map(out, static_cast<uint32_t>(value.size()));
    for (const auto& [key, item] : value) {
      Codec<Key>::write(out, key);
      Codec<Value>::write(out, item);
    }
  }
  static std::string name() {
    return "dict[" + Codec<Key>::name() + ", " + Codec<Value>::name() + "]";
  }
};
template <class K, class V>
struct Codec<std::map<K, V>> : MapCodec<std::map<K, V>> {};
/// The hash is the standard library's: clients that mean harm can make it slow. std::map is not.
template <class K, class V>
struct Codec<std::unordered_map<K, V>> : MapCodec<std::unordered_map<K, V>> {};

/// A tuple of fixed length: std::tuple, std::pair and std::array.
template <class Tuple>
struct TupleCodec {
  static constexpr Mask kMask = kArray;
  static constexpr size_t kSize = std::tuple_size_v<Tuple>;
  using Indexes = std::make_index_sequence<kSize>;
  template <size_t I>
  using Item = Codec<std::tuple_element_t<I, Tuple>>;

  static bool read(Decoder& from, Tuple& value, const Path* path) {
    uint32_t count = 0;
    if (!from.enter_array(count, path)) {
      return false;
    }
    if (count != kSize) {
      return from.wrong_length(kSize, count, path);
    }
    const bool read = [&]<size_t... I>(std::index_sequence<I...>) {
      return (read_item<I>(from, value, path) && ...);
    }
    (Indexes());
    from.leave();
    return read;
  }
  template <class Out>
  static void write(Out& out, const Tuple& value) {
    wire::write_array(out, kSize);
    [&]<size_t... I>(std::index_sequence<I...>) { (Item<I>::write(out, std::get<I>(value)), ...); }
    (Indexes());
  }
  static std::string name() {
    std::string inside;
    [&]<size_t... I>(std::index_sequence<I...>) {
      ((inside += (I == 0 ? "" : ", ") + Item<I>::name()), ...);
    }
    (Indexes());
    return "tuple[" + (kSize == 0 ? "()" : inside) + "]";
  }

 private:
  template <size_t I>
  static bool read_item(Decoder& from, Tuple& value, const Path* path) {
    const Path at{path, {}, static_cast<ptrdiff_t>(I)};
    return Item<I>::read(from, std::get<I>(value), &at);
  }
};
template <class... T>
struct Codec<std::tuple<T...>> : TupleCodec<std::tuple<T...>> {};
template <class A, class B>
struct Codec<std::pair<A, B>> : TupleCodec<std::pair<A, B>> {};
template <class T, size_t kSize>
struct Codec<std::array<T, kSize>> : TupleCodec<std::array<T, kSize>> {};

template <class T>
struct Codec<std::optional<T>> {
  static constexpr Mask kMask = Codec<T>::kMask | kNull;
  static bool read(Decoder& from, std::optional<T>& value, const Path* path) {
    if (from.reader().read_nil()) {
      value.reset();
      return true;
    }
    return acceptable(from, kMask, path) && Codec<T>::read(from, value.emplace(), path);
  }
  template <class Out>
  static void write(Out& out, const std::optional<T>& value) {
    if (value) {
      Codec<T>::write(out, *value);
    } else {
      out.push_back(wire::kNil);
    }
  }
  static std::string name() {
    const std::string inner = Codec<T>::name();
    return (Codec<T>::kMask & kNull) != 0 || inner == "Any" ? inner : inner + " | None";
  }

  /// False, with the names of the whole union, for a value that no part of it takes.
  static bool acceptable(Decoder& from, Mask wanted, const Path* path) {
    const wire::Type type = from.next();
    if (taker_of(type, wanted) == 0) {
      return from.expected(wanted, path);
    }
    if (type == wire::Type::ext && (wanted & kAny) == 0) {
      wire::Reader ahead = from.reader();
      int8_t code = 0;
      ByteView body;
      if (!ahead.read_ext(code, body) || code != -1) {
        return from.expected(wanted, path);
      }
    }
    return true;
  }
};

/// A union. As in msgspec at most one part may be like an int, a str (with everything that is sent
/// as text, and bytes), an array, or a map.
template <class... T>
struct Codec<std::variant<T...>> {
  static constexpr Mask kMask = (Codec<T>::kMask | ...);
  static constexpr bool kUnambiguous = ((Codec<T>::kMask & kIntLike ? 1 : 0) + ...) <= 1 &&
                                       ((Codec<T>::kMask & kStrLike ? 1 : 0) + ...) <= 1 &&
                                       ((Codec<T>::kMask & kArray ? 1 : 0) + ...) <= 1 &&
                                       ((Codec<T>::kMask & kMapLike ? 1 : 0) + ...) <= 1 &&
                                       ((Codec<T>::kMask & kFloat ? 1 : 0) + ...) <= 1 &&
                                       ((Codec<T>::kMask & kBool ? 1 : 0) + ...) <= 1;
  static_assert(kUnambiguous, "two parts of the union look alike in a message");

  static bool read(Decoder& from, std::variant<T...>& value, const Path* path) {
    if (!Codec<std::optional<std::monostate>>::acceptable(from, kMask, path)) {
      return false;
    }
    const Mask taker = taker_of(from.next(), kMask);
    bool read = false;
    (void)((taker & Codec<T>::kMask
                ? (read = Codec<T>::read(from, value.template emplace<T>(), path), true)
                : false) ||
           ...);
    return read;
  }
  template <class Out>
  static void write(Out& out, const std::variant<T...>& value) {
    std::visit([&](const auto& part) { Codec<std::decay_t<decltype(part)>>::write(out, part); },
               value);
  }
  /// None comes last, as it is usually written.
  static std::string name() {
    std::string parts;
    (add_part(parts, Codec<T>::name()), ...);
    return (kMask & kNull) != 0 ? parts + " | None" : parts;
  }

 private:
  static void add_part(std::string& parts, std::string part) {
    if (part == "None") {
      return;
    }
    if (part.ends_with(" | None")) {
      part.resize(part.size() - 7);
    }
    parts += (parts.empty() ? "" : " | ") + part;
  }
};

/// Passes over a T without keeping it.
template <class T>
struct Check {
  static bool pass(Decoder& from, const Path* path) {
    std::conditional_t<std::is_same_v<T, std::string>, std::string_view, T> ignored{};
    return Codec<decltype(ignored)>::read(from, ignored, path);
  }
};
template <class T>
struct Check<std::vector<T>> {
  static bool pass(Decoder& from, const Path* path) {
    uint32_t count = 0;
    if (!from.enter_array(count, path)) {
      return false;
    }
    Path at{path, {}};
    for (; at.index < static_cast<ptrdiff_t>(count); ++at.index) {
      if (!Check<T>::pass(from, &at)) {
        return false;
      }
    }
    from.leave();
    return true;
  }
};

template <>
struct Check<Raw> {
  static bool pass(Decoder& from, const Path*) {
    ByteView ignored;
    return from.read_value(ignored);
  }
};

/// Of Encoded<T> and EncodedView<T>.
template <class Kept, class T>
struct EncodedCodec {
  static constexpr Mask kMask = Codec<T>::kMask;
  static bool read(Decoder& from, Kept& value, const Path* path) {
    const char* const begin = from.reader().at();
    if (!Check<T>::pass(from, path)) {
      return false;
    }
    value.msgpack = ByteView(begin, static_cast<size_t>(from.reader().at() - begin));
    return true;
  }
  template <class Out>
  static void write(Out& out, const Kept& value) {
    out.append(value.msgpack.data(), value.msgpack.size());
  }
  static std::string name() { return Codec<T>::name(); }
};
template <class T>
struct Codec<Encoded<T>> : EncodedCodec<Encoded<T>, T> {};
template <class T>
struct Codec<EncodedView<T>> : EncodedCodec<EncodedView<T>, T> {};

}  // namespace zerogate::sdk
