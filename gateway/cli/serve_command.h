// `zerogate serve`: loads the configuration and runs the gateway. main alone calls it.
#pragma once

#include "gateway/cli/command_line.h"
#include "gateway/config/load_config.h"

namespace zerogate {

/// Serves until a signal ends it. Returns the exit status: 0; 1 when it could not start or calls
/// were cut off; 2 for a bad configuration. Everything it has to say is a line of the log, also why
/// it did not start, whatever log.level says.
int run_serve(const ServeCommand& command, const Environment& environment);

}  // namespace zerogate
