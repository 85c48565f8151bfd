#include "gateway/config/reload_rules.h"

#include <fmt/format.h>

namespace zerogate {

std::string reload_refusal(const Config& running, const Config& next) {
  const std::string place = next.source.file.empty() ? "configuration" : next.source.file;
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
