// From a message to a value: `Result<Order> order = decode<Order>(request.argument)`.
#pragma once

#include <utility>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/sdk/codec_containers.h"
#include "core/sdk/codec_struct.h"

namespace zerogate {

/// Reads exactly one MessagePack value as a T: bool, integers, double, std::string, Bytes, vector,
/// array, tuple, pair, map, set, optional, variant, the types of core/sdk/values.h, and structs and
/// enumerations of core/sdk/fields.h, in one another. The error is msgspec's text for the same type
/// and bytes: "Expected `int`, got `str` - at `$.items[2]`". docs/functions-types.md lists where it
/// differs. Bytes need not be checked beforehand. Nothing is deeper than wire::kMaxDepth. Pure; any
/// thread; allocates what the value needs, and the text of an error.
template <class T>
Result<T> decode(ByteView msgpack) {
  sdk::Decoder decoder(msgpack);
  Result<T> result{T{}};
  if (!sdk::Codec<T>::read(decoder, result.value(), nullptr) || !decoder.finish()) {
    return Error{decoder.take_error()};
  }
  return result;
}

}  // namespace zerogate
