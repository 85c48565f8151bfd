#include "gateway/config/config_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "core/rpc/rate_limits.h"
#include "gateway/config/idle_keys.h"
#include "gateway/config/load_config.h"
#include "gateway/config/show_config.h"

namespace zerogate {
namespace {

struct ListenKey {
  std::string_view path;
  const std::optional<Address>& address;

  std::string display() const { return display_of(path, *address); }
};

/// True when both cannot be bound at once: the same socket, or one of them is its wildcard.
bool clash(const Address& a, const Address& b) {
  if (a.is_path() || b.is_path()) {
    return a.path == b.path;
  }
  if (a.port != b.port || a.port == 0) {
    return false;
  }
  const auto is_v6 = [](const Address& address) {
    return address.host.find(':') != address.host.npos;
  };
  if (a.host == b.host) {
    return true;
  }
  if (a.host == "::" || b.host == "::") {
    return true;  // it takes IPv4's connections too
  }
  if (is_v6(a) != is_v6(b)) {
    return false;
  }
  return a.host == "0.0.0.0" || b.host == "0.0.0.0";
}

/// A template whose variable is not set leaves an empty word, where no one has said off.
bool is_left_empty(const Setting& setting, const SettingValue& value) {
  return value.kind == SettingValue::Kind::text && value.text.empty() &&
         (setting.can_be_off || setting.is_list);
}

/// As it would be read from what is shown of it.
template <class T>
Entry<T> entry_of(const T& options, const std::vector<SettingOf<T>>& table, std::string place) {
  Entry<T> entry{options, std::move(place), {}};
  for (const SettingOf<T>& setting : table) {
    if (auto value = setting.show(options)) {
      value->place = fmt::format("{}.{}", entry.place, setting.path);
      for (PlacedText& item : value->items) {
        item.place = value->place;
      }
      entry.values.emplace(setting.path, *std::move(value));
    }
  }
  return entry;
}

}  // namespace

ConfigBuilder::ConfigBuilder(const SettingsTable& table, const Config& made)
    : table_(table), reads_files_(false), config_(made) {
  for (const Setting& setting : table_) {
    if (!setting.same(made, Config{})) {
      origins_.emplace(setting.path, setting.path);
    }
  }
  const auto is_written = [&](std::string_view backend) {
    return made.bridge.empty() || backend != kBridgeName;  // it is made again
  };
  for (const BackendOptions& backend : made.backends) {
    if (is_written(backend.name)) {
      entries_.backends.list.push_back(
          entry_of(backend, backend_settings(), fmt::format("backends.{}", backend.name)));
    }
  }
  for (const RouteOptions& route : made.routes) {
    if (is_written(route.backend)) {
      entries_.routes.list.push_back(entry_of(
          route, route_settings(), fmt::format("routes[{}]", entries_.routes.list.size())));
    }
  }
  for (const RateLimitOptions& limit : made.rate_limits) {
    rate_limits_.list.push_back(
        {limit, fmt::format("rate_limits[{}]", rate_limits_.list.size()), {}});
  }
  config_.backends.clear();
  config_.routes.clear();
  config_.rate_limits.clear();
}

void ConfigBuilder::apply(const Setting& setting, const SettingValue& value) {
  Problems problems;
  if (is_left_empty(setting, value)) {
    problems.push_back(
        {value.place, fmt::format("is empty; write off to switch it off{}",
                                  value.place.starts_with("--") ? ", or leave the flag out" : "")});
  } else {
    setting.set(value, config_, problems);
  }
  for (const Problem& problem : problems) {
    fail(setting, problem.place, problem.message);
  }
  if (!problems.empty()) {
    return;
  }
  origins_[setting.path] = value.place;
  std::erase(command_, setting.path);
  command_.push_back(setting.path);
}

void ConfigBuilder::fail(const std::string& place, const std::string& message) {
  errors_.push_back(fmt::format("{}: {}", place, message));
}

void ConfigBuilder::fail(const Setting& setting, const std::string& place,
                         const std::string& message) {
  failed_.insert(setting.path);
  fail(place, message);
}

std::string ConfigBuilder::origin(std::string_view path) const {
  const auto found = origins_.find(path);
  return found == origins_.end() ? std::string(path) : found->second;
}

void ConfigBuilder::check_together() {
  if (!listeners_failed()) {  // they would be compared with defaults
    settle_listeners();
    check_listeners();
  }
  if (!config_.admin_token.empty() && !config_.admin_token_file.empty()) {
    fail(origin("admin_token_file"), "admin_token is set too; keep one of them");
  }
  check_bridge();
  check_rate_limits();
  check_curve();
  check_tls();
  if (is_default("handlers") && !config_.routes.empty() && used_functions() == nullptr) {
    config_.handlers.clear();
  }
  if (errors_.empty()) {
    warn_of_routes();
    warn_of_threads();
    const Warn keep = [this](const std::string& warning) { warn(warning); };
    const PlaceOf place = [this](std::string_view path) {
      return is_default(path) ? std::nullopt : std::optional(origin(path));
    };
    warn_of_idle_keys(config_, table_, place, keep);
    warn_of_idle_keys(entries_.backends, keep);
    if (used_functions() == nullptr) {
      warn_of_idle_limits(rate_limits_, config_, keep);
    }
  }
}

void ConfigBuilder::warn_of_routes() {
  warn_of_entries(entries_, origin("bridge"), config_,
                  [this](const std::string& warning) { warn(warning); });
  for (const BackendOptions& backend : config_.backends) {
    // Functions of a program's own may call it without a route: context.call.
    if (used_functions() == nullptr &&
        std::ranges::find(config_.routes, backend.name, &RouteOptions::backend) ==
            config_.routes.end()) {
      warn(fmt::format("backends.{}: no route leads to it; add one, or take it out", backend.name));
    }
  }
  const auto takes_all = [](const RouteOptions& route) {
    return std::ranges::find(route.functions, "*") != route.functions.end();
  };
  const auto all = std::ranges::find_if(config_.routes, takes_all);
  if (all != config_.routes.end() && std::next(all) != config_.routes.end()) {
    warn(
        fmt::format("routes: the one for \"*\" to {} takes every call, so that the {} after it get "
                    "none; put it last",
                    all->backend, std::distance(all, config_.routes.end()) - 1));
  }
  if (config_.handlers.empty() && config_.routes.empty()) {
    warn("handlers is empty and there are no routes, so no function is served; add one of them");
  }
}

// Each thread takes its share of a limit, and none can do with less than one.
void ConfigBuilder::warn_of_threads() {
  const auto raise = [this](std::string_view path, uint32_t& limit) {
    if (limit < config_.threads) {
      warn(fmt::format("{} is {}, and {} in force: one for each thread; raise it, or lower threads",
                       path, limit, config_.threads));
      limit = config_.threads;
    }
  };
  raise("limits.connections", config_.max_connections);
  raise("limits.in_flight", config_.max_in_flight);
}

bool ConfigBuilder::listeners_failed() const {
  const std::string_view paths[] = {"listen.tcp", "listen.zmq", "listen.zmq_curve", "listen.tls",
                                    "admin"};
  return std::ranges::any_of(paths, [this](auto path) { return failed_.contains(path); });
}

/// Of the two protocols one at its default address gives way to one that was set to it: thus
/// `--listen-zmq 127.0.0.1:5559` is enough to take over the port of a TCP server that moved away.
void ConfigBuilder::settle_listeners() {
  const ListenKey tcp = {"listen.tcp", config_.listen_tcp};
  const ListenKey zmq = {"listen.zmq", config_.listen_zmq};
  if (!tcp.address || !zmq.address || !clash(*tcp.address, *zmq.address)) {
    return;
  }
  const bool tcp_is_default = is_default(tcp.path);
  if (tcp_is_default == is_default(zmq.path)) {
    return;
  }
  const ListenKey& loser = tcp_is_default ? tcp : zmq;
  const ListenKey& winner = tcp_is_default ? zmq : tcp;
  note(fmt::format("{0} is off: its default address was given to {1} ({2}); set {0} to have both",
                   loser.path, winner.path, winner.display()));
  (tcp_is_default ? config_.listen_tcp : config_.listen_zmq) = std::nullopt;
}

void ConfigBuilder::check_bridge() {
  const Fail fail_at = [this](const std::string& place, const std::string& message) {
    fail(place, message);
  };
  assemble_bridge(entries_, origin("bridge"), config_, fail_at);
  if (!listeners_failed()) {
    check_loops(entries_, origin("bridge"), config_, fail_at);
  }
}

// Whether the files are good was looked at where they are named.
void ConfigBuilder::check_curve() {
  const auto missing = [this](std::string_view path) { return is_default(path) && is_good(path); };
  if (config_.listen_zmq_curve && missing("curve.secret_key")) {
    fail(origin("listen.zmq_curve"),
         "curve.secret_key is missing; zerogate keys curve gateway makes one, write curve: "
         "{secret_key: gateway.key_secret}");
  }
  if (config_.listen_zmq_curve && missing("curve.clients")) {
    fail(origin("listen.zmq_curve"),
         "curve.clients is missing; name the folder with the clients' public keys, or write curve: "
         "{clients: any} when every key may call");
  }
  for (const Entry<BackendOptions>& entry : entries_.backends.list) {
    const BackendOptions& backend = entry.options;
    const bool server = !backend.curve_server_key.file.empty();
    const bool own = !backend.curve_secret_key.file.empty();
    if (server != own) {
      fail(entry.place, fmt::format("curve has no {0}; add it, as in curve: {{{0}: {1}}}",
                                    server ? "secret_key" : "server_key",
                                    server ? "gateway.key_secret" : "orders.key"));
    }
    const bool speaks_zmq =
        std::ranges::find(backend.urls, Protocol::zmq, &ServerUrl::protocol) != backend.urls.end();
    if ((server || own) && !speaks_zmq) {
      fail(entry.place, "curve is for servers by zmq:// only; write url: zmq://host:port");
    }
  }
}

void ConfigBuilder::check_rate_limits() {
  for (const Entry<RateLimitOptions>& entry : rate_limits_.list) {
    if (config_.rate_limits.size() == RateLimits::kMaxLimits) {
      return fail(entry.place, fmt::format("more than {} rate limits; put several functions into "
                                           "one",
                                           RateLimits::kMaxLimits));
    }
    if (std::ranges::find(config_.rate_limits, entry.options) != config_.rate_limits.end()) {
      fail(entry.place, "the same limit stands twice; keep one");
    }
    config_.rate_limits.push_back(entry.options);
  }
}

// Files are read last, when nothing else is wrong: it takes time.
void ConfigBuilder::check_tls() {
  const auto place = [this](std::string_view backend, std::string_view key) {
    if (backend == kBridgeName && !config_.bridge.empty()) {
      return origin("bridge");
    }
    for (const Entry<BackendOptions>& entry : entries_.backends.list) {
      if (entry.options.name == backend) {
        const auto value = entry.values.find(key);
        return value == entry.values.end() ? entry.place : value->second.place;
      }
    }
    if (!is_default(key)) {
      return origin(key);
    }
    return origin(key.starts_with("redis.") ? "redis.url" : "listen.tls");
  };
  const TlsReport fail_at = [&](auto backend, auto key, const std::string& message) {
    if (!backend.empty() || is_good(key)) {  // else that has had its error line
      fail(place(backend, key), message);
    }
  };
  const TlsReport warn_at = [&](auto backend, auto key, const std::string& message) {
    warn(fmt::format("{}: {}", place(backend, key), message));
  };
  const TlsReport note_at = [&](auto backend, auto key, const std::string& message) {
    note(fmt::format("{}: {}", place(backend, key), message));
  };
  check_tls_keys(config_, fail_at);
  if (reads_files_ && errors_.empty()) {
    read_certificates(config_, {fail_at, warn_at, note_at});
  }
}

void ConfigBuilder::check_listeners() {
  const ListenKey listeners[] = {{"listen.tcp", config_.listen_tcp},
                                 {"listen.zmq", config_.listen_zmq},
                                 {"listen.zmq_curve", config_.listen_zmq_curve},
                                 {"listen.tls", config_.listen_tls},
                                 {"admin", config_.admin}};
  // The key that was set last is to blame, and the place that can be fixed.
  const auto rank = [this](std::string_view path) {
    return std::ranges::find(command_, path) - command_.begin() -
           (origins_.contains(path) ? 0 : 1'000);
  };
  const auto blame = [&](std::string_view a, std::string_view b) {
    return rank(a) > rank(b) ? a : b;
  };
  if (!config_.listen_tcp && !config_.listen_zmq && !config_.listen_zmq_curve &&
      !config_.listen_tls) {
    fail(origin(blame("listen.tcp", "listen.zmq")),
         "listen.tcp and listen.zmq are both off, so nothing can be served; "
         "give one of them an address");
  }
  for (const ListenKey& a : listeners) {
    for (const ListenKey& b : listeners) {
      if (a.path >= b.path || !a.address || !b.address || !clash(*a.address, *b.address)) {
        continue;
      }
      const std::string_view late = blame(a.path, b.path);
      const bool a_is_late = late == a.path;
      fail(origin(late),
           fmt::format("{} is taken by {} ({}); give it another {}", (a_is_late ? a : b).display(),
                       (a_is_late ? b : a).path, (a_is_late ? b : a).display(),
                       a.address->is_path() ? "path" : "port"));
    }
  }
}

}  // namespace zerogate
