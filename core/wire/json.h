// JSON to MessagePack and back, for people at a terminal.
#pragma once

#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace zerogate {

/// Integers stay integers, other numbers become float64, as Python's clients send them. The error
/// is one line of UTF-8, which repeats a part of the text at most.
Result<std::string> json_to_msgpack(std::string_view json);

/// One line of JSON in which every character prints (printable.h), keys in the order of the bytes.
/// Types that JSON lacks: bin becomes base64, ext
/// {"$ext":[type,base64]}, keys that are no strings their JSON text, NaN and infinities null. It is
/// a small multiple of the value: a key that is a list or a map has no such key in it.
Result<std::string> msgpack_to_json(ByteView msgpack);

}  // namespace zerogate
