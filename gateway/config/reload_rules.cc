#include "gateway/config/reload_rules.h"

#include <algorithm>

#include "gateway/config/settings.h"

namespace zerogate {
namespace {

bool same(const SettingValue& a, const SettingValue& b) {
  return a.kind == b.kind && a.text == b.text &&
         std::ranges::equal(a.items, b.items, {}, &PlacedText::text, &PlacedText::text);
}

}  // namespace

std::vector<std::string> unreloadable_changes(const Config& running, const Config& next) {
  std::vector<std::string> paths;
  for (const Setting& setting : settings()) {
    if (setting.live) {
      continue;
    }
    // show() masks the password, and that may be all that has changed.
    const bool differs = setting.path == "redis.url"
                             ? running.redis != next.redis
                             : !same(setting.show(running), setting.show(next));
    if (differs) {
      paths.emplace_back(setting.path);
    }
  }
  return paths;
}

}  // namespace zerogate
