#include "gateway/ask/healthcheck_command.h"

#include <fmt/format.h>

#include "core/base/quote.h"
#include "gateway/ask/admin_client.h"
#include "gateway/ask/exit_status.h"

namespace zerogate {

namespace {

struct Asked {
  std::optional<AdminPlace> admin;
  Result<AdminAnswer> answer = Error{""};
};

/// Where the configuration says, and when no gateway answers there, where the one is that runs: it
/// goes on as it was started while its file is changed, broken or removed.
Asked ask(const HealthcheckCommand& command, const Environment& environment,
          const std::optional<AdminPlace>& configured) {
  const Deadline deadline(command.timeout_ms);
  Asked asked;
  if (configured) {
    const AdminPlace place = configured->without_secrets();
    asked = {place, ask_admin(place, "GET /readyz", command.timeout_ms)};
  }
  if (asked.answer || command.flags.contains("admin")) {
    return asked;
  }
  const auto running = find_running_gateway(command.config_file, environment);
  if (running && running != asked.admin) {
    return {running, ask_admin(*running, "GET /readyz", static_cast<uint32_t>(deadline.left_ms()))};
  }
  return asked;
}

}  // namespace

int run_healthcheck(const HealthcheckCommand& command, const Environment& environment,
                    std::ostream& out, std::ostream& err) {
  const auto [configured, errors] =
      find_admin_port(command.config_file, environment, command.flags);
  const auto [admin, answer] = ask(command, environment, configured);
  if (!admin) {
    if (errors.lines.empty()) {
      err << "zerogate healthcheck: there is no admin port to ask; name it with --admin or "
             "ZEROGATE_ADMIN, or switch the health check off too\n";
    }
    return fail_with(errors, kUsage, err);
  }
  const std::string place = plain_line(admin->address.display());
  if (!answer) {
    err << fmt::format("zerogate healthcheck: {}: {}\n", place, answer.error());
    return fail_with(errors, kFailed, err);
  }
  const auto& [status, body] = answer.value();
  if (status != 200) {
    err << fmt::format("zerogate healthcheck: {}: not ready ({}): {}\n", place, status,
                       first_line(body));
    return kFailed;
  }
  out << fmt::format("{}: {}\n", place, first_line(body));
  return kOk;
}

}  // namespace zerogate
