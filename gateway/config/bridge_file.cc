#include "gateway/config/bridge_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/nearest.h"
#include "core/base/quote.h"
#include "gateway/config/bridge_settings.h"

namespace zerogate {
namespace {

template <class T>
std::vector<std::string> keys_of(const std::vector<Field<T>>& fields) {
  std::vector<std::string> keys;
  keys.reserve(fields.size());
  for (const Field<T>& field : fields) {
    keys.emplace_back(field.key);
  }
  return keys;
}

template <class T>
std::string unknown_key(const std::vector<Field<T>>& fields, const std::string& path,
                        const std::string& key) {
  const std::string near = nearest(key, keys_of(fields));
  const std::string whole = fmt::format("{}.{}", path, key);
  if (!near.empty()) {
    return fmt::format("unknown key {}; did you mean '{}.{}'?", quote(whole), path, near);
  }
  return fmt::format("unknown key {}; {} has {}", quote(whole), path,
                     listed(keys_of(fields), "and"));
}

/// Reads one key of a backend or route into its entry.
template <class T>
void read_field(const YamlReader& reader, const Field<T>& field, const std::string& path,
                const YAML::Node& node, const YAML::Mark& mark, Entry<T>& entry) {
  const ValueShape shape{.path = fmt::format("{}.{}", path, field.key),
                         .example = std::string(field.example),
                         .is_list = field.is_list,
                         .word_is_list = field.is_list};
  Problems problems;
  const auto value = reader.value(node, shape, reader.place(mark, shape.path), problems);
  if (value) {
    field.set(*value, entry.options, problems);
  }
  for (const Problem& problem : problems) {
    reader.builder().fail(problem.place, problem.message);
  }
  if (problems.empty()) {
    entry.values.emplace(field.key, *value);
  }
}

/// Reads the map of a backend's or route's keys. `needed` must be among them, with a value that is
/// no empty list.
template <class T>
void read_entry(const YamlReader& reader, const std::vector<Field<T>>& fields,
                const std::string& path, const std::vector<std::string_view>& needed,
                const YAML::Node& map, Entry<T>& entry) {
  std::vector<std::string> seen;
  reader.each_entry(map, [&](const std::string& key, const YAML::Node& node, const YAML::Mark& at) {
    const auto field = std::ranges::find(fields, key, &Field<T>::key);
    if (field == fields.end()) {
      return reader.builder().fail(reader.place(at), unknown_key(fields, path, key));
    }
    if (!node.IsSequence() || node.size() > 0) {
      seen.push_back(key);
    }
    read_field(reader, *field, path, node, at, entry);
  });
  for (const std::string_view key : needed) {
    if (std::ranges::find(seen, key) != seen.end()) {
      continue;
    }
    const Field<T>& field = *std::ranges::find(fields, key, &Field<T>::key);
    const std::string_view example = field.example;
    reader.builder().fail(
        entry.place, field.is_list ? fmt::format("no {0}; add it, as in {0}: [{1}]", key, example)
                                   : fmt::format("no {0}; add it, as in {0}: {1}", key, example));
  }
}

}  // namespace

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
            read_entry(reader, backend_fields(), "backends." + name, {"url"}, map, entry);
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

void read_routes(const YamlReader& reader, const YAML::Node& node, const YAML::Mark& mark) {
  constexpr std::string_view kExample = "{functions: [\"*\"], backend: orders}";
  Entries<RouteOptions> routes;
  const auto fail = [&](const YAML::Mark& at, std::string_view what, const YAML::Node& found) {
    routes.readable = false;
    reader.builder().fail(reader.place(at, "routes"),
                          fmt::format("{}, not {}; write - {}", what, kind_of(found), kExample));
  };
  if (node.IsSequence()) {
    for (const YAML::Node& item : node) {
      if (!item.IsMap()) {
        fail(item.Mark(), "a route is a map of keys", item);
        continue;
      }
      Entry<RouteOptions> entry{{}, reader.place(item.Mark(), "routes")};
      read_entry(reader, route_fields(), "routes", {"functions", "backend"}, item, entry);
      routes.list.push_back(std::move(entry));
    }
  } else if (!node.IsNull()) {
    fail(mark, "a list of routes is needed", node);
  }
  reader.builder().set_routes(std::move(routes));
}

}  // namespace zerogate
