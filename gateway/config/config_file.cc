#include "gateway/config/config_file.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <optional>
#include <vector>

#include "core/base/nearest.h"
#include "core/base/quote.h"
#include "gateway/config/codecs.h"
#include "gateway/config/yaml_reader.h"

namespace zerogate {
namespace {

/// Keys of one level: those at the top for an empty section.
std::vector<std::string> keys_of(const SettingsTable& table, std::string_view section) {
  std::vector<std::string> keys;
  for (const Setting& setting : table) {
    std::string key;
    if (!setting.in_file) {
      continue;
    }
    if (setting.section() == section) {
      key = setting.key();
    } else if (section.empty()) {
      key = setting.section();
    } else {
      continue;
    }
    if (std::ranges::find(keys, key) == keys.end()) {
      keys.push_back(key);
    }
  }
  return keys;
}

/// What would fix an unknown key.
std::string hint_for(const SettingsTable& table, std::string_view section, const std::string& key,
                     const std::string& path) {
  if (section.empty() && find_setting(table, key) != nullptr) {
    const Setting& setting = *find_setting(table, key);
    if (!setting.in_file) {
      return fmt::format("only {} and {} say this; write backends and routes here", setting.flag,
                         setting.environment_name());
    }
    // "listen.tcp: ..." at the top
    return fmt::format("write {}: {{{}: ...}}", setting.section(), setting.key());
  }
  if (const std::string sibling = nearest(key, keys_of(table, section)); !sibling.empty()) {
    return fmt::format("did you mean '{}{}{}'?", section, section.empty() ? "" : ".", sibling);
  }
  std::vector<std::string> paths;
  for (const Setting& setting : table) {
    if (!setting.in_file) {
      continue;
    }
    if (setting.key() == key) {
      return fmt::format("did you mean '{}'?", setting.path);
    }
    paths.emplace_back(setting.path);
  }
  if (const std::string near = nearest(path, paths); !near.empty()) {
    return fmt::format("did you mean '{}'?", near);
  }
  if (section.empty()) {
    return fmt::format("known are {}", listed(keys_of(table, section), "and"));
  }
  return fmt::format("{} has {}", section, listed(keys_of(table, section), "and"));
}

template <class T>
std::vector<std::string> keys_in(const std::vector<SettingOf<T>>& table) {
  std::vector<std::string> keys;
  keys.reserve(table.size());
  for (const SettingOf<T>& setting : table) {
    keys.emplace_back(setting.path);
  }
  return keys;
}

template <class T>
std::string unknown_key(const std::vector<SettingOf<T>>& table, const std::string& path,
                        const std::string& key) {
  const std::string near = nearest(key, keys_in(table));
  const std::string whole = fmt::format("{}.{}", path, key);
  if (!near.empty()) {
    return fmt::format("unknown key {}; did you mean '{}.{}'?", quote(whole), path, near);
  }
  return fmt::format("unknown key {}; {} has {}", quote(whole), path,
                     listed(names_of(table), "and"));
}

/// Reads one key of a backend or route into its entry.
template <class T>
void read_setting(const YamlReader& reader, const SettingOf<T>& setting, const std::string& path,
                  const YAML::Node& node, const YAML::Mark& mark, Entry<T>& entry) {
  const ValueShape shape{.path = fmt::format("{}.{}", path, setting.path),
                         .example = setting.example_text(),
                         .is_list = setting.is_list,
                         .word_is_list = setting.is_list};
  Problems problems;
  const auto value = reader.value(node, shape, reader.place(mark, shape.path), problems);
  if (value) {
    setting.set(*value, entry.options, problems);
  }
  for (const Problem& problem : problems) {
    reader.builder().fail(problem.place, problem.message);
  }
  if (problems.empty()) {
    entry.values.emplace(setting.path, *value);
  }
}

/// Reads the map of a backend's or route's keys. `needed` must be among them, with a value that is
/// no empty list.
template <class T>
void read_entry(const YamlReader& reader, const std::vector<SettingOf<T>>& table,
                const std::string& path, const std::vector<std::string_view>& needed,
                const YAML::Node& map, Entry<T>& entry) {
  std::vector<std::string> seen;
  const auto read = [&](const std::string& key, const YAML::Node& node, const YAML::Mark& at) {
    const auto setting = std::ranges::find(table, key, &SettingOf<T>::path);
    if (setting == table.end()) {
      return reader.builder().fail(reader.place(at), unknown_key(table, path, key));
    }
    if (!node.IsSequence() || node.size() > 0) {
      seen.push_back(key);
    }
    read_setting(reader, *setting, path, node, at, entry);
  };
  reader.each_entry(map, [&](const std::string& key, const YAML::Node& node, const YAML::Mark& at) {
    if (!node.IsMap() || !is_section(table, key)) {
      return read(key, node, at);
    }
    reader.each_entry(node, [&](const std::string& inner, const YAML::Node& value,
                                const YAML::Mark& mark) { read(key + "." + inner, value, mark); });
  });
  for (const std::string_view key : needed) {
    if (std::ranges::find(seen, key) != seen.end()) {
      continue;
    }
    const SettingOf<T>& setting = *std::ranges::find(table, key, &SettingOf<T>::path);
    const std::string example = setting.example_text();
    reader.builder().fail(
        entry.place, setting.is_list ? fmt::format("no {0}; add it, as in {0}: [{1}]", key, example)
                                     : fmt::format("no {0}; add it, as in {0}: {1}", key, example));
  }
}

/// These two read the value of the key that stands at `mark`. What was there before, of a file
/// under a variable, goes.
void read_backends(const YamlReader& reader, const YAML::Node& node, const YAML::Mark& mark) {
  Entries<BackendOptions> backends;
  const auto fail = [&](const std::string& place, const std::string& message) {
    reader.builder().fail(place, message);
    backends.readable = false;
  };
  if (node.IsMap()) {
    reader.each_entry(
        node, [&](const std::string& name, const YAML::Node& map, const YAML::Mark& at) {
          const std::string problem = backend_name_problem(name);
          if (!problem.empty()) {
            return fail(reader.place(at, "backends"), problem);
          }
          Entry<BackendOptions> entry{{}, reader.place(at, "backends." + name)};
          entry.options.name = name;
          if (map.IsMap()) {
            read_entry(reader, backend_settings(), "backends." + name, {"url"}, map, entry);
          } else {
            reader.builder().fail(entry.place,
                                  fmt::format("a map of keys is needed, not {}; write {{url: "
                                              "\"tcp://host:port\"}}",
                                              kind_of(map)));
          }
          backends.list.push_back(std::move(entry));
        });
  } else if (!node.IsNull()) {  // null: every line below it is a comment
    fail(reader.place(mark, "backends"),
         fmt::format("a map of names is needed, not {}; write {{orders: {{url: "
                     "\"tcp://orders:5559\"}}}}",
                     kind_of(node)));
  }
  reader.builder().set_backends(std::move(backends));
}

/// A list of maps of keys, as routes and rate limits are.
struct ListShape {
  std::string_view path;     ///< of the list
  std::string_view item;     ///< "a route"
  std::string_view example;  ///< of an item
  std::vector<std::string_view> needed;
};

template <class T>
Entries<T> read_list(const YamlReader& reader, const ListShape& shape,
                     const std::vector<SettingOf<T>>& table, const YAML::Node& node,
                     const YAML::Mark& mark) {
  Entries<T> entries;
  const std::string path(shape.path);
  const auto fail = [&](const YAML::Mark& at, const std::string& what, const YAML::Node& found) {
    entries.readable = false;
    reader.builder().fail(reader.place(at, path), fmt::format("{}, not {}; write - {}", what,
                                                              kind_of(found), shape.example));
  };
  if (!node.IsSequence() && !node.IsNull()) {
    fail(mark, fmt::format("a list of {}s is needed", shape.item.substr(2)), node);
  }
  for (const YAML::Node& item : node.IsSequence() ? node : YAML::Node()) {
    if (!item.IsMap()) {
      fail(item.Mark(), fmt::format("{} is a map of keys", shape.item), item);
      continue;
    }
    Entry<T> entry{{}, reader.place(item.Mark(), path)};
    read_entry(reader, table, path, shape.needed, item, entry);
    entries.list.push_back(std::move(entry));
  }
  return entries;
}

void read_routes(const YamlReader& reader, const YAML::Node& node, const YAML::Mark& mark) {
  const ListShape shape{
      "routes", "a route", "{functions: [\"*\"], backend: orders}", {"functions", "backend"}};
  reader.builder().source().says_routes |= node.IsSequence();
  reader.builder().set_routes(read_list(reader, shape, route_settings(), node, mark));
}

void read_rate_limits(const YamlReader& reader, const YAML::Node& node, const YAML::Mark& mark) {
  const ListShape shape{"rate_limits",
                        "a rate limit",
                        "{functions: [\"*\"], per: caller, rate: 100/s}",
                        {"functions", "rate"}};
  reader.builder().set_rate_limits(read_list(reader, shape, rate_limit_settings(), node, mark));
}

/// Walks the nodes of a file.
class Walker {
 public:
  Walker(const std::string& name, std::string_view text, ConfigBuilder& builder)
      : reader_(name, builder), text_(text), builder_(builder), table_(builder.table()) {}

