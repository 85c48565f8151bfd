#include "gateway/config/yaml_reader.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <vector>

#include "core/base/quote.h"
#include "core/base/utf8.h"
#include "gateway/config/config_file.h"

namespace zerogate {
namespace {

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

/// Finds what yaml-cpp would swallow, or report in words that do not help. True when all is well.
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
               fmt::format("not YAML: {}; {}", plain_line(failure.msg), fix));
}

/// Of a comma that stands outside brackets yaml-cpp (0.7) makes an empty document and leaves it
/// where it is, so that the next document begins there, too: it reads for ever, and takes memory
/// for each of them.
class DocumentStarts final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (mark.pos == last_) {
      throw YAML::ParserException(mark, "a comma outside brackets");
    }
    last_ = mark.pos;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  int last_ = -1;  ///< where the last document has begun
};

void refuse_endless(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  DocumentStarts starts;
  while (parser.HandleNextDocument(starts)) {
  }
}

}  // namespace

std::string kind_of(const YAML::Node& node) {
  if (node.IsMap()) {
    return "a map";
  }
  if (node.IsSequence()) {
    return "a list";
  }
  if (node.IsNull()) {
    return "nothing";
  }
  return "a single value";
}

std::string YamlReader::place(const YAML::Mark& mark) const {
  return fmt::format("{}:{}", name_, std::max(mark.line, 0) + 1);
}

std::string YamlReader::place(const YAML::Mark& mark, const std::string& path) const {
  return fmt::format("{}: {}", place(mark), path);
}

void YamlReader::each_entry(const YAML::Node& map, const Visit& visit) const {
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
    visit(key, entry.second, mark);
  }
}

std::optional<SettingValue> YamlReader::value(const YAML::Node& node, const ValueShape& shape,
                                              const std::string& place_of,
                                              Problems& problems) const {
  if (node.IsScalar() && shape.is_list && shape.word_is_list) {
    return SettingValue{SettingValue::Kind::list, "", {{node.Scalar(), place_of}}, place_of};
  }
  if (node.IsScalar() && shape.can_be_off && node.Scalar() == "off") {
    return SettingValue{SettingValue::Kind::off, "", {}, place_of};
  }
  if (node.IsScalar() && !shape.is_list) {
    return SettingValue{SettingValue::Kind::text, node.Scalar(), {}, place_of};
  }
  if (node.IsNull() && shape.can_be_off) {
    return SettingValue{SettingValue::Kind::off, "", {}, place_of};
  }
  if (node.IsSequence() && shape.is_list) {
    return list(node, shape, place_of, problems);
  }
  problems.push_back(
      {place_of, shape.is_list ? fmt::format("a list is needed, not {}; write it as in [{}]",
                                             kind_of(node), shape.example)
                               : fmt::format("a single value is needed, not {}; write it as in {}",
                                             kind_of(node), shape.example)});
  return std::nullopt;
}

std::optional<SettingValue> YamlReader::list(const YAML::Node& node, const ValueShape& shape,
                                             const std::string& place_of,
                                             Problems& problems) const {
  SettingValue value{SettingValue::Kind::list, "", {}, place_of};
  bool good = true;
  for (const YAML::Node& item : node) {
    std::string item_place = place(item.Mark(), shape.path);
    if (item.IsScalar()) {
      value.items.push_back({item.Scalar(), std::move(item_place)});
    } else {
      problems.push_back(
          {std::move(item_place),
           fmt::format("the items must be single values, not {}; write it as in [{}]",
                       kind_of(item), shape.example)});
      good = false;
    }
  }
  if (!good) {
    return std::nullopt;
  }
  return value;
}

void load_yaml(const std::string& name, const std::string& text, ConfigBuilder& builder,
               const std::function<void(const YAML::Node&)>& walk) {
  const std::vector<std::string_view> lines = lines_of(text);
  if (!check_lines(name, lines, builder)) {
    return;
  }
  try {
    refuse_endless(text);
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

}  // namespace zerogate
