#include "gateway/cli/serve_command.h"

#include <chrono>

#include "gateway/host/allocator.h"
#include "gateway/host/systemd_notifier.h"
#include "gateway/runtime/gateway.h"

namespace zerogate {
namespace {

/// The log does not hold anybody up while this is there.
struct Background {
  static constexpr std::chrono::seconds kPatience{1};  ///< at the end, with whoever reads stderr
  Background() { log::write_in_background(); }
  ~Background() { log::end_background(kPatience); }
};

}  // namespace

int run_serve(const ServeCommand& command, const Environment& environment, std::ostream& err) {
  const auto loaded = load_config(command.config_file, environment, command.flags);
  if (const auto* errors = std::get_if<ConfigErrors>(&loaded)) {
    for (const std::string& line : errors->lines) {
      err << line << '\n';
    }
    return 2;
  }
  const Config& config = std::get<Config>(loaded);
  configure_allocator();
  log::configure(config.log_level, config.log_format);
  for (const std::string& note : config.notes) {
    log::info("configuration", {{"note", note}});
  }
  const auto load_again = [&] {
    return load_config(command.config_file, environment, command.flags);
  };
  const Background background;
  const SystemdNotifier manager(environment);
  manager.status("starting: connecting to redis and backends");
  const Result<std::unique_ptr<Gateway>> gateway = Gateway::start(config, load_again, manager);
  if (!gateway) {
    manager.status(gateway.error());
    err << "zerogate: " << gateway.error() << '\n';
    return 1;
  }
  return gateway.value()->run();
}

}  // namespace zerogate
