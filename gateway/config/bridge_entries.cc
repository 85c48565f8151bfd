#include "gateway/config/bridge_entries.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>

#include "core/base/ascii.h"
#include "core/base/glob.h"
#include "core/base/nearest.h"
#include "core/base/quote.h"
#include "core/metrics/function_labels.h"
#include "gateway/config/codecs.h"
#include "gateway/config/settings.h"
#include "gateway/config/show_config.h"

namespace zerogate {
namespace {

const BackendOptions* find_backend(const Config& config, std::string_view name) {
  const auto found = std::ranges::find(config.backends, name, &BackendOptions::name);
  return found == config.backends.end() ? nullptr : &*found;
}

std::string unknown_backend(const Config& config, const std::string& name) {
  std::vector<std::string> known;
  for (const BackendOptions& backend : config.backends) {
    known.push_back(backend.name);
  }
  const std::string near = nearest(name, known);
  std::string fix = "there are none; add it to backends";
  if (!near.empty()) {
    fix = fmt::format("did you mean '{}'?", near);
  } else if (!known.empty()) {
    fix = fmt::format("known are {}", listed(known, "and"));
  }
  return fmt::format("no backend is named {}; {}", quote(name), fix);
}

template <class T>
void check_count(const Entries<T>& entries, size_t most, std::string_view what,
                 std::string_view fix, const Fail& fail) {
  if (entries.list.size() <= most) {
    return;
  }
  fail(entries.list[most].place, fmt::format("more than {} {}; {}", most, what, fix));
}

void add_bridge(const BridgeEntries& entries, const std::string& place, Config& config,
                const Fail& fail) {
  if (config.bridge.empty()) {
    return;
  }
  const std::string name(kBridgeName);
  for (const Entry<BackendOptions>& entry : entries.backends.list) {
    if (entry.options.name != name) {
      continue;
    }
    fail(place, fmt::format("its backend is named {}, as is the one at {}; rename that one",
                            quote(name), entry.place));
    return;
  }
  BackendOptions backend;
  backend.name = name;
  backend.urls = config.bridge;
  backend.timeout_ms = config.bridge_timeout_ms;
  backend.timeout_key = kBridgeTimeoutFlag;
  config.backends.push_back(std::move(backend));
  config.routes.push_back({{"*"}, name, 0});
}

/// A name that does not fit into a ZeroMQ request could not be forwarded, ever.
void check_names(const Entry<RouteOptions>& route, const BackendOptions& backend,
                 const Fail& fail) {
  const bool speaks_zmq =
      std::ranges::find(backend.urls, Protocol::zmq, &ServerUrl::protocol) != backend.urls.end();
  const auto functions = route.values.find("functions");
  if (!speaks_zmq || functions == route.values.end()) {
    return;
  }
  for (const PlacedText& glob : functions->second.items) {
    const auto stars = static_cast<size_t>(std::ranges::count(glob.text, '*'));
    if (glob.text.size() - stars <= FunctionLabels::kMaxNameBytes) {
      continue;
    }
    fail(glob.place,
         fmt::format("{} has {} bytes, and ZeroMQ's protocol carries names of up to {} to backend "
                     "{}; shorten it, or reach the backend by tcp://",
                     quote(glob.text), glob.text.size() - stars, FunctionLabels::kMaxNameBytes,
                     quote(backend.name)));
  }
}

void check_routes(const BridgeEntries& entries, const Config& config, const Fail& fail) {
  for (const Entry<RouteOptions>& route : entries.routes.list) {
    const auto named = route.values.find("backend");
    if (named == route.values.end()) {
      continue;  // that has had its error line
    }
    const BackendOptions* backend = find_backend(config, route.options.backend);
    if (backend != nullptr) {
      check_names(route, *backend, fail);
    } else if (entries.backends.readable) {
      fail(named->second.place, unknown_backend(config, route.options.backend));
    }
  }
}

bool is_wildcard(std::string_view host) { return host == "0.0.0.0" || host == "::"; }

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

/// True when a connection to `to` surely ends up at a listener on `at`.
bool reaches(const Address& to, const Address& at) {
  if (to.is_path() || at.is_path()) {
    return to.path == at.path;
  }
  if (to.port != at.port || at.port == 0) {
    return false;
  }
  if (to.host == at.host) {
    return true;
  }
  const bool to_this_machine = is_loopback(to.host) || is_wildcard(to.host);
  if (is_wildcard(at.host)) {
    return to_this_machine;
  }
  return (to.host == "localhost" || is_wildcard(to.host)) &&
         (at.host == "127.0.0.1" || at.host == "::1" || at.host == "localhost");
}

/// Which of our own listeners the URL leads to, as error lines name it; empty when to none.
std::string own_listener(const ServerUrl& url, const Config& config) {
  const std::pair<std::string_view, const std::optional<Address>&> listeners[] = {
      {"listen.tcp", config.listen_tcp},
      {"listen.zmq", config.listen_zmq},
      {"listen.zmq_curve", config.listen_zmq_curve},
      {"listen.tls", config.listen_tls},
      {"admin", config.admin}};
  for (const auto& [path, address] : listeners) {
    if (address && reaches(url.address, *address)) {
      return fmt::format("{} ({})", path, display_of(path, *address));
    }
  }
  return "";
}

void check_loop(const ServerUrl& url, const std::string& place, const Config& config,
                const Fail& fail) {
  const std::string listener = own_listener(url, config);
  if (listener.empty()) {
    return;
  }
  fail(place, fmt::format("{} is this gateway's own {}, so calls would go round for ever; name the "
                          "backend's address, or give the listener another, or off",
                          url.display(), listener));
}

/// A function's name or glob of a route.
struct Pattern {
  const PlacedText* text;
  size_t route;

