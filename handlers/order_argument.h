// The argument of save_order, checked and cut into its parts without being decoded.
#pragma once

#include <string>

#include "core/base/bytes.h"

namespace zerogate {

/// The parts of `{"user_id": str, "items": [str...]}`. They view the argument.
struct OrderArgument {
  ByteView user_id;  ///< a whole MessagePack str, its header included
  ByteView items;    ///< a whole MessagePack array of str
};

/// Reads an order. Keys may come in any order, others are ignored, and of a key that stands twice
/// the last one counts, as in Python. Returns an empty text, or what is wrong in the words that
/// msgspec 0.22 has for a Struct of these two fields (the first fault in the order of the bytes).
/// `argument` is exactly one value. Pure; allocates only for the text.
std::string read_order(ByteView argument, OrderArgument& order);

/// Checks one value that has to be a UTF-8 str; `path` names it, as in "$.user_id", and is left out
/// of the text when empty. Returns an empty text, or what is wrong.
std::string check_str(ByteView value, const char* path);

}  // namespace zerogate
