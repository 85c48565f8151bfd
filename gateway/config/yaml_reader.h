// Reads the nodes of a configuration's YAML as values, each with its place. Used while a file is
// read, by one thread; errors go to the builder.
#pragma once

#include <yaml-cpp/yaml.h>

#include <functional>
#include <optional>
#include <string>

#include "gateway/config/config_builder.h"
#include "gateway/config/setting.h"

namespace zerogate {

/// What a key takes.
struct ValueShape {
  std::string path;     ///< of the key, for error lines
  std::string example;  ///< a value; of a list its items, without brackets
  bool is_list = false;
  bool word_is_list = false;  ///< a single word is a list of one
  bool can_be_off = false;    ///< null
};

/// "a map", "a list", "nothing" or "a single value".
std::string kind_of(const YAML::Node& node);

/// Hands the text's only document to `walk`; what is no YAML, or more than one document, is an
/// error of the builder's. `name` stands in front of every line number.
void load_yaml(const std::string& name, const std::string& text, ConfigBuilder& builder,
               const std::function<void(const YAML::Node&)>& walk);

class YamlReader {
 public:
  using Visit = std::function<void(const std::string& key, const YAML::Node&, const YAML::Mark&)>;

  /// `name` stands in front of every line number. Both outlive the reader.
  YamlReader(const std::string& name, ConfigBuilder& builder) : name_(name), builder_(builder) {}

  /// "zerogate.yaml:7"
  std::string place(const YAML::Mark& mark) const;
  /// "zerogate.yaml:7: limits.message"
  std::string place(const YAML::Mark& mark, const std::string& path) const;

  /// Visits the entries of a map; a key that is no word, or stands twice, is an error instead.
  void each_entry(const YAML::Node& map, const Visit& visit) const;

  /// The value of a key, or nothing and at least one problem.
  std::optional<SettingValue> value(const YAML::Node& node, const ValueShape& shape,
                                    const std::string& place, Problems& problems) const;

  ConfigBuilder& builder() const { return builder_; }

 private:
  std::optional<SettingValue> list(const YAML::Node& node, const ValueShape& shape,
                                   const std::string& place, Problems& problems) const;

  const std::string& name_;
  ConfigBuilder& builder_;
};

}  // namespace zerogate
