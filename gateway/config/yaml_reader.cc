#include "gateway/config/yaml_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/base/quote.h"

namespace zerogate {

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

}  // namespace zerogate
