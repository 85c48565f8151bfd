#include "gateway/ask/healthcheck_command.h"

#include <fmt/format.h>

#include "gateway/ask/admin_client.h"
#include "gateway/ask/exit_status.h"

namespace zerogate {

int run_healthcheck(const HealthcheckCommand& command, const Environment& environment,
                    std::ostream& out, std::ostream& err) {
  const auto [admin, errors] = find_admin_port(command.config_file, environment, command.flags);
  if (!admin) {
    if (errors.lines.empty()) {
      err << "zerogate healthcheck: there is no admin port to ask; name it with --admin or "
             "ZEROGATE_ADMIN, or switch the health check off too\n";
    }
    return fail_with(errors, kUsage, err);
  }
  const auto answer = ask_admin(*admin, "GET /readyz", command.timeout_ms);
  if (!answer) {
    err << fmt::format("zerogate healthcheck: {}: {}\n", admin->display(), answer.error());
    return fail_with(errors, kFailed, err);
  }
  const auto& [status, body] = answer.value();
  if (status != 200) {
    err << fmt::format("zerogate healthcheck: {}: not ready ({}): {}\n", admin->display(), status,
                       first_line(body));
    return kFailed;
  }
  out << fmt::format("{}: {}\n", admin->display(), first_line(body));
  return kOk;
}

}  // namespace zerogate
