// Shows Zero's error answers to people. Pure functions, any thread.
#pragma once

#include <string>

#include "core/base/bytes.h"

namespace zerogate {

/// "validation_error: Expected `str`, ..." for a `__zerror__…` map, on one line, whatever the
/// server has put into it; the body as JSON when it is something else.
std::string error_text(ByteView body);

}  // namespace zerogate
