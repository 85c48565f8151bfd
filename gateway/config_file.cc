#include "gateway/config_file.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "core/base/quote.h"
#include "core/wire/utf8.h"
#include "gateway/nearest.h"

namespace zerogate {
namespace {

/// Keys of one level: those at the top for an empty section.
std::vector<std::string> keys_of(std::string_view section) {
  std::vector<std::string> keys;
  for (const Setting& setting : settings()) {
    std::string key;
    if (setting.section() == section) {
      key = setting.key();
    } else if (section.empty()) {
      key = setting.section();
    } else {
      continue;
    }
    if (std::ranges::find(keys, key) == keys.end()) keys.push_back(key);
  }
  return keys;
}

/// What would mend an unknown key.
std::string mend_key(std::string_view section, const std::string& key, const std::string& path) {
  if (section.empty() && find_setting(key) != nullptr) {  // "listen.tcp: ..." at the top
    const Setting& setting = *find_setting(key);
    return fmt::format("write {}: {{{}: ...}}", setting.section(), setting.key());
  }
  if (const std::string sibling = nearest(key, keys_of(section)); !sibling.empty()) {
    return fmt::format("did you mean '{}{}{}'?", section, section.empty() ? "" : ".", sibling);
  }
  std::vector<std::string> paths;
  for (const Setting& setting : settings()) {
    if (setting.key() == key) return fmt::format("did you mean '{}'?", setting.path);
    paths.emplace_back(setting.path);
  }
  if (const std::string near = nearest(path, paths); !near.empty()) {
    return fmt::format("did you mean '{}'?", near);
  }
  if (section.empty()) return fmt::format("known are {}", listed(keys_of(section), "and"));
  return fmt::format("{} has {}", section, listed(keys_of(section), "and"));
}

std::string kind_of(const YAML::Node& node) {
  if (node.IsMap()) return "a map";
  if (node.IsSequence()) return "a list";
  if (node.IsNull()) return "nothing";
  return "a single value";
}

/// Walks the nodes of a file.
class Walker {
 public:
  Walker(const std::string& name, ConfigBuilder& builder) : name_(name), builder_(builder) {}

  void walk_root(const YAML::Node& root) {
    if (!root.IsDefined() || root.IsNull()) return;  // empty, or comments only: all defaults
    if (!root.IsMap()) {
      builder_.fail(place(root.Mark()),
                    fmt::format("the file must be a map of keys, not {}; write keys such as "
                                "'listen:' at the left margin",
                                kind_of(root)));
      return;
    }
    walk_map("", root);
  }

 private:
  std::string place(const YAML::Mark& mark) const {
    return fmt::format("{}:{}", name_, std::max(mark.line, 0) + 1);
  }

  void walk_map(const std::string& section, const YAML::Node& map) {
    std::map<std::string, int> seen;  // yaml-cpp keeps a key that stands twice, and says nothing
    for (const auto& entry : map) {
      const YAML::Mark mark = entry.first.Mark();
      if (!entry.first.IsScalar()) {
        builder_.fail(place(mark), "a key must be a single word; write 'key: value'");
        continue;
      }
      const std::string key = entry.first.Scalar();
      const auto [before, is_new] = seen.emplace(key, mark.line);
      if (!is_new) {
        builder_.fail(place(mark), fmt::format("key {} stands twice, first on line {}; keep one",
                                               quote(key), before->second + 1));
        continue;
      }
      walk_entry(section, key, entry.second, mark);
    }
  }

