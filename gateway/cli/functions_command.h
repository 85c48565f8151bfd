// `zerogate functions`: which functions there are, of which types, and who answers each. main alone
// calls it.
#pragma once

#include <ostream>

#include "core/sdk/functions.h"
#include "gateway/cli/command_line.h"
#include "gateway/config/load_config.h"

namespace zerogate {

/// Prints the functions that this program has, with the types that clients see, and the routes of
/// the configuration, as a table or as JSON; returns 0. A configuration that `serve` would refuse
/// is an error on `err`, status 2.
int run_functions(const FunctionsCommand& command, const Functions& functions,
                  const Environment& environment, std::ostream& out, std::ostream& err);

}  // namespace zerogate
