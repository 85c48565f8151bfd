#include "gateway/config.h"

#include <yaml-cpp/yaml.h>

#include <cassert>
#include <cstdlib>

#include "gateway/config_builder.h"
#include "gateway/config_file.h"
#include "gateway/settings.h"

namespace zerogate {
namespace {

void emit(YAML::Emitter& out, const SettingValue& value) {
  switch (value.kind) {
    case SettingValue::Kind::off:
      out << YAML::Null;
      break;
    case SettingValue::Kind::text:
      out << value.text;
      break;
    case SettingValue::Kind::list:
      out << YAML::Flow << YAML::BeginSeq;
      for (const PlacedText& item : value.items) out << item.text;
      out << YAML::EndSeq;
      break;
  }
}

}  // namespace

std::variant<Config, ConfigErrors> load_config(const std::string& file,
                                               const Environment& environment,
                                               const Overrides& flags) {
  ConfigBuilder builder;
  if (!file.empty()) read_config_file(file, builder);
  // ZEROGATE_* variables that are no keys stay unnoticed: Kubernetes sets ZEROGATE_PORT and
  // ZEROGATE_SERVICE_HOST for every pod beside a service of that name.
  for (const Setting& setting : settings()) {
    const std::string name = setting.environment_name();
    if (const auto text = environment(name)) {
      builder.apply(setting, value_from_text(setting, *text, name));
    }
  }
  for (const auto& [path, text] : flags) {
    const Setting* setting = find_setting(path);
    assert(setting != nullptr && "the command line knows flags of the table only");
    if (setting == nullptr) continue;
    builder.apply(*setting, value_from_text(*setting, text, std::string(setting->flag)));
  }
  builder.check_together();
  if (!builder.errors().empty()) return ConfigErrors{builder.errors()};
  return builder.config();
}

std::string to_yaml(const Config& config) {
  YAML::Emitter out;
  out.SetNullFormat(YAML::LowerNull);
  out << YAML::BeginMap;
  std::string_view open;
  for (const Setting& setting : settings()) {
    if (setting.section() != open) {
      if (!open.empty()) out << YAML::EndMap;
      open = setting.section();
      if (!open.empty()) out << YAML::Key << std::string(open) << YAML::Value << YAML::BeginMap;
    }
    out << YAML::Key << std::string(setting.key()) << YAML::Value;
    emit(out, setting.show(config));
  }
  if (!open.empty()) out << YAML::EndMap;
  out << YAML::EndMap;
  return std::string(out.c_str()) + "\n";
}

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return value;
  };
}

}  // namespace zerogate
