#include "gateway/config/config_file.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <vector>

#include "core/base/nearest.h"
#include "core/base/quote.h"
#include "core/base/utf8.h"
#include "gateway/config/bridge_file.h"
#include "gateway/config/yaml_reader.h"

namespace zerogate {
namespace {

/// Keys of one level: those at the top for an empty section.
std::vector<std::string> keys_of(std::string_view section) {
  std::vector<std::string> keys;
  for (const Setting& setting : settings()) {
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
  if (section.empty()) {
    keys.insert(keys.end(), std::begin(kBridgeKeys), std::end(kBridgeKeys));
  }
  return keys;
}

/// What would fix an unknown key.
std::string mend_key(std::string_view section, const std::string& key, const std::string& path) {
  if (section.empty() && find_setting(key) != nullptr) {
    const Setting& setting = *find_setting(key);
    if (!setting.in_file) {
      return fmt::format("only {} and {} say this; write backends and routes here", setting.flag,
                         setting.environment_name());
    }
    // "listen.tcp: ..." at the top
    return fmt::format("write {}: {{{}: ...}}", setting.section(), setting.key());
  }
  if (const std::string sibling = nearest(key, keys_of(section)); !sibling.empty()) {
    return fmt::format("did you mean '{}{}{}'?", section, section.empty() ? "" : ".", sibling);
  }
  std::vector<std::string> paths;
  for (const Setting& setting : settings()) {
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
    return fmt::format("known are {}", listed(keys_of(section), "and"));
  }
  return fmt::format("{} has {}", section, listed(keys_of(section), "and"));
}

/// Walks the nodes of a file.
class Walker {
 public:
  Walker(const std::string& name, ConfigBuilder& builder)
      : reader_(name, builder), builder_(builder) {}

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
    const std::string path = section.empty() ? key : section + "." + key;
    const bool dotted = key.find('.') != std::string::npos;
    const Setting* setting = dotted ? nullptr : find_setting(path);
    if (setting != nullptr && setting->in_file) {
      return walk_value(*setting, node, reader_.place(mark, path));
    }
    const auto top = keys_of("");
    if (!section.empty() || std::ranges::find(top, key) == top.end()) {
      return builder_.fail(reader_.place(mark), fmt::format("unknown key {}; {}", quote(path),
                                                            mend_key(section, key, path)));
    }
    if (node.IsMap()) {
      return walk_map(key, node);
    }
    builder_.fail(reader_.place(mark),
                  fmt::format("{}: a map of keys is needed, not {}; indent {} below it, or leave "
                              "it out",
                              key, kind_of(node), listed(keys_of(key))));
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
    const ValueShape shape{.path = std::string(setting.path),
                           .example = setting.default_text(),
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

  YamlReader reader_;
  ConfigBuilder& builder_;
};

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

/// Finds what yaml-cpp would swallow, or report in words that help nobody. True when all is well.
bool check_lines(const std::string& name, const std::vector<std::string_view>& lines,
                 ConfigBuilder& builder) {
  const size_t before = builder.errors().size();
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string place = fmt::format("{}:{}", name, i + 1);
    const std::string_view line = lines[i];
    const size_t content = line.find_first_not_of(" \t\r");
    if (line.find('\0') != std::string_view::npos) {
      builder.fail(place, "a NUL byte, so this is no text; name a YAML file in UTF-8");
      return false;
    }
    if (!is_utf8(line)) {
      builder.fail(place, "not UTF-8; save the file as UTF-8 text");
      return false;
    }
    if (content == std::string_view::npos || line[content] == '#') {
      continue;
    }
    if (line.substr(0, content).find('\t') != std::string_view::npos) {
      builder.fail(place, "a tab in the indentation, which YAML forbids; write spaces");
    }
  }
  return builder.errors().size() == before;
}

/// True for a value such as [::1]:5559 without quotes: for YAML that is a list, and then rubbish.
bool has_bare_brackets(std::string_view line) {
  const size_t open = line.find(": [");
  const size_t close = line.find("]:");
  return open != std::string_view::npos && close != std::string_view::npos && open < close &&
         line.substr(open + 3, close - open - 3).find(':') != std::string_view::npos;
}

/// True when YAML took a word such as *_order for an alias, which it begins with a star.
bool is_about_alias(const YAML::Exception& failure) {
  return failure.msg == YAML::ErrorMsg::ALIAS_NOT_FOUND ||
         failure.msg == YAML::ErrorMsg::UNKNOWN_ANCHOR;
}

void fail_syntax(const std::string& name, const std::vector<std::string_view>& lines,
                 const YAML::Exception& failure, ConfigBuilder& builder) {
  const auto at = static_cast<size_t>(std::max(failure.mark.line, 0));
  std::string_view fix = "check indentation, brackets and quotes here";
  if (is_about_alias(failure)) {
    fix = "put a word that begins with * in quotes, as in \"*\"";
  } else if (at < lines.size() && has_bare_brackets(lines[at])) {
    fix = "put the address in quotes, as in \"[::1]:5559\"";
  }
  builder.fail(fmt::format("{}:{}", name, at + 1),
               fmt::format("not YAML: {}; {}", failure.msg, fix));
}

/// Hands the text's only document to `walk`.
void load_yaml(const std::string& name, const std::string& text, ConfigBuilder& builder,
               const std::function<void(const YAML::Node&)>& walk) {
  const std::vector<std::string_view> lines = lines_of(text);
  if (!check_lines(name, lines, builder)) {
    return;
  }
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(text);
    if (documents.empty()) {
      return;
    }
    if (documents.size() > 1) {
      builder.fail(fmt::format("{}:{}", name, documents[1].Mark().line + 1),
                   "a second YAML document begins; write one only, without '---' in between");
    }
    walk(documents[0]);
  } catch (const YAML::Exception& failure) {
    fail_syntax(name, lines, failure, builder);
  }
}

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

/// The file's text, or nothing with errno set. A pipe is welcome: serve --config <(...).
std::optional<std::string> read_file(const std::string& name) {
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(name.c_str(), "re"));
  if (!file) {
    return std::nullopt;
  }
  std::string text;
  char block[16 << 10];
  while (text.size() <= kMaxConfigBytes) {
    const size_t got = std::fread(block, 1, sizeof block, file.get());
    text.append(block, got);
    if (got < sizeof block) {
      break;
    }
  }
  if (std::ferror(file.get())) {
    return std::nullopt;
  }
  return text;
}

}  // namespace

void read_config_text(const std::string& name, const std::string& text, ConfigBuilder& builder) {
  load_yaml(name, text, builder,
            [&](const YAML::Node& root) { Walker(name, builder).walk_root(root); });
}

void read_config_value(const std::string& name, std::string_view key, const std::string& text,
                       ConfigBuilder& builder) {
  load_yaml(name, text.empty() ? "null" : text, builder, [&](const YAML::Node& value) {
    Walker(name, builder).walk_entry("", std::string(key), value, value.Mark());
  });
}

void read_config_file(const std::string& name, ConfigBuilder& builder) {
  const std::optional<std::string> text = read_file(name);
  if (!text) {
    builder.fail(name, fmt::format("cannot be read: {}; name a YAML file that exists and is "
                                   "readable",
                                   std::strerror(errno)));
  } else if (text->size() > kMaxConfigBytes) {
    builder.fail(
        name, fmt::format("is longer than {} bytes; name a configuration file", kMaxConfigBytes));
  } else {
    read_config_text(name, *text, builder);
  }
}

}  // namespace zerogate
