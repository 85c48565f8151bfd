// Which changes of the configuration a running gateway can take over. Pure function, any thread.
#pragma once

#include <string>
#include <vector>

#include "gateway/config/config.h"

namespace zerogate {

/// The paths of the keys ("listen.tcp") that differ and need a restart: listeners, threads, limits,
/// Redis and the like. The others (backends, routes, handlers, the log) a reload takes over.
///
/// Both must be as load_config gave them: a gateway that has lowered limits.connections to what its
/// descriptors allow would look as if it had been changed.
std::vector<std::string> unreloadable_changes(const Config& running, const Config& next);

}  // namespace zerogate