  void walk_root(const YAML::Node& root) {
    if (!root.IsDefined() || root.IsNull()) {
      return;  // empty, or comments only: all defaults
    }
    if (!root.IsMap()) {
      builder_.fail(reader_.place(root.Mark()),
                    fmt::format("the file must be a map of keys, not {}; write keys such as "
                                "'listen:' at the left margin",
                                kind_of(root)));
      return;
    }
    builder_.source().has_keys = root.size() > 0;
    walk_map("", root);
  }

  /// A key at the top, or of a section.
  void walk_entry(const std::string& section, const std::string& key, const YAML::Node& node,
                  const YAML::Mark& mark) {
    if (section.empty() && key == "backends") {
      return read_backends(reader_, node, mark);
    }
    if (section.empty() && key == "routes") {
      return read_routes(reader_, node, mark);
    }
    if (section.empty() && key == "rate_limits") {
      return read_rate_limits(reader_, node, mark);
    }
    const std::string path = section.empty() ? key : section + "." + key;
    const bool dotted = key.find('.') != std::string::npos;
    const Setting* setting = dotted ? nullptr : find_setting(table_, path);
    if (setting != nullptr && setting->in_file) {
      return walk_value(*setting, node, reader_.place(mark, path));
    }
    const auto top = keys_of(table_, "");
    if (!section.empty() || std::ranges::find(top, key) == top.end()) {
      return builder_.fail(reader_.place(mark), fmt::format("unknown key {}; {}", quote(path),
                                                            hint_for(table_, section, key, path)));
    }
    if (node.IsMap()) {
      return walk_map(key, node);
    }
    builder_.fail(reader_.place(mark),
                  fmt::format("{}: a map of keys is needed, not {}; indent {} below it, or leave "
                              "it out",
                              key, kind_of(node), listed(keys_of(table_, key))));
  }

