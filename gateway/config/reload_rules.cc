#include "gateway/config/reload_rules.h"

namespace zerogate {

std::vector<std::string> unreloadable_changes(const Config& running, const Config& next,
                                              const SettingsTable& table) {
  std::vector<std::string> paths;
  for (const Setting& setting : table) {
    if (!setting.live && !setting.same(running, next)) {
      paths.emplace_back(setting.path);
    }
  }
  return paths;
}

void take_over_live(const Config& next, Config& running, const SettingsTable& table) {
  for (const Setting& setting : table) {
    if (setting.live) {
      setting.take_over(next, running);
    }
  }
}

}  // namespace zerogate
