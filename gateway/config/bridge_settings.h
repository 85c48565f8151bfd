// The keys of one backend and of one route. As in the table of settings one row says everything
// about a key, for the file, its error lines and /config. Any thread; the tables never change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "core/bridge/backend_options.h"
#include "gateway/config/settings.h"

namespace zerogate {

inline constexpr size_t kMaxBackends = 64;
inline constexpr size_t kMaxRoutes = 256;
inline constexpr size_t kMaxUrls = 64;              ///< of one backend
inline constexpr size_t kMaxGlobs = 1000;           ///< in one list of functions
inline constexpr size_t kMaxBackendNameBytes = 63;  ///< it becomes a label's value
inline constexpr uint32_t kMaxBackendConnections = 1024;
inline constexpr uint32_t kMaxBackendInFlight = 4096;  ///< on one connection
inline constexpr uint32_t kMaxBackendQueue = 1'000'000;
inline constexpr uint32_t kMaxEjectAfter = 1'000'000;

/// A key of T, which is BackendOptions or RouteOptions.
template <class T>
struct Field {
  std::string_view key;
  std::string_view example;  ///< a value, for error lines
  bool is_list = false;      ///< a single word is a list of one
  /// Checks the value and puts it into the options, or reports at least one problem.
  std::function<void(const SettingValue&, T&, Problems&)> set;
  /// The value as `set` would take it; nothing when the key says nothing.
  std::function<std::optional<SettingValue>(const T&)> show;
};

const std::vector<Field<BackendOptions>>& backend_fields();
const std::vector<Field<RouteOptions>>& route_fields();

/// What is wrong with a backend's name and what would fix it; empty when it is good.
std::string backend_name_problem(std::string_view name);

/// Takes a list of URLs. False when there were problems.
bool parse_backend_urls(const SettingValue& value, std::vector<ServerUrl>& urls,
                        Problems& problems);

}  // namespace zerogate
