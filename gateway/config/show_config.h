// A configuration as text. Pure function, any thread.
#pragma once

#include <string>
#include <string_view>

#include "gateway/config/config.h"
#include "gateway/config/settings.h"

namespace zerogate {

/// As listen.zmq takes it: a local socket is ipc:/path.
std::string zmq_display(const Address& address);
/// As the key of a listener, such as "listen.zmq", takes it.
std::string display_of(std::string_view key, const Address& address);

/// YAML that load_config would take, with passwords masked.
std::string to_yaml(const Config& config, const SettingsTable& table = settings());

/// What written_yaml() begins with when no file says anything.
inline constexpr std::string_view kNoKeys =
    "# no file says anything: flags, variables and defaults\n";
/// to_yaml(), and of the source what reload_refusal() judges the running configuration by.
std::string written_yaml(const Config& config);

}  // namespace zerogate
