// From a value to a message.
#pragma once

#include <string_view>
#include <type_traits>

#include "core/base/byte_writer.h"
#include "core/base/out_buffer.h"
#include "core/sdk/codec_containers.h"
#include "core/sdk/codec_struct.h"
#include "core/sdk/room.h"

namespace zerogate {

/// Appends the bytes that msgspec's encoder has for the same value of Python; dicts and sets in the
/// order of the C++ container. `Out` is a std::string or an OutBuffer. Pure; any thread. Inlined: a
/// type is encoded in one place or two, and a call costs a quarter of a small struct.
template <class T, class Out>
[[gnu::always_inline]] inline void encode(const T& value, Out& out) {
  if constexpr (std::is_array_v<T> && std::is_convertible_v<const T&, const char*>) {
    encode(std::string_view(value), out);  // of a literal
  } else if constexpr (std::is_same_v<Out, OutBuffer> && sdk::HasRoom<T>) {
    ByteWriter to(out.make_room(sdk::Room<T>::of(value)));
    sdk::Codec<T>::write(to, value);
    out.commit(to.at());
  } else {
    sdk::Codec<T>::write(out, value);
  }
}

}  // namespace zerogate
