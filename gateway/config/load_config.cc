#include "gateway/config/load_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cctype>

#include "core/base/ascii.h"
#include "core/base/nearest.h"
#include "core/base/quote.h"
#include "core/redis/redis_url.h"
#include "core/security/tls_files.h"
#include "gateway/config/config_builder.h"
#include "gateway/config/config_file.h"

namespace zerogate {
namespace {

constexpr std::string_view kVariablePrefix = "ZEROGATE_";
constexpr std::string_view kCert = "tls.cert";
constexpr std::string_view kKey = "tls.key";
constexpr std::string_view kCa = "tls.ca";

/// Of what Kubernetes sets for every pod beside a Service whose name begins so, and Docker for
/// links: ZEROGATE_SERVICE_HOST, ZEROGATE_PORT=tcp://10.0.0.1:5559, ZEROGATE_PORT_5559_TCP_ADDR,
/// ZEROGATE_NAME=/app/zerogate, ZEROGATE_ENV_PATH.
bool is_of_a_service(std::string_view name, std::string_view text) {
  const size_t number = name.find("_PORT_") + std::string_view("_PORT_").size();
  return name.ends_with("_SERVICE_HOST") || name.find("_SERVICE_PORT") != name.npos ||
         (name.ends_with("_PORT") && text.find("://") != text.npos) ||
         (name.find("_PORT_") != name.npos && number < name.size() && is_digit(name[number])) ||
         (name.ends_with("_NAME") && text.starts_with('/')) || name.find("_ENV_") != name.npos;
}

/// The variable that was meant: ZEROGATE_LISTEN_TCP of listen_tpc, ZEROGATE_REDIS_URL of
/// ZEROGATE_REDIS, ZEROGATE_LIMITS_MESSAGE of ZEROGATE_MESSAGE. Empty: none comes near.
std::string meant_variable(const std::string& name, const std::vector<std::string>& known) {
  std::string near = nearest(name, known);
  if (!near.empty() || name.size() <= kVariablePrefix.size()) {
    return near;
  }
  const std::string rest = name.substr(kVariablePrefix.size() - 1);  // "_MESSAGE"
  const auto found = std::ranges::find_if(known, [&](const std::string& one) {
    return one.starts_with(name + "_") || one.ends_with(rest);
  });
  return found == known.end() ? "" : *found;
}

/// A variable that is no key does nothing, which is worth a word when it was meant to be one. What
/// comes near to none is somebody else's: of scripts, and of compose files.
void warn_of_variables(const Environment& environment, const SettingsTable& table,
                       ConfigBuilder& builder) {
  std::vector<std::string> known = {kConfigVariable};
  for (const Setting& setting : table) {
    known.push_back(setting.environment_name());
  }
  for (const auto& [name, text] : environment.variables()) {
    std::string upper = name;
    std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return std::toupper(c); });
    const bool has_prefix = upper.starts_with(kVariablePrefix);
    if (!upper.starts_with(kVariablePrefix.substr(0, 4)) || text.empty() ||
        is_of_a_service(name, text) || std::ranges::find(known, name) != known.end()) {
      continue;
    }
    const std::string meant = has_prefix ? meant_variable(upper, known) : nearest(upper, known);
    if (!meant.empty()) {
      builder.warn(
          fmt::format("{} is no key and does nothing; did you mean {}?", plain_line(name), meant));
    }
  }
}

void check_listener_keys(const Config& config, const TlsReport& fail) {
  if (!config.listen_tls) {
    return;
  }
  if (config.tls_cert.empty()) {
    fail("", kCert, "listen.tls needs a certificate; write tls: {cert: FILE, key: FILE}");
  }
  if (config.tls_key.empty()) {
    fail("", kKey, "listen.tls needs the key of its certificate; write tls: {key: FILE}");
  }
  if (config.tls_clients == TlsClients::none) {
    if (!config.tls_allow.empty()) {
      fail("", "tls.allow",
           "names certificates that tls.clients: none never asks for; write required, or take it "
           "out");
    }
    return;
  }
  if (config.tls_ca.empty()) {
    fail("", kCa,
         "which CA signs the clients' certificates? write tls: {ca: FILE}, or clients: none");
  }
  if (config.tls_allow.empty()) {
    fail("", "tls.allow",
         "which clients may speak? name them, as in tls: {allow: [\"spiffe://domain/path\"]}, or "
         "write \"*\" for every one with a certificate of that CA");
  }
}

/// Of one backend, or of none.
TlsFileReport to(const TlsReport& report, std::string_view backend) {
  return [&report, backend](std::string_view key, const std::string& message) {
    report(backend, key, message);
  };
}

/// A certificate and its key, which are of no use alone.
void check_pair(const std::string& cert, const std::string& key, std::string_view keys,
                const TlsFileReport& fail) {
  if (cert.empty() == key.empty()) {
    return;
  }
  const std::string_view lacks = key.empty() ? "key" : "cert";
  const std::string_view group = keys.substr(0, keys.find('.'));
  const std::string fix = keys.ends_with('.') ? fmt::format("{}: {{{}: FILE}}", group, lacks)
                                              : fmt::format("tls_{}: FILE", lacks);
  fail(fmt::format("{}{}", keys, key.empty() ? "cert" : "key"),
       fmt::format("the {} of this {} is missing; write {}", key.empty() ? "key" : "certificate",
                   key.empty() ? "certificate" : "key", fix));
}