  void walk_entry(const std::string& section, const std::string& key, const YAML::Node& node,
                  const YAML::Mark& mark) {
    const std::string path = section.empty() ? key : section + "." + key;
    const bool dotted = key.find('.') != std::string::npos;
    if (const Setting* setting = dotted ? nullptr : find_setting(path)) {
      return walk_value(*setting, node, fmt::format("{}: {}", place(mark), path));
    }
    const auto top = keys_of("");
    if (!section.empty() || std::ranges::find(top, key) == top.end()) {
      return builder_.fail(place(mark), fmt::format("unknown key {}; {}", quote(path),
                                                    mend_key(section, key, path)));
    }
    if (node.IsMap()) return walk_map(key, node);
    builder_.fail(place(mark),
                  fmt::format("{}: a map of keys is needed, not {}; indent {} below it, or leave "
                              "it out",
                              key, kind_of(node), listed(keys_of(key))));
  }

  void walk_value(const Setting& setting, const YAML::Node& node, const std::string& place_of) {
    if (node.IsScalar() && !setting.is_list) {
      return builder_.apply(setting, value_from_text(setting, node.Scalar(), place_of));
    }
    if (node.IsNull() && setting.can_be_off) {
      return builder_.apply(setting, {SettingValue::Kind::off, "", {}, place_of});
    }
    if (node.IsSequence() && setting.is_list) return walk_list(setting, node, place_of);
    builder_.fail(setting, place_of,
                  setting.is_list
                      ? fmt::format("a list is needed, not {}; write it as in [{}]", kind_of(node),
                                    setting.default_text())
                      : fmt::format("a single value is needed, not {}; write it as in {}",
                                    kind_of(node), setting.default_text()));
  }

  void walk_list(const Setting& setting, const YAML::Node& list, const std::string& place_of) {
    SettingValue value{SettingValue::Kind::list, "", {}, place_of};
    bool good = true;
    for (const YAML::Node& item : list) {
      std::string item_place = fmt::format("{}: {}", place(item.Mark()), setting.path);
      if (item.IsScalar()) {
        value.items.push_back({item.Scalar(), std::move(item_place)});
      } else {
        builder_.fail(setting, item_place,
                      fmt::format("the items must be single values, not {}; write it as in [{}]",
                                  kind_of(item), setting.default_text()));
        good = false;
      }
    }
    if (good) builder_.apply(setting, value);
  }

  const std::string& name_;
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
    if (!wire::is_utf8(line)) {
      builder.fail(place, "not UTF-8; save the file as UTF-8 text");
      return false;
    }
    if (content == std::string_view::npos || line[content] == '#') continue;
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

void fail_syntax(const std::string& name, const std::vector<std::string_view>& lines,
                 const YAML::Exception& failure, ConfigBuilder& builder) {
  const auto at = static_cast<size_t>(std::max(failure.mark.line, 0));
  const bool brackets = at < lines.size() && has_bare_brackets(lines[at]);
  builder.fail(fmt::format("{}:{}", name, at + 1),
               fmt::format("not YAML: {}; {}", failure.msg,
                           brackets ? "put the address in quotes, as in \"[::1]:5559\""
                                    : "check indentation, brackets and quotes here"));
}

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

/// The file's text, or nothing with errno set. A pipe is welcome: serve --config <(...).
std::optional<std::string> read_file(const std::string& name) {
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(name.c_str(), "re"));
  if (!file) return std::nullopt;
  std::string text;
  char block[16 << 10];
  while (text.size() <= kMaxConfigBytes) {
    const size_t got = std::fread(block, 1, sizeof block, file.get());
    text.append(block, got);
    if (got < sizeof block) break;
  }
  if (std::ferror(file.get())) return std::nullopt;
  return text;
}

}  // namespace

void read_config_text(const std::string& name, const std::string& text, ConfigBuilder& builder) {
  const std::vector<std::string_view> lines = lines_of(text);
  if (!check_lines(name, lines, builder)) return;
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(text);
    if (documents.empty()) return;
    if (documents.size() > 1) {
      builder.fail(fmt::format("{}:{}", name, documents[1].Mark().line + 1),
                   "a second YAML document begins; write one only, without '---' in between");
    }
    Walker(name, builder).walk_root(documents[0]);
  } catch (const YAML::Exception& failure) {
    fail_syntax(name, lines, failure, builder);
  }
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
