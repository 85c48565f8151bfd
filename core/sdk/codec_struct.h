// Structs with ZEROGATE_FIELDS in messages: maps with str keys. See codec.h and fields.h.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "core/sdk/codec.h"

namespace zerogate::sdk {

template <HasFields T>
struct Codec<T> {
  static constexpr Mask kMask = kStruct;
  using All = Fields<T>;
  using Indexes = std::make_index_sequence<All::kCount>;

  static bool read(Decoder& from, T& value, const Path* path) {
    uint32_t pairs = 0;
    if (!from.enter_map(pairs, kMask, path)) {
      return false;
    }
    uint64_t seen = 0;
    for (uint32_t i = 0; i < pairs; ++i) {
      ByteView key;
      if (!from.read_field_name(key, path) ||
          !read_field(from, value, key, seen, path, Indexes())) {
        return false;
      }
    }
    from.leave();
    return (seen & kRequired) == kRequired || report_missing(from, seen, path, Indexes());
  }
  template <class Out>
  static void write(Out& out, const T& value) {
    wire::write_map(out, All::kCount);
    [&]<size_t... I>(std::index_sequence<I...>) { (write_field<Out, I>(out, value), ...); }
    (Indexes());
  }
  static std::string name() { return std::string(class_name<T>()); }

 private:
  static constexpr uint64_t kRequired =
      All::kRequired == 64 ? ~uint64_t{0} : (uint64_t{1} << All::kRequired) - 1;
  template <size_t I>
  static constexpr auto kField = std::get<I>(Fields<T>::kAll);
  template <size_t I>
  using FieldCodec = Codec<typename std::tuple_element_t<I, decltype(Fields<T>::kAll)>::Type>;

  /// A fault ends the search, too: `found` stands for both.
  template <size_t... I>
  static bool read_field(Decoder& from, T& value, ByteView key, uint64_t& seen, const Path* path,
                         std::index_sequence<I...>) {
    bool whole = true;
    const bool found = ((is_name<I>(key) && (whole = read_member<I>(from, value, path),
                                             seen |= uint64_t{1} << I, true)) ||
                        ...);
    ByteView ignored;
    return found ? whole : from.read_value(ignored);
  }
  /// With a size that is known: no call of memcmp.
  template <size_t I>
  static bool is_name(ByteView key) {
    constexpr std::string_view kName = kField<I>.name;
    return key.size() == kName.size() && std::memcmp(key.data(), kName.data(), kName.size()) == 0;
  }
  template <size_t I>
  static bool read_member(Decoder& from, T& value, const Path* path) {
    const Path at{path, &kField<I>.name};
    return FieldCodec<I>::read(from, value.*(kField<I>.member), &at);
  }
  template <size_t... I>
  static bool report_missing(Decoder& from, uint64_t seen, const Path* path,
                             std::index_sequence<I...>) {
    (void)(((seen >> I & 1) == 0 && (from.missing(kField<I>.name, path), true)) || ...);
    return false;
  }
  /// A key as it stands in a message: of a size that is known, so that writing it is a move or two.
  template <size_t I>
  static constexpr auto make_key() {
    constexpr std::string_view kName = kField<I>.name;
    constexpr size_t kHead = kName.size() <= 0x1f ? 1 : 2;
    static_assert(kName.size() <= 0xff, "a field's name has 255 characters at most");
    std::array<char, kHead + kName.size()> key{};
    key[0] = static_cast<char>(kHead == 1 ? 0xa0 | kName.size() : 0xd9);
    key[kHead - 1] = static_cast<char>(kHead == 1 ? key[0] : kName.size());
    std::copy(kName.begin(), kName.end(), key.begin() + kHead);
    return key;
  }
  template <class Out, size_t I>
  static void write_field(Out& out, const T& value) {
    static constexpr auto kKey = make_key<I>();
    out.append(kKey.data(), kKey.size());
    FieldCodec<I>::write(out, value.*(kField<I>.member));
  }
};

}  // namespace zerogate::sdk
