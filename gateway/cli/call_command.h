// `zerogate call`: one call from the command line.
#pragma once

#include <cstdint>
#include <string>

namespace zerogate {

/// Calls `function` at `url` (see Client::connect) with `json` as its argument ("-" reads it from
/// stdin) and prints the result as one line of JSON on stdout. `timeout_ms` limits connecting and
/// the call, each. Returns the process' exit status: 0; 1 when the call failed, with one line on
/// stderr ("kind: text" for an error reply); 2 for a bad URL or bad JSON.
int run_call(const std::string& url, const std::string& function, const std::string& json,
             uint32_t timeout_ms);

}  // namespace zerogate
