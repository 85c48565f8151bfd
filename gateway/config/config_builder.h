// Builds a configuration: takes values from the weakest source to the strongest, remembers where
// each came from, and gathers the errors. Used by load_config alone; one thread.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/config/bridge_entries.h"
#include "gateway/config/config.h"
#include "gateway/config/settings.h"

namespace zerogate {

class ConfigBuilder {
 public:
  /// The table outlives the builder.
  explicit ConfigBuilder(const SettingsTable& table) : table_(table) {}
  /// Looks again at what was put together from configurations that were good. It reads no file, and
  /// names its keys by their paths ("backends.orders.url").
  ConfigBuilder(const SettingsTable& table, const Config& made);

  /// The keys that there are.
  const SettingsTable& table() const { return table_; }

  /// Sets one value over what was there, or gathers why not.
  void apply(const Setting& setting, const SettingValue& value);

  /// What the readers note.
  ConfigSource& source() { return config_.source; }

  /// Replace what was there before.
  void set_backends(Entries<BackendOptions> backends) { entries_.backends = std::move(backends); }
  void set_routes(Entries<RouteOptions> routes) { entries_.routes = std::move(routes); }
  void set_rate_limits(Entries<RateLimitOptions> limits) { rate_limits_ = std::move(limits); }

  /// Gathers one error: "place: message".
  void fail(const std::string& place, const std::string& message);
  /// The same for a setting. Checks that depend on its value are left out then.
  void fail(const Setting& setting, const std::string& place, const std::string& message);

  /// Keeps a line for the log and for `check`.
  void warn(std::string message) { config_.warnings.push_back(std::move(message)); }

  /// The same of what is no fault.
  void note(std::string message) { config_.notes.push_back(std::move(message)); }

  /// Fills in what follows from other values and checks them against one another; call it once,
  /// after everything else.
  void check_together();

  /// True when the setting's value, if any was written, is none of the errors.
  bool is_good(std::string_view path) const { return !failed_.contains(path); }
  const Config& config() const { return config_; }
  const std::vector<std::string>& errors() const { return errors_; }
  /// Where the value came from: the place of its error lines, or its path when it has its default.
  std::string origin(std::string_view path) const;

 private:
  bool is_default(std::string_view path) const { return !origins_.contains(path); }
  bool listeners_failed() const;
  void settle_listeners();
  void check_listeners();
  void check_bridge();
  void check_rate_limits();
  void check_curve();
  void check_tls();
  void warn_of_routes();
  void warn_of_threads();

  const SettingsTable& table_;
  const bool reads_files_ = true;
  Config config_;
  BridgeEntries entries_;
  Entries<RateLimitOptions> rate_limits_;
  std::vector<std::string> errors_;
  std::map<std::string_view, std::string> origins_;  ///< by path
  std::vector<std::string_view> command_;            ///< paths, the one set last at the end
  std::set<std::string_view> failed_;                ///< paths
};

}  // namespace zerogate
