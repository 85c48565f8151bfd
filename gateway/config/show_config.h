// A configuration as text. Pure function, any thread.
#pragma once

#include <string>

#include "gateway/config/config.h"
#include "gateway/config/settings.h"

namespace zerogate {

/// YAML that load_config would take, with passwords masked.
std::string to_yaml(const Config& config, const SettingsTable& table = settings());

}  // namespace zerogate
