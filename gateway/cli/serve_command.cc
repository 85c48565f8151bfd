#include "gateway/cli/serve_command.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <exception>
#include <utility>

#include "gateway/ask/exit_status.h"
#include "gateway/host/allocator.h"
#include "gateway/host/journal.h"
#include "gateway/host/process.h"
#include "gateway/host/systemd_notifier.h"
#include "gateway/runtime/gateway.h"
#include "gateway/runtime/reloader.h"

namespace zerogate {
namespace {

/// No thread waits for the log while this is there.
struct Background {
  static constexpr std::chrono::seconds kPatience{1};  ///< at the end, with the reader of stderr
  Background() { log::write_in_background(); }
  ~Background() { log::end_background(kPatience); }
};

/// The gateway, or one line that says what could not be had.
Result<std::unique_ptr<Gateway>> start(const Config& config, const Resources& resources,
                                       Gateway::Reload load_again,
                                       const SystemdNotifier& manager) try {
  return Gateway::start(config, resources, std::move(load_again), manager);
} catch (const std::exception& failure) {
  return Error{fmt::format("{}; raise the limits of tasks and open files, or lower threads",
                           failure.what())};
}

/// Of what ends the start there is a line whatever the level.
void tell(std::string_view event, const log::Field& why) {
  log::set_level(std::min(log::level(), log::Level::error));
  log::error(event, {why});
}

int cannot_start(std::string_view reason) {
  tell("cannot start", {"reason", reason});
  return kFailed;
}

int refuse(const ConfigErrors& errors) {
  log::set_format(errors.log_format);
  for (const std::string& line : errors.lines) {
    tell("configuration", {"error", line});
  }
  return kUsage;
}

/// A signal has ended the start, before there was a call to drain.
void tell_stopped(int signal) {
  log::info("stopped", {{"signal", strsignal(signal)}, {"calls_cut_off", 0}});
}

/// As tell_stopped(), when the process ends with what the log has written by then.
void say_last_words(int signal) {
  constexpr std::chrono::milliseconds kPatience{200};
  tell_stopped(signal);
  log::end_background(kPatience);
}

/// `held` and `start_signals`: until the gateway has its handlers.
int serve(const ServeCommand& command, const Environment& environment, HeldSignals& held,
          StartSignals& start_signals) try {
  const auto loaded = load_config(command.config_file, environment, command.flags);
  if (const auto* errors = std::get_if<ConfigErrors>(&loaded)) {
    return refuse(*errors);
  }
  const Config& config = std::get<Config>(loaded);
  configure_allocator();
  log::configure(config.log_level, config.log_format);
  for (const std::string& note : config.notes) {
    log::info("configuration", {{"note", note}});
  }
  for (const std::string& warning : config.warnings) {
    log::warn("configuration", {{"warning", warning}});
  }
  Result<AdminAccess> access = admin_access(config);
  if (!access) {
    return refuse({.lines = {fmt::format("{}: {}", name_of(config.source), access.error())},
                   .log_format = config.log_format});
  }
  // By value: a thread that reads a file which never comes may outlive this function.
  const auto load_again = [command, environment] {
    return load_config(command.config_file, environment, command.flags, settings(),
                       FileRules::Kind::repeatable);
  };
  const Result<Resources> resources =
      take_resources(config, std::move(access).value(), start_signals.watches());
  if (!resources) {
    return cannot_start(resources.error());
  }
  const Background background;
  const SystemdNotifier manager(environment);
  manager.status("starting: connecting to redis and backends");
  const Result<std::unique_ptr<Gateway>> gateway =
      start(config, resources.value(), load_again, manager);
  const std::optional<int> signal = start_signals.end();
  if (signal && gateway) {
    raise(*signal);  // clients may have begun to call: it drains, once it takes signals
  } else if (signal) {
    tell_stopped(*signal);
    return kOk;
  }
  if (!gateway) {
    manager.status(gateway.error());
    return cannot_start(gateway.error());
  }
  held.release();
  return gateway.value()->run();
} catch (const std::exception& failure) {  // no memory is left, or a fault of ours
  tell("failed", {"reason", failure.what()});
  return kFailed;
}

}  // namespace

int run_serve(const ServeCommand& command, const Environment& environment) {
  expect_write_errors();
  log::tell_priorities(stderr_is_journal(environment));
  HeldSignals held({kHarmlessSignals, kEndingSignals});
  // Also while the reason of a failure is told, since stderr may be a full pipe that is not read.
  StartSignals start_signals(say_last_words);
  const int status = serve(command, environment, held, start_signals);
  if (Reloader::still_reading()) {
    _exit(status);  // a file that never comes: what its reader looks at stays as it is
  }
  return status;
}

}  // namespace zerogate
