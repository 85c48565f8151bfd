// Structs with ZEROGATE_FIELDS in messages: maps with str keys. See codec.h and fields.h.
#pragma once

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
  static void write(std::string& out, const T& value) {
    wire::write_map(out, All::kCount);
    [&]<size_t... I>(std::index_sequence<I...>) { (write_field<I>(out, value), ...); }
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
    const bool found = ((key == kField<I>.name && (whole = read_member<I>(from, value, path),
                                                   seen |= uint64_t{1} << I, true)) ||
                        ...);
    ByteView ignored;
    return found ? whole : from.read_value(ignored);
  }
  template <size_t I>
  static bool read_member(Decoder& from, T& value, const Path* path) {
    const Path at{path, kField<I>.name};
    return FieldCodec<I>::read(from, value.*(kField<I>.member), &at);
  }
  template <size_t... I>
  static bool report_missing(Decoder& from, uint64_t seen, const Path* path,
                             std::index_sequence<I...>) {
    (void)(((seen >> I & 1) == 0 && (from.missing(kField<I>.name, path), true)) || ...);
    return false;
  }
  template <size_t I>
  static void write_field(std::string& out, const T& value) {
    wire::write_str(out, kField<I>.name);
    FieldCodec<I>::write(out, value.*(kField<I>.member));
  }
};

}  // namespace zerogate::sdk