void check_redis_keys(const Config& config, const TlsReport& fail) {
  const std::pair<std::string_view, const std::string&> keys[] = {
      {"redis.tls_ca", config.redis_tls_ca},
      {"redis.tls_cert", config.redis_tls_cert},
      {"redis.tls_key", config.redis_tls_key},
      {"redis.tls_name", config.redis_tls_name}};
  const auto url = RedisUrl::parse(config.redis);
  for (const auto& [key, value] : keys) {
    if (!value.empty() && url && !url.value().tls) {
      fail("", key, "redis.url is not by rediss://; write url: rediss://host:port");
    }
  }
  check_pair(config.redis_tls_cert, config.redis_tls_key, "redis.tls_", to(fail, ""));
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const ConfigErrors& errors) {
  for (const std::string& line : errors.lines) {
    out << plain_line(line) << '\n';  // names of files are shown as they are
  }
  return out;
}

std::variant<Config, ConfigErrors> load_config(const std::string& file,
                                               const Environment& environment,
                                               const Overrides& flags, const SettingsTable& table,
                                               FileRules::Kind kind) {
  ConfigBuilder builder(table);
  const std::string named = file.empty() ? environment(kConfigVariable).value_or("") : file;
  if (!named.empty()) {
    read_config_file(named, kind, builder);
  }
  for (const Setting& setting : table) {
    const std::string name = setting.environment_name();
    const std::string text = environment(name).value_or("");
    if (text.empty()) {
      continue;  // templates make empty variables: they are as good as none
    }
    if (setting.is_structure) {
      read_config_value(name, setting.path, text, builder);
    } else {
      builder.apply(setting, value_from_text(setting, text, name));
    }
  }
  warn_of_variables(environment, table, builder);
  for (const auto& [path, text] : flags) {
    const Setting* setting = find_setting(table, path);
    assert(setting != nullptr && "the command line knows flags of the table only");
    if (setting == nullptr) {
      continue;
    }
    builder.apply(*setting, value_from_text(*setting, text, std::string(setting->flag)));
  }
  builder.check_together();
  // Not where the codec reads it: what is shown of a configuration is a configuration, too.
  if (const auto redis = RedisUrl::parse(builder.config().redis);
      redis && redis.value().password == kMask) {
    builder.fail(builder.origin("redis.url"),
                 "the password is ***, as it is shown in place of the real one; write that one");
  }
  if (!builder.errors().empty()) {
    ConfigErrors errors{.lines = builder.errors()};
    if (builder.is_good("admin")) {
      errors.admin = builder.config().admin;
      errors.admin_https = !builder.config().admin_tls_cert.empty();
    }
    if (builder.is_good("log.format")) {
      errors.log_format = builder.config().log_format;
    }
    return errors;
  }
  return builder.config();
}

void check_tls_keys(const Config& config, const TlsReport& fail) {
  check_listener_keys(config, fail);
  check_redis_keys(config, fail);
  check_pair(config.admin_tls_cert, config.admin_tls_key, "admin_tls.", to(fail, ""));
  for (const BackendOptions& backend : config.backends) {
    const bool says_tls = !backend.tls_ca.empty() || !backend.tls_cert.empty() ||
                          !backend.tls_key.empty() || !backend.tls_name.empty() ||
                          !backend.tls_allow.empty();
    if (says_tls && !backend.speaks_tls()) {
      fail(backend.name, "tls", "no url of this backend is by tls://; write url: tls://host:port");
    }
    check_pair(backend.tls_cert, backend.tls_key, "tls.", to(fail, backend.name));
  }
}

void read_certificates(Config& config, const TlsReports& reports) {
  const auto read = [&](std::string_view backend, const TlsFiles& files, TlsSide side,
                        TlsMaterial rules, std::shared_ptr<const TlsMaterial>& material,
                        std::string_view keys = "tls.") {
    const auto to = [&](const TlsReport& report) {
      return [&](std::string_view key, const std::string& message) {
        report(backend, fmt::format("{}{}", keys, key.substr(key.find('.') + 1)), message);
      };
    };
    auto next = read_tls_files(files, side, std::move(rules),
                               {to(reports.fail), to(reports.warn), to(reports.note)});
    // One that says the same stays: nothing is to be done for it.
    if (next != nullptr && (material == nullptr || *next != *material)) {
      material = std::move(next);
    }
  };
  if (config.listen_tls) {
    TlsMaterial rules;
    rules.clients = config.tls_clients;
    rules.allow = TlsAllow(config.tls_allow);
    rules.allow_tls12 = config.tls_allows_12;
    read("", {config.tls_cert, config.tls_key, config.tls_ca}, TlsSide::listener, std::move(rules),
         config.tls_material);
  }
  if (config.admin && !config.admin_tls_cert.empty()) {
    TlsMaterial rules;
    rules.clients = TlsClients::none;
    rules.allow_tls12 = config.tls_allows_12;
    read("", {config.admin_tls_cert, config.admin_tls_key, {}}, TlsSide::listener, std::move(rules),
         config.admin_tls_material, "admin_tls.");
  }
  if (RedisUrl::parse(config.redis).value().tls) {
    read("", {config.redis_tls_cert, config.redis_tls_key, config.redis_tls_ca}, TlsSide::backend,
         {}, config.redis_tls_material, "redis.tls_");
  }
  for (BackendOptions& backend : config.backends) {
    if (backend.speaks_tls()) {
      TlsMaterial rules;
      rules.allow = TlsAllow(backend.tls_allow);
      read(backend.name, {backend.tls_cert, backend.tls_key, backend.tls_ca}, TlsSide::backend,
           std::move(rules), backend.tls_material);
    }
  }
}

}  // namespace zerogate
