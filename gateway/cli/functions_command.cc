#include "gateway/cli/functions_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/base/glob.h"
#include "core/base/printable.h"
#include "gateway/ask/exit_status.h"

namespace zerogate {
namespace {

using Json = nlohmann::ordered_json;

/// Name and types, who answers, what it does.
using FunctionRow = std::array<std::string, 3>;

/// The backend that the routes send this function to; null: none. The first match wins.
const RouteOptions* route_of(const Config& config, std::string_view function) {
  for (const RouteOptions& route : config.routes) {
    for (const std::string& glob : route.functions) {
      if (glob_match(glob, function)) {
        return &route;
      }
    }
  }
  return nullptr;
}

bool is_served(const Config& config, const std::string& function) {
  return std::ranges::find(config.handlers, function) != config.handlers.end();
}

std::string urls_of(const Config& config, const std::string& backend) {
  std::vector<std::string> urls;
  for (const BackendOptions& options : config.backends) {
    if (options.name == backend) {
      for (const ServerUrl& url : options.urls) {
        urls.push_back(url.display());
      }
    }
  }
  return fmt::format("{}", fmt::join(urls, ", "));
}

/// The first line of a doc.
std::string first_line_of(const std::string& doc) { return doc.substr(0, doc.find('\n')); }

void print_table(const Config& config, const Functions& functions, std::ostream& out) {
  std::vector<FunctionRow> rows = {{"FUNCTION", "ANSWERED", "WHAT IT DOES"}};
  for (const FunctionInfo& info : functions.all()) {
    std::string where = "here";
    if (!is_served(config, info.name)) {
      const RouteOptions* const route = route_of(config, info.name);
      where = route == nullptr ? "not at all" : "by backend " + route->backend;
    }
    rows.push_back(
        {fmt::format("{}({}) -> {}", info.name, info.contract.argument, info.contract.result),
         std::move(where), first_line_of(info.doc)});
  }
  for (const RouteOptions& route : config.routes) {
    for (const std::string& glob : route.functions) {
      rows.push_back({glob, "by backend " + route.backend, urls_of(config, route.backend)});
    }
  }
  constexpr size_t kMaxWidth = 60;  // a longer one moves its own line only
  std::array<size_t, 2> widths{};
  for (const FunctionRow& row : rows) {
    for (size_t i = 0; i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], std::min(row[i].size(), kMaxWidth));
    }
  }
  for (const FunctionRow& row : rows) {
    std::string line =
        fmt::format("{:{}}  {:{}}  {}", row[0], widths[0], row[1], widths[1], row[2]);
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << '\n';
  }
}

Json json_of(const ClassInfo& info) {
  constexpr std::array<const char*, 3> kKinds = {"struct", "str enum", "int enum"};
  Json members = Json::array();
  for (const ClassInfo::Member& member : info.members) {
    Json one = {{"name", member.name}};
    if (info.kind == ClassInfo::Kind::structure) {
      one["type"] = member.type;
      one["required"] = !member.has_default;
    }
    members.push_back(std::move(one));
  }
  return {{"name", info.name},
          {"kind", kKinds[static_cast<size_t>(info.kind)]},
          {"members", std::move(members)}};
}

Json json_of(const Config& config, const Functions& functions) {
  Json all = Json::array();
  Json classes = Json::array();
  std::vector<ClassInfo> known;
  for (const FunctionInfo& info : functions.all()) {
    const RouteOptions* const route = route_of(config, info.name);
    const bool here = is_served(config, info.name);
    Json one = {{"name", info.name}, {"argument", nullptr}, {"result", info.contract.result}};
    if (!info.contract.argument.empty()) {
      one["argument"] = info.contract.argument;
    }
    one["doc"] = info.doc;
    one["here"] = here;
    one["backend"] = here || route == nullptr ? Json(nullptr) : Json(route->backend);
    all.push_back(std::move(one));
    for (const ClassInfo& made_of : info.contract.classes) {
      if (!sdk::has_class(known, made_of.name)) {
        known.push_back(made_of);
        classes.push_back(json_of(made_of));
      }
    }
  }
  Json routes = Json::array();
  for (const RouteOptions& route : config.routes) {
    routes.push_back({{"functions", route.functions},
                      {"backend", route.backend},
                      {"urls", urls_of(config, route.backend)}});
  }
  return {{"functions", std::move(all)},
          {"classes", std::move(classes)},
          {"routes", std::move(routes)}};
}

}  // namespace

int run_functions(const FunctionsCommand& command, const Functions& functions,
                  const Environment& environment, std::ostream& out, std::ostream& err) {
  const auto loaded = load_config(command.config_file, environment, command.flags);
  if (const auto* errors = std::get_if<ConfigErrors>(&loaded)) {
    err << *errors;
    return kUsage;
  }
  const Config& config = std::get<Config>(loaded);
  if (command.as_json) {
    // Text of a program's own may be any bytes.
    out << dump_printable(json_of(config, functions)) << '\n';
  } else {
    print_table(config, functions, out);
  }
  return kOk;
}

}  // namespace zerogate