  bool is_glob() const { return text->text.find('*') != std::string::npos; }
  /// As Router decides. A `*` in what `other` says is taken by a `*` only: so it covers a glob when
  /// it matches the glob's own text.
  bool hides(const Pattern& other) const {
    return is_glob() ? glob_match(text->text, other.text->text) : text->text == other.text->text;
  }
};

/// That `*` alone hides all that follows has a warning of its own.
void warn_of_hidden(const std::vector<Pattern>& earlier, const Pattern& pattern, const Warn& warn) {
  const auto first =
      std::ranges::find_if(earlier, [&](const Pattern& one) { return one.hides(pattern); });
  if (first == earlier.end() || first->route == pattern.route || first->text->text == "*") {
    return;
  }
  warn(
      fmt::format("{}: {} gets no calls, for {} before it ({}) takes them all; put it before that "
                  "one, or take it out",
                  pattern.text->place, quote(pattern.text->text), quote(first->text->text),
                  first->text->place));
}

void warn_of_patterns(const BridgeEntries& entries, const Config& config, const Warn& warn) {
  std::vector<Pattern> earlier;
  for (size_t route = 0; route < entries.routes.list.size(); ++route) {
    const auto functions = entries.routes.list[route].values.find("functions");
    if (functions == entries.routes.list[route].values.end()) {
      continue;
    }
    for (const PlacedText& text : functions->second.items) {
      const Pattern pattern = {&text, route};
      if (std::ranges::find(config.handlers, text.text) != config.handlers.end()) {
        warn(
            fmt::format("{}: {} is one of handlers, which come before routes, so that none of its "
                        "calls goes to {}; take it out of one of them",
                        text.place, quote(text.text), entries.routes.list[route].options.backend));
      } else {
        warn_of_hidden(earlier, pattern, warn);
      }
      earlier.push_back(pattern);
    }
  }
}

/// Nothing that others could listen to lies between, or they understand nothing.
bool is_private(const ServerUrl& url, bool has_curve) {
  return url.tls || (url.protocol == Protocol::zmq && has_curve) || url.address.is_path() ||
         is_loopback(url.address.host);
}

/// `places` of each URL, or one of them all.
void warn_of_clear_urls(const std::string& backend, const std::vector<ServerUrl>& urls,
                        bool has_curve, const std::vector<std::string>& places, const Warn& warn) {
  const auto encrypted = std::ranges::find_if(urls, [&](const ServerUrl& url) {
    return url.tls || (url.protocol == Protocol::zmq && has_curve);
  });
  const auto clear =
      std::ranges::find_if(urls, [&](const ServerUrl& url) { return !is_private(url, has_curve); });
  if (encrypted == urls.end() || clear == urls.end()) {
    return;
  }
  const auto at = static_cast<size_t>(clear - urls.begin());
  warn(fmt::format(
      "{}: {} beside {} has some calls to {} go in the clear; reach both encrypted, or "
      "make two backends of them",
      places[std::min(at, places.size() - 1)], clear->display(), encrypted->display(), backend));
}

}  // namespace

std::string backend_name_problem(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' ||
           c == '.' || c == '-';
  };
  if (!name.empty() && name.size() <= kMaxBackendNameBytes && std::ranges::all_of(name, allowed)) {
    return "";
  }
  return fmt::format(
      "{} is no name for a backend; write 1 to {} of the characters A-Z a-z 0-9 _ . -", quote(name),
      kMaxBackendNameBytes);
}

void warn_of_entries(const BridgeEntries& entries, const std::string& bridge_place,
                     const Config& config, const Warn& warn) {
  for (const Entry<BackendOptions>& entry : entries.backends.list) {
    std::vector<std::string> places = {entry.place};
    if (const auto urls = entry.values.find("url"); urls != entry.values.end()) {
      places.clear();
      std::ranges::transform(urls->second.items, std::back_inserter(places), &PlacedText::place);
    }
    warn_of_clear_urls(entry.options.name, entry.options.urls,
                       !entry.options.curve_server_key.file.empty(), places, warn);
  }
  warn_of_clear_urls(std::string(kBridgeName), config.bridge, false, {bridge_place}, warn);
  warn_of_patterns(entries, config, warn);
}

void assemble_bridge(const BridgeEntries& entries, const std::string& bridge_place, Config& config,
                     const Fail& fail) {
  check_count(entries.backends, kMaxBackends, "backends", "split them over two gateways", fail);
  check_count(entries.routes, kMaxRoutes, "routes", "put several functions into one", fail);
  for (const Entry<BackendOptions>& backend : entries.backends.list) {
    config.backends.push_back(backend.options);
  }
  for (const Entry<RouteOptions>& route : entries.routes.list) {
    config.routes.push_back(route.options);
  }
  add_bridge(entries, bridge_place, config, fail);
  check_routes(entries, config, fail);
}

void check_loops(const BridgeEntries& entries, const std::string& bridge_place,
                 const Config& config, const Fail& fail) {
  for (const Entry<BackendOptions>& backend : entries.backends.list) {
    const auto urls = backend.values.find("url");
    if (urls == backend.values.end()) {
      continue;
    }
    for (size_t i = 0; i < backend.options.urls.size(); ++i) {
      check_loop(backend.options.urls[i], urls->second.items[i].place, config, fail);
    }
  }
  for (const ServerUrl& url : config.bridge) {
    check_loop(url, bridge_place, config, fail);
  }
}

}  // namespace zerogate
