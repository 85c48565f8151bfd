#include "gateway/cli/check_command.h"

#include "gateway/ask/exit_status.h"
#include "gateway/host/descriptors.h"
#include "gateway/host/tasks.h"
#include "gateway/runtime/resource_budget.h"

namespace zerogate {
namespace {

// A warning and no error: what serves may have other limits than the shell that checks.
void warn_of_limits(const Config& config, const std::string& place, std::ostream& out) {
  const auto descriptors =
      share_descriptors(config, {raise_descriptor_limit(), open_descriptors()});
  if (!descriptors) {
    out << place << ": warning: " << descriptors.error() << '\n';
  }
  const Status threads = check_threads(config, startable_threads(needed_threads(config)));
  if (!threads) {
    out << place << ": warning: " << threads.error() << '\n';
  }
}

}  // namespace

int run_check(const CheckCommand& command, const Environment& environment, std::ostream& out,
              std::ostream& err) {
  const auto loaded = load_config(command.config_file, environment, command.flags);
  if (const auto* errors = std::get_if<ConfigErrors>(&loaded)) {
    err << *errors;
    return kUsage;
  }
  const Config& config = std::get<Config>(loaded);
  const std::string place = config.source.file.empty() ? "configuration" : config.source.file;
  for (const std::string& note : config.notes) {
    out << place << ": note: " << note << '\n';
  }
  for (const std::string& warning : config.warnings) {
    out << place << ": warning: " << warning << '\n';
  }
  warn_of_limits(config, place, out);
  out << place << ": ok\n";
  return kOk;
}

}  // namespace zerogate
