// `zerogate serve`: loads the configuration and runs the gateway. main alone calls it.
#pragma once

#include <ostream>

#include "gateway/cli/command_line.h"
#include "gateway/config/load_config.h"

namespace zerogate {

/// Serves until a signal ends it. Returns the exit status: 0; 1 when it could not start or calls
/// were cut off; 2 for a bad configuration, with its errors on `err`, one a line.
int run_serve(const ServeCommand& command, const Environment& environment, std::ostream& err);

}  // namespace zerogate
