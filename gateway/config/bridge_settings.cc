#include "gateway/config/bridge_settings.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/quote.h"
#include "core/base/units.h"

namespace zerogate {
namespace {

/// What a row says about the kind of its value.
template <class T>
struct Codec {
  decltype(Field<T>::set) set;
  decltype(Field<T>::show) show;
  bool is_list = false;
};

SettingValue word_value(std::string text) {
  return {SettingValue::Kind::text, std::move(text), {}, ""};
}

SettingValue list_value(const std::vector<std::string>& words) {
  SettingValue value{SettingValue::Kind::list, "", {}, ""};
  for (const std::string& word : words) {
    value.items.push_back({word, ""});
  }
  return value;
}

/// A codec of one word that is a number once it is parsed.
template <class T, class Parse, class Show>
Codec<T> number(uint32_t T::*field, Parse parse, Show show) {
  return {[=](const SettingValue& value, T& options, Problems& problems) {
            const Result<uint32_t> parsed = parse(value.text);
            if (!parsed) {
              return problems.push_back({value.place, parsed.error()});
            }
            options.*field = parsed.value();
          },
          show};
}

Codec<BackendOptions> count(uint32_t BackendOptions::*field, uint32_t min, uint32_t max) {
  return number<BackendOptions>(
      field, [=](const std::string& text) { return parse_count(text, min, max); },
      [=](const BackendOptions& options) { return word_value(std::to_string(options.*field)); });
}

/// A duration. 0 stands for none of its own and is not shown; nobody can write it.
template <class T>
Codec<T> duration(uint32_t T::*field) {
  return number<T>(field, parse_timeout_ms, [=](const T& options) -> std::optional<SettingValue> {
    if (options.*field == 0) {
      return std::nullopt;
    }
    return word_value(show_duration_ms(options.*field));
  });
}

std::string glob_problem(std::string_view glob) {
  // "a, b" as one word is a list whose brackets were forgotten; no function has such a name.
  const auto separates = [](char c) { return c == ',' || static_cast<unsigned char>(c) <= ' '; };
  if (glob.empty()) {
    return "'' names no function; write a name, or \"*\" for every one";
  }
  if (std::ranges::any_of(glob, separates)) {
    return fmt::format(
        "{} has a comma or a blank, which no function's name has; write a list, as "
        "in [save_order, \"get_*\"]",
        quote(glob));
  }
  return "";
}

template <class T>
Codec<T> globs(std::vector<std::string> T::*field) {
  const auto set = [=](const SettingValue& value, T& options, Problems& problems) {
    const size_t before = problems.size();
    std::vector<std::string> taken;
    for (const PlacedText& item : value.items) {
      const std::string problem = glob_problem(item.text);
      if (!problem.empty()) {
        problems.push_back({item.place, problem});
      }
      taken.push_back(item.text);
    }
    if (taken.size() > kMaxGlobs) {
      problems.push_back({value.items[kMaxGlobs].place,
                          fmt::format("more than {} functions in one list; use \"*\" for common "
                                      "beginnings",
                                      kMaxGlobs)});
    }
    if (problems.size() == before) {
      options.*field = std::move(taken);
    }
  };
  return {set, [=](const T& options) { return list_value(options.*field); }, true};
}

Codec<BackendOptions> urls() {
  const auto set = [](const SettingValue& value, BackendOptions& options, Problems& problems) {
    std::vector<ServerUrl> taken;
    if (parse_backend_urls(value, taken, problems)) {
      options.urls = std::move(taken);
    }
  };
  const auto show = [](const BackendOptions& options) {
    std::vector<std::string> words;
    for (const ServerUrl& url : options.urls) {
      words.push_back(url.display());
    }
    return list_value(words);
  };
  return {set, show, true};
}

/// Only the name's form is looked at: whether there is such a backend is known later.
Codec<RouteOptions> backend_name() {
  const auto set = [](const SettingValue& value, RouteOptions& options, Problems& problems) {
    const std::string problem = backend_name_problem(value.text);
    if (!problem.empty()) {
      return problems.push_back({value.place, problem});
    }
    options.backend = value.text;
  };
  return {set, [](const RouteOptions& options) { return word_value(options.backend); }};
}

template <class T>
struct Row {
  std::string_view key, example;
  Codec<T> codec;
};

template <class T, size_t N>
std::vector<Field<T>> fields_of(const Row<T> (&rows)[N]) {
  std::vector<Field<T>> fields;
  for (const Row<T>& row : rows) {
    fields.push_back({row.key, row.example, row.codec.is_list, row.codec.set, row.codec.show});
  }
  return fields;
}

std::vector<Field<BackendOptions>> make_backend_fields() {
  using B = BackendOptions;
  const Row<B> rows[] = {
      {"url", "tcp://orders:5559", urls()},
      {"connections", "24", count(&B::connections, 0, kMaxBackendConnections)},
      {"in_flight", "1", count(&B::in_flight, 0, kMaxBackendInFlight)},
      {"queue", "1024", count(&B::queue, 0, kMaxBackendQueue)},
      {"timeout", "5s", duration(&B::timeout_ms)},
      {"connect_timeout", "1s", duration(&B::connect_timeout_ms)},
      {"resolve", "5s", duration(&B::resolve_ms)},
      {"eject_after", "5", count(&B::eject_after, 1, kMaxEjectAfter)},
      {"idempotent", "\"get_*\"", globs(&B::idempotent)},
  };
  return fields_of(rows);
}

std::vector<Field<RouteOptions>> make_route_fields() {
  using R = RouteOptions;
  const Row<R> rows[] = {
      {"functions", "\"save_*\", get_order", globs(&R::functions)},
      {"backend", "orders", backend_name()},
      {"timeout", "2s", duration(&R::timeout_ms)},
  };
  return fields_of(rows);
}

}  // namespace

const std::vector<Field<BackendOptions>>& backend_fields() {
  static const std::vector<Field<BackendOptions>> kTable = make_backend_fields();
  return kTable;
}

const std::vector<Field<RouteOptions>>& route_fields() {
  static const std::vector<Field<RouteOptions>> kTable = make_route_fields();
  return kTable;
}

std::string backend_name_problem(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
  };
  if (!name.empty() && name.size() <= kMaxBackendNameBytes && std::ranges::all_of(name, allowed)) {
    return "";
  }
  return fmt::format(
      "{} is no name for a backend; write 1 to {} of the characters A-Z a-z 0-9 _ . -", quote(name),
      kMaxBackendNameBytes);
}

bool parse_backend_urls(const SettingValue& value, std::vector<ServerUrl>& urls,
                        Problems& problems) {
  const size_t before = problems.size();
  for (const PlacedText& item : value.items) {
    auto url = ServerUrl::parse(item.text);
    if (!url) {
      problems.push_back({item.place, url.error()});
    } else if (std::ranges::find(urls, url.value()) != urls.end()) {
      problems.push_back({item.place, quote(item.text) + " stands twice; keep one"});
    } else {
      urls.push_back(std::move(url).value());
    }
  }
  if (urls.size() > kMaxUrls) {
    problems.push_back(
        {value.items[kMaxUrls].place,
         fmt::format("more than {} URLs of one backend; put a name with several addresses, or a "
                     "load balancer, in their place",
                     kMaxUrls)});
  }
  return problems.size() == before;
}

}  // namespace zerogate