 private:
  void walk_map(const std::string& section, const YAML::Node& map) {
    reader_.each_entry(map, [&](const std::string& key, const YAML::Node& node,
                                const YAML::Mark& mark) { walk_entry(section, key, node, mark); });
  }

  void walk_value(const Setting& setting, const YAML::Node& node, const std::string& place) {
    if (node.IsScalar() && !setting.is_list) {
      return builder_.apply(setting, value_from_text(setting, node.Scalar(), place));
    }
    if (setting.can_be_off && node.IsNull() && !is_spelled(node)) {
      builder_.warn(fmt::format(
          "{}: nothing is written, which is off; write off, or take the key out for the default",
          place));
    }
    const ValueShape shape{.path = std::string(setting.path),
                           .example = setting.example_text(),
                           .is_list = setting.is_list,
                           .can_be_off = setting.can_be_off};
    Problems problems;
    const auto value = reader_.value(node, shape, place, problems);
    for (const Problem& problem : problems) {
      builder_.fail(setting, problem.place, problem.message);
    }
    if (value) {
      builder_.apply(setting, *value);
    }
  }

  /// A null that is written as such; else what comes next stands at its mark.
  bool is_spelled(const YAML::Node& null) const {
    const auto at = static_cast<size_t>(std::max(null.Mark().pos, 0));
    const std::string_view rest = text_.substr(std::min(at, text_.size()));
    return rest.starts_with('~') || rest.starts_with("null") || rest.starts_with("Null") ||
           rest.starts_with("NULL");
  }

  YamlReader reader_;
  std::string_view text_;
  ConfigBuilder& builder_;
  const SettingsTable& table_;
};

}  // namespace

void read_config_text(const std::string& name, const std::string& text, ConfigBuilder& builder) {
  load_yaml(name, text, builder,
            [&](const YAML::Node& root) { Walker(name, text, builder).walk_root(root); });
}

void read_config_value(const std::string& name, std::string_view key, const std::string& text,
                       ConfigBuilder& builder) {
  load_yaml(name, text.empty() ? "null" : text, builder, [&](const YAML::Node& value) {
    Walker(name, text, builder).walk_entry("", std::string(key), value, value.Mark());
  });
}

void read_config_file(const std::string& name, FileRules::Kind kind, ConfigBuilder& builder) {
  builder.source().file = name;
  const auto text = read_file_text(name, {.most_bytes = kMaxConfigBytes,
                                          .fix = "name a YAML file that exists and is readable",
                                          .kind = kind});
  if (text) {
    read_config_text(name, text.value(), builder);
  } else {
    builder.fail(name, text.error());
  }
}

}  // namespace zerogate
