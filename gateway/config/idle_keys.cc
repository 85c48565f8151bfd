#include "gateway/config/idle_keys.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

#include "core/base/glob.h"
#include "core/base/nearest.h"
#include "core/base/quote.h"
#include "core/redis/redis_url.h"

namespace zerogate {
namespace {

/// What keys of a T are about.
template <class T>
struct Need {
  bool (*is_met)(const T&);
  std::string_view lack;  ///< behind "does nothing while"
  std::vector<std::string_view> paths;
};

std::array<const std::optional<Address>*, 4> ports_of(const Config& config) {
  return {&config.listen_tcp, &config.listen_zmq, &config.listen_zmq_curve, &config.listen_tls};
}

bool has_local_port(const Config& config) {
  return std::ranges::any_of(ports_of(config),
                             [](const auto* port) { return *port && (*port)->is_path(); });
}

bool has_network_port(const Config& config) {
  return std::ranges::any_of(ports_of(config),
                             [](const auto* port) { return *port && !(*port)->is_path(); });
}

bool has_certificates(const Config& config) {
  const auto redis = RedisUrl::parse(config.redis);
  return config.listen_tls || !config.admin_tls_cert.empty() || (redis && redis.value().tls) ||
         std::ranges::any_of(config.backends, &BackendOptions::speaks_tls);
}

const std::vector<Need<Config>>& needs_of_config() {
  using C = const Config&;
  static const std::vector<Need<Config>> kNeeds = {
      {[](C c) { return c.listen_zmq_curve.has_value(); },
       "listen.zmq_curve is off",
       {"curve.secret_key", "curve.clients"}},
      {[](C c) { return c.listen_tls.has_value(); },
       "listen.tls is off",
       {"tls.cert", "tls.key", "tls.ca", "tls.clients", "tls.allow", "tls.handshake_timeout",
        "limits.handshakes"}},
      {[](C c) { return !c.listen_tls || c.tls_clients != TlsClients::none; },
       "tls.clients is none",
       {"tls.ca"}},
      {[](C c) { return c.listen_tls || !c.admin_tls_cert.empty(); },
       "listen.tls is off and there is no admin_tls",
       {"tls.min_version"}},
      {has_certificates, "nothing speaks TLS", {"tls.watch"}},
      {[](C c) { return c.admin.has_value(); },
       "admin is off",
       {"admin_token", "admin_token_file", "admin_tls.cert", "admin_tls.key"}},
      {[](C c) { return c.admin && !c.admin->is_path(); },
       "admin is no host:port",
       {"admin_hosts"}},
      {[](C c) { return c.admin && c.admin->is_path(); },
       "admin is no unix:/path",
       {"admin_mode", "admin_group"}},
      {has_local_port,
       "listen has no unix:/path and no ipc:/path",
       {"listen.mode", "listen.group"}},
      {has_network_port, "listen has no host:port", {"listen.allow"}},
      {[](C c) { return c.listen_zmq || c.listen_zmq_curve; },
       "listen.zmq and listen.zmq_curve are off",
       {"zmq_keep_alive"}},
      {[](C c) { return c.log_level <= log::Level::info; },
       "log.level is above info",
       {"log.access"}},
      {[](C c) { return c.log_level <= log::Level::warn; },
       "log.level is above warn",
       {"log.slow"}},
      {[](C c) { return !c.bridge.empty(); }, "there is no bridge", {"bridge_timeout"}},
  };
  return kNeeds;
}

const std::vector<Need<BackendOptions>>& needs_of_backend() {
  using B = const BackendOptions&;
  static const std::vector<Need<BackendOptions>> kNeeds = {
      {[](B b) { return b.in_flight == 0; }, "in_flight is not auto", {"pipeline_wait"}},
      {[](B b) {
         return std::ranges::find(b.urls, Protocol::tcp, &ServerUrl::protocol) != b.urls.end();
       },
       "all its servers speak ZeroMQ",
       {"pipeline_wait"}},
  };
  return kNeeds;
}

/// A glob may match names of a route's glob that are not known yet: it counts as served then.
bool has_service(const std::string& pattern, const Config& config) {
  const bool is_glob = pattern.find('*') != std::string::npos;
  const auto takes = [&](const std::string& served) {
    return glob_match(pattern, served) || glob_match(served, pattern) ||
           (is_glob && served.find('*') != std::string::npos);
  };
  return std::ranges::any_of(config.handlers, takes) ||
         std::ranges::any_of(config.routes, [&](const RouteOptions& route) {
           return std::ranges::any_of(route.functions, takes);
         });
}

template <class T>
void warn_of(const T& options, const std::vector<SettingOf<T>>& table,
             const std::vector<Need<T>>& needs, const PlaceOf& place_of, const Warn& warn) {
  for (const Need<T>& need : needs) {
    if (need.is_met(options)) {
      continue;
    }
    std::string first;
    std::vector<std::string_view> others;
    for (const std::string_view path : need.paths) {
      const auto setting = std::ranges::find(table, path, &SettingOf<T>::path);
      const auto place = place_of(path);
      if (setting == table.end() || !place || setting->same(options, T{})) {
        continue;
      }
      if (first.empty()) {
        first = *place;
      } else {
        others.push_back(path);
      }
    }
    if (!first.empty()) {
      warn(fmt::format("{}: does nothing while {}{}{}", first, need.lack,
                       others.empty() ? "" : "; likewise ", fmt::join(others, ", ")));
    }
  }
}

}  // namespace

void warn_of_idle_keys(const Config& config, const SettingsTable& table, const PlaceOf& place,
                       const Warn& warn) {
  warn_of(config, table, needs_of_config(), place, warn);
}

void warn_of_idle_limits(const Entries<RateLimitOptions>& limits, const Config& config,
                         const Warn& warn) {
  for (const Entry<RateLimitOptions>& limit : limits.list) {
    for (const std::string& pattern : limit.options.functions) {
      if (!has_service(pattern, config)) {
        const std::string near = nearest(pattern, config.handlers);
        warn(fmt::format(
            "{}: {} is served by no handler and by no route; {}", limit.place, quote(pattern),
            near.empty() ? "correct it, or take it out" : fmt::format("did you mean {}?", near)));
      }
    }
  }
}

void warn_of_idle_keys(const Entries<BackendOptions>& backends, const Warn& warn) {
  for (const Entry<BackendOptions>& entry : backends.list) {
    const auto place = [&](std::string_view path) -> std::optional<std::string> {
      const auto value = entry.values.find(path);
      return value == entry.values.end() ? std::nullopt : std::optional(value->second.place);
    };
    warn_of(entry.options, backend_settings(), needs_of_backend(), place, warn);
  }
}

}  // namespace zerogate
