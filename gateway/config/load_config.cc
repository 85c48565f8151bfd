#include "gateway/config/load_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "core/base/nearest.h"
#include "gateway/config/config_builder.h"
#include "gateway/config/config_file.h"

namespace zerogate {
namespace {

/// Kubernetes sets ZEROGATE_PORT_5559_TCP, ZEROGATE_SERVICE_HOST and the like for every pod beside
/// a service of that name.
bool is_of_kubernetes(const std::string& name) {
  return name.find("_PORT") != name.npos || name.find("_SERVICE_") != name.npos;
}

/// A variable that is no key does nothing, which is worth a word when it was meant to be one.
void warn_of_variables(const Environment& environment, const SettingsTable& table,
                       ConfigBuilder& builder) {
  std::vector<std::string> known = {kConfigVariable};
  for (const Setting& setting : table) {
    known.push_back(setting.environment_name());
  }
  for (const auto& [name, text] : environment.variables()) {
    if (!name.starts_with("ZEROGATE_") || is_of_kubernetes(name) ||
        std::ranges::find(known, name) != known.end()) {
      continue;
    }
    if (const std::string near = nearest(name, known); !near.empty()) {
      builder.warn(fmt::format("{} is no key and does nothing; did you mean {}?", name, near));
    }
  }
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const ConfigErrors& errors) {
  for (const std::string& line : errors.lines) {
    out << line << '\n';
  }
  return out;
}

std::variant<Config, ConfigErrors> load_config(const std::string& file,
                                               const Environment& environment,
                                               const Overrides& flags, const SettingsTable& table) {
  ConfigBuilder builder(table);
  const std::string named = file.empty() ? environment(kConfigVariable).value_or("") : file;
  if (!named.empty()) {
    read_config_file(named, builder);
  }
  for (const Setting& setting : table) {
    const std::string name = setting.environment_name();
    const std::string text = environment(name).value_or("");
    if (text.empty()) {
      continue;  // templates make empty variables: they are as good as none
    }
    if (setting.is_structure) {
      read_config_value(name, setting.path, text, builder);
    } else {
      builder.apply(setting, value_from_text(setting, text, name));
    }
  }
  warn_of_variables(environment, table, builder);
  for (const auto& [path, text] : flags) {
    const Setting* setting = find_setting(table, path);
    assert(setting != nullptr && "the command line knows flags of the table only");
    if (setting == nullptr) {
      continue;
    }
    builder.apply(*setting, value_from_text(*setting, text, std::string(setting->flag)));
  }
  builder.check_together();
  if (!builder.errors().empty()) {
    ConfigErrors errors{.lines = builder.errors()};
    if (builder.is_good("admin")) {
      errors.admin = builder.config().admin;
    }
    if (builder.is_good("log.format")) {
      errors.log_format = builder.config().log_format;
    }
    return errors;
  }
  return builder.config();
}

}  // namespace zerogate
