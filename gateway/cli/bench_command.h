// `zerogate bench`: load on a server, and what it measures.
#pragma once

#include "gateway/cli/command_line.h"

namespace zerogate {

/// Runs the load and prints the report on stdout; shows progress on stderr when that is a terminal.
/// SIGINT and SIGTERM end it early. Returns the process' exit status: 0; 1 when the server could
/// not be reached or no call was answered rightly; 2 for a mistake in the command line. Errors are
/// one line on stderr.
int run_bench(const BenchCommand& command);

}  // namespace zerogate
