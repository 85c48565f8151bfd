// Turns the words of `zerogate bench` into the options of a load. Pure function.
#pragma once

#include "core/base/result.h"
#include "core/load/load_options.h"
#include "gateway/cli/command_line.h"

namespace zerogate {

/// Reads and checks every word; the error names the flag and what to write instead.
Result<LoadOptions> load_options(const BenchCommand& command);

}  // namespace zerogate
