// The tables of settings. One row says everything about a key and drives file, environment, flags,
// --help, /config and reload: a new key is a new row. The tables never change; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/bridge/backend_options.h"
#include "gateway/config/config.h"
#include "gateway/config/setting.h"

namespace zerogate {

inline constexpr size_t kMaxBackends = 64;
inline constexpr size_t kMaxRoutes = 256;
inline constexpr uint32_t kMaxBackendConnections = 1024;
inline constexpr uint32_t kMaxBackendInFlight = BackendOptions::kMaxInFlight;
inline constexpr uint32_t kMaxBackendQueue = 1'000'000;
inline constexpr uint32_t kMaxEjectAfter = 1'000'000;

using Setting = SettingOf<Config>;
/// In the order of documentation; those of a section stand together. A parameter of what works with
/// a configuration, so that a test can add a row.
using SettingsTable = std::vector<Setting>;

/// The configuration's.
const SettingsTable& settings();
/// The keys of one backend, of one route, and of one rate limit.
const std::vector<SettingOf<BackendOptions>>& backend_settings();
const std::vector<SettingOf<RouteOptions>>& route_settings();
const std::vector<SettingOf<RateLimitOptions>>& rate_limit_settings();

/// The setting with this path, or null.
const Setting* find_setting(const SettingsTable& table, std::string_view path);

/// Takes one word, as from the environment, a flag or a YAML scalar: `off` and nothing become off
/// where the setting can be, and a list without items; commas separate the items of a list.
SettingValue value_from_text(const Setting& setting, std::string_view text, std::string place);

}  // namespace zerogate
