// Backends and routes as they were written, each with its place, and the checks that make them part
// of a configuration. Used while one is built, by one thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/config/config.h"
#include "gateway/config/settings.h"

namespace zerogate {

/// One backend or route.
template <class T>
struct Entry {
  T options;
  std::string place;                                  ///< "zerogate.yaml:7: backends.orders"
  std::map<std::string_view, SettingValue> values{};  ///< by key, those that were good
};

/// Those of one key, in their order.
template <class T>
struct Entries {
  std::vector<Entry<T>> list;
  bool readable = true;  ///< false: some are missing here, and have had their error line
};

struct BridgeEntries {
  Entries<BackendOptions> backends;
  Entries<RouteOptions> routes;
};

/// What is wrong with a backend's name and what would fix it; empty when it is good.
std::string backend_name_problem(std::string_view name);

/// Takes an error: its place, and what is wrong and would fix it.
using Fail = std::function<void(const std::string& place, const std::string& message)>;

/// Puts the entries and what --bridge said (`config.bridge`, at `bridge_place`) into
/// `config.backends` and `config.routes`, and checks them against one another.
void assemble_bridge(const BridgeEntries& entries, const std::string& bridge_place, Config& config,
                     const Fail& fail);

/// A backend that is one of the gateway's own listeners would call itself for ever.
void check_loops(const BridgeEntries& entries, const std::string& bridge_place,
                 const Config& config, const Fail& fail);

/// Takes a warning, with its place.
using Warn = std::function<void(const std::string& warning)>;

/// Says which parts of routes get no call, and which backends get some calls encrypted and others
/// in the clear. Of entries that are put together and without errors.
void warn_of_entries(const BridgeEntries& entries, const std::string& bridge_place,
                     const Config& config, const Warn& warn);

}  // namespace zerogate
