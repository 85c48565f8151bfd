#include "gateway/cli/check_command.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/quote.h"
#include "core/listener/listen_socket.h"
#include "core/redis/redis_url.h"
#include "gateway/ask/admin_client.h"
#include "gateway/ask/config_diff.h"
#include "gateway/ask/exit_status.h"
#include "gateway/config/config_file.h"
#include "gateway/config/show_config.h"
#include "gateway/control/reload_rules.h"
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

// A warning, too: what serves may know other groups.
void warn_of_groups(const Config& config, const std::string& place, std::ostream& out) {
  const auto warn = [&](std::string_view key, const std::string& group,
                        std::initializer_list<const std::optional<Address>*> listeners) {
    const auto is_socket = [](const auto* address) { return *address && (*address)->is_path(); };
    if (!group.empty() && std::ranges::any_of(listeners, is_socket) && !is_group(group)) {
      out << fmt::format("{}: warning: {}: there is no group {} on this host\n", place, key,
                         quote(group));
    }
  };
  warn("listen.group", config.listen_group, {&config.listen_tcp, &config.listen_zmq});
  warn("admin_group", config.admin_group, {&config.admin});
}

constexpr uint32_t kPatienceMs = 2'000;

/// As load_config would take it. Files that it names may be for the gateway's eyes alone: what is
/// wrong with them is no matter.
Config parse_yaml(std::string_view text) {
  ConfigBuilder builder(settings());
  read_config_text("", std::string(text), builder);
  builder.check_together();
  return builder.config();
}

/// The gateway that runs, else the one of the configuration. Any process may say that it is the
/// former: the token is told to the one of the configuration only.
std::optional<AdminPlace> place_to_ask(const CheckCommand& command,
                                       const Environment& environment) {
  auto configured = find_admin_port(command.config_file, environment, command.flags).place;
  if (command.flags.contains("admin")) {
    return configured;
  }
  auto running = find_running_gateway(command.config_file, environment);
  const bool is_configured = running && configured && *running == configured->without_secrets();
  return running && !is_configured ? running : configured;
}

int show_diff(const Config& config, const CheckCommand& command, const Environment& environment,
              std::ostream& out, std::ostream& err) {
  const std::optional<AdminPlace> admin = place_to_ask(command, environment);
  const auto answer = admin ? ask_admin(*admin, "GET /config?written", kPatienceMs)
                            : Error{"there is no admin port to ask; name it with --admin"};
  if (!answer || answer.value().status != 200) {
    err << "zerogate check --diff: " << (admin ? admin->address.display() + ": " : "")
        << (answer ? first_line(answer.value().body) : answer.error()) << '\n';
    return kFailed;
  }
  std::string_view running = answer.value().body;
  const bool has_keys = !running.starts_with(kNoKeys);
  running.remove_prefix(has_keys ? 0 : kNoKeys.size());
  const std::string written = to_yaml(config);
  const std::string diff = diff_yaml(running, written);
  // The gateway tells no password, nor whether two are the same.
  const bool has_secret = written.find(kMask) != written.npos;
  out << admin->address.display()
      << (diff.empty() ? ": this is in force"
                       : ": differs from what is in force (- running, + written)")
      << (has_secret ? "; passwords and tokens are not compared\n" : "\n") << diff;
  Config now = parse_yaml(running);
  Config next = parse_yaml(written);  // without passwords, as the other
  now.source.has_keys = has_keys;
  next.source = config.source;
  next.bridge = config.bridge;  // no file has it
  next.bridge_timeout_ms = config.bridge_timeout_ms;
  const auto fixed = unreloadable_changes(now, next);
  if (!fixed.empty()) {
    out << fmt::format("needs a restart: {}\n", fmt::join(fixed, ","));
  }
  // Without a file there is nothing that a reload would read anew.
  const auto problems =
      config.source.file.empty() ? std::vector<std::string>{} : reload_problems(now, next);
  for (const std::string& problem : problems) {
    out << "a reload would be refused: " << problem << '\n';
  }
  return problems.empty() ? kOk : kFailed;
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
  const std::string place = name_of(config.source);
  if (const auto access = admin_access(config); !access) {
    err << place << ": " << access.error() << '\n';
    return kUsage;
  }
  for (const std::string& note : config.notes) {
    out << place << ": note: " << note << '\n';
  }
  for (const std::string& warning : config.warnings) {
    out << place << ": warning: " << warning << '\n';
  }
  warn_of_limits(config, place, out);
  warn_of_groups(config, place, out);
  out << place << ": ok\n";
  return command.diff ? show_diff(config, command, environment, out, err) : kOk;
}

}  // namespace zerogate
