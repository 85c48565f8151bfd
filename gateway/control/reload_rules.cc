#include "gateway/control/reload_rules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "gateway/config/config_builder.h"

namespace zerogate {
namespace {

bool is_on(const Setting& listener, const Config& config) {
  const auto address = listener.show(config);
  return address && address->kind != SettingValue::Kind::off;
}

/// True when a reload leaves the key as it is.
bool waits_for_restart(const Setting& setting, const Config& running, const Config& next,
                       const SettingsTable& table) {
  if (!setting.live) {
    return true;
  }
  const Setting* listener = find_setting(table, setting.listener);
  return listener != nullptr && is_on(*listener, running) != is_on(*listener, next);
}

// Which Redis, and which files, is changed by a restart only: what other files say waits for it.
bool same_redis_files(const Config& a, const Config& b) {
  return a.redis == b.redis && a.redis_tls_ca == b.redis_tls_ca &&
         a.redis_tls_cert == b.redis_tls_cert && a.redis_tls_key == b.redis_tls_key;
}

/// The port is the same one as far as its certificate goes: it moves at a restart, or not at all.
bool same_admin_files(const Config& a, const Config& b) {
  return a.admin.has_value() == b.admin.has_value() && a.admin_tls_cert == b.admin_tls_cert &&
         a.admin_tls_key == b.admin_tls_key;
}

/// The certificate's files may wait for a restart when the version does not.
void set_least_version(std::shared_ptr<const TlsMaterial>& material, bool allow_tls12) {
  if (material == nullptr || material->allow_tls12 == allow_tls12) {
    return;
  }
  TlsMaterial other = *material;
  other.allow_tls12 = allow_tls12;
  material = std::make_shared<const TlsMaterial>(std::move(other));
}

/// `next` has read only the files of what it has switched on.
void take_over_materials(const Config& next, Config& running) {
  if (running.listen_tls.has_value() == next.listen_tls.has_value()) {
    running.tls_material = next.tls_material;
  }
  if (same_admin_files(next, running)) {
    running.admin_tls_material = next.admin_tls_material;
  }
  if (same_redis_files(next, running)) {
    running.redis_tls_material = next.redis_tls_material;
  }
  set_least_version(running.admin_tls_material, running.tls_allows_12);
}

}  // namespace

std::string reload_refusal(const Config& running, const Config& next) {
  const std::string place = name_of(next.source);
  if (running.source.has_keys && !next.source.has_keys) {
    return fmt::format(
        "{}: empty, or comments only, which a reload does not take for the defaults; write one key "
        "at least, or restart",
        place);
  }
  if (!running.routes.empty() && next.routes.empty() && !next.source.says_routes) {
    return fmt::format(
        "{}: no route is left of {}, and nothing says that this is meant; write routes: [] if it "
        "is",
        place, running.routes.size());
  }
  return "";
}

std::vector<std::string> unreloadable_changes(const Config& running, const Config& next,
                                              const SettingsTable& table) {
  std::vector<std::string> paths;
  for (const Setting& setting : table) {
    if (!setting.same(running, next) && waits_for_restart(setting, running, next, table)) {
      paths.emplace_back(setting.path);
    }
  }
  return paths;
}

void take_over_live(const Config& next, Config& running, const SettingsTable& table) {
  for (const Setting& setting : table) {
    // What waits is not live, or goes with a listener, which is not: none of them changes here.
    if (!waits_for_restart(setting, running, next, table)) {
      setting.take_over(next, running);
    }
  }
  running.source = next.source;
  take_over_materials(next, running);
}

std::vector<std::string> problems_until_restart(const Config& running, const Config& next,
                                                const SettingsTable& table) {
  const std::vector<std::string> waiting = unreloadable_changes(running, next, table);
  if (waiting.empty()) {
    return {};  // it is `next` that comes into force
  }
  Config in_force = running;
  take_over_live(next, in_force, table);
  ConfigBuilder builder(table, in_force);
  builder.check_together();
  std::vector<std::string> lines;
  for (const std::string& problem : builder.errors()) {
    lines.push_back(fmt::format("{}: {}; or restart: until then {} stays as it is",
                                name_of(next.source), problem, fmt::join(waiting, ",")));
  }
  return lines;
}

std::vector<std::string> reload_problems(const Config& running, const Config& next,
                                         const SettingsTable& table) {
  if (std::string refusal = reload_refusal(running, next); !refusal.empty()) {
    return {std::move(refusal)};
  }
  return problems_until_restart(running, next, table);
}

}  // namespace zerogate
