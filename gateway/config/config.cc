#include "gateway/config/config.h"

#include <yaml-cpp/yaml.h>

#include <cassert>
#include <cstdlib>

#include "gateway/config/bridge_settings.h"
#include "gateway/config/config_builder.h"
#include "gateway/config/config_file.h"
#include "gateway/config/settings.h"

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
      for (const PlacedText& item : value.items) {
        out << item.text;
      }
      out << YAML::EndSeq;
      break;
  }
}

template <class T>
void emit_fields(YAML::Emitter& out, const std::vector<Field<T>>& fields, const T& options) {
  out << YAML::BeginMap;
  for (const Field<T>& field : fields) {
    const auto value = field.show(options);
    if (!value) {
      continue;
    }
    out << YAML::Key << std::string(field.key) << YAML::Value;
    emit(out, *value);
  }
  out << YAML::EndMap;
}

void emit_bridge(YAML::Emitter& out, const Config& config) {
  out << YAML::Key << "backends" << YAML::Value << YAML::BeginMap;
  for (const BackendOptions& backend : config.backends) {
    out << YAML::Key << backend.name << YAML::Value;
    emit_fields(out, backend_fields(), backend);
  }
  out << YAML::EndMap << YAML::Key << "routes" << YAML::Value << YAML::BeginSeq;
  for (const RouteOptions& route : config.routes) {
    emit_fields(out, route_fields(), route);
  }
  out << YAML::EndSeq;
}

}  // namespace

std::variant<Config, ConfigErrors> load_config(const std::string& file,
                                               const Environment& environment,
                                               const Overrides& flags) {
  ConfigBuilder builder;
  const std::string named = file.empty() ? environment(kConfigVariable).value_or("") : file;
  if (!named.empty()) {
    read_config_file(named, builder);
  }
  // ZEROGATE_* variables that are no keys stay unnoticed: Kubernetes sets ZEROGATE_PORT and
  // ZEROGATE_SERVICE_HOST for every pod beside a service of that name.
  for (const Setting& setting : settings()) {
    const std::string name = setting.environment_name();
    if (const auto text = environment(name)) {
      builder.apply(setting, value_from_text(setting, *text, name));
    }
  }
  for (const std::string_view key : kBridgeKeys) {
    const std::string name = environment_name(key);
    if (const auto text = environment(name)) {
      read_config_value(name, key, *text, builder);
    }
  }
  for (const auto& [path, text] : flags) {
    const Setting* setting = find_setting(path);
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

std::string to_yaml(const Config& config) {
  YAML::Emitter out;
  out.SetNullFormat(YAML::LowerNull);
  out << YAML::BeginMap;
  std::string_view open;
  for (const Setting& setting : settings()) {
    if (!setting.in_file) {
      continue;
    }
    if (setting.section() != open) {
      if (!open.empty()) {
        out << YAML::EndMap;
      }
      open = setting.section();
      if (!open.empty()) {
        out << YAML::Key << std::string(open) << YAML::Value << YAML::BeginMap;
      }
    }
    out << YAML::Key << std::string(setting.key()) << YAML::Value;
    emit(out, setting.show(config));
  }
  if (!open.empty()) {
    out << YAML::EndMap;
  }
  emit_bridge(out, config);
  out << YAML::EndMap;
  return std::string(out.c_str()) + "\n";
}

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) {
      return std::nullopt;
    }
    return value;
  };
}

}  // namespace zerogate
