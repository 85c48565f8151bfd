// Shows Zero's error answers to people. Pure functions, any thread.
#pragma once

#include <optional>
#include <string>

#include "core/base/bytes.h"

namespace zerogate {

/// What a `__zerror__…` map says; both view it.
struct ErrorAnswer {
  ByteView kind;  ///< the key, without what all of them begin with
  ByteView text;
};

/// The map's first error that has a text, wherever it stands. Nothing when there is none.
std::optional<ErrorAnswer> read_error(ByteView body);

/// "validation_error: Expected `str`, ..." for a `__zerror__…` map, on one line, whatever the
/// server has put into it; the body as JSON when it is something else.
std::string error_text(ByteView body);

}  // namespace zerogate
