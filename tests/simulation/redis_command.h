// The commands that a Redis of the simulation is sent.
#pragma once

#include <string>
#include <vector>

namespace zerogate::simulation {

/// Takes the next command off `in`, and appends its words. False: the rest of it is still to come.
/// What is no command violates a promise: the gateway sends none such.
bool take_redis_command(std::string& in, std::vector<std::string>& words);

}  // namespace zerogate::simulation
