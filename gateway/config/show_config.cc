#include "gateway/config/show_config.h"

#include <yaml-cpp/yaml.h>

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

/// Rows of a section stand together, and become a map of its name when one of them says something.
template <class T>
void emit_map(YAML::Emitter& out, const std::vector<SettingOf<T>>& table, const T& options) {
  out << YAML::BeginMap;
  std::string_view open;
  for (const SettingOf<T>& setting : table) {
    const auto value = setting.show(options);
    if (!value) {
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
    emit(out, *value);
  }
  if (!open.empty()) {
    out << YAML::EndMap;
  }
  out << YAML::EndMap;
}

void emit_structures(YAML::Emitter& out, const Config& config) {
  out << YAML::Key << "backends" << YAML::Value << YAML::BeginMap;
  for (const BackendOptions& backend : config.backends) {
    out << YAML::Key << backend.name << YAML::Value;
    emit_map(out, backend_settings(), backend);
  }
  out << YAML::EndMap << YAML::Key << "routes" << YAML::Value << YAML::BeginSeq;
  for (const RouteOptions& route : config.routes) {
    emit_map(out, route_settings(), route);
  }
  out << YAML::EndSeq << YAML::Key << "rate_limits" << YAML::Value << YAML::BeginSeq;
  for (const RateLimitOptions& limit : config.rate_limits) {
    emit_map(out, rate_limit_settings(), limit);
  }
  out << YAML::EndSeq;
}

}  // namespace

std::string zmq_display(const Address& address) {
  return address.is_path() ? "ipc:" + address.path : address.display();
}

std::string display_of(std::string_view key, const Address& address) {
  return key.starts_with("listen.zmq") ? zmq_display(address) : address.display();
}

std::string to_yaml(const Config& config, const SettingsTable& table) {
  YAML::Emitter out;
  out.SetNullFormat(YAML::LowerNull);
  out << YAML::BeginMap;
  std::string_view open;
  for (const Setting& setting : table) {
    if (!setting.in_file || setting.is_structure) {
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
    if (const auto value = setting.show(config)) {
      out << YAML::Key << std::string(setting.key()) << YAML::Value;
      emit(out, *value);
    }
  }
  if (!open.empty()) {
    out << YAML::EndMap;
  }
  emit_structures(out, config);
  out << YAML::EndMap;
  return std::string(out.c_str()) + "\n";
}

std::string written_yaml(const Config& config) {
  return std::string(config.source.has_keys ? "" : kNoKeys) + to_yaml(config);
}

}  // namespace zerogate
