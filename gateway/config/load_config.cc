#include "gateway/config/load_config.h"

#include <cassert>

#include "gateway/config/config_builder.h"
#include "gateway/config/config_file.h"

namespace zerogate {

std::variant<Config, ConfigErrors> load_config(const std::string& file,
                                               const Environment& environment,
                                               const Overrides& flags, const SettingsTable& table) {
  ConfigBuilder builder(table);
  const std::string named = file.empty() ? environment(kConfigVariable).value_or("") : file;
  if (!named.empty()) {
    read_config_file(named, builder);
  }
  // ZEROGATE_* variables that are no keys stay unnoticed: Kubernetes sets ZEROGATE_PORT and
  // ZEROGATE_SERVICE_HOST for every pod beside a service of that name.
  for (const Setting& setting : table) {
    const std::string name = setting.environment_name();
    const auto text = environment(name);
    if (!text) {
      continue;
    }
    if (setting.is_structure) {
      read_config_value(name, setting.path, *text, builder);
    } else {
      builder.apply(setting, value_from_text(setting, *text, name));
    }
  }
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
    return ConfigErrors{builder.errors()};
  }
  return builder.config();
}

}  // namespace zerogate
