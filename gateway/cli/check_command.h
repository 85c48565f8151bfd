// `zerogate check`: is this a configuration that `serve` would take? main alone calls it.
#pragma once

#include <ostream>

#include "gateway/cli/command_line.h"
#include "gateway/config/load_config.h"

namespace zerogate {

/// Prints "FILE: ok" on `out` and returns 0, or every error, one a line, on `err` and returns 2.
/// With `diff` also asks the gateway that runs, and returns 1 when none answers.
int run_check(const CheckCommand& command, const Environment& environment, std::ostream& out,
              std::ostream& err);

}  // namespace zerogate
