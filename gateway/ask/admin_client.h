// Asks the admin port of a gateway that runs on this machine, for the commands that look at one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "gateway/ask/admin_connection.h"
#include "gateway/config/load_config.h"

namespace zerogate {

struct AdminPort {
  /// None when the port is off or any free one, or when its own setting is a mistake. An address
  /// that means every interface is told as loopback. The token is there when this user may know it,
  /// and the configuration has no mistake.
  std::optional<AdminPlace> place;
  /// What else is wrong in the configuration. A gateway that refused to reload it is as well as
  /// before: of interest only when nothing answers.
  ConfigErrors errors;
};

/// Where `zerogate serve` would have its admin port with this file, environment and flags.
AdminPort find_admin_port(const std::string& config_file, const Environment& environment,
                          const Overrides& flags);

/// Where the gateway that runs has its admin port: the one of this configuration file, or of this
/// container when no flag names one. Nothing when there is none, or more than one. It tells no
/// secrets: those are the configuration's.
std::optional<AdminPlace> find_running_gateway(const std::string& config_file,
                                               const Environment& environment);

/// The end of a command that got no answer: tells what is wrong in the configuration, and returns
/// kUsage then, else `status`.
int fail_with(const ConfigErrors& errors, int status, std::ostream& err);

struct AdminAnswer {
  int status = 0;  ///< of HTTP
  std::string body;
};

/// A larger answer is none of ours: /metrics of 200 functions has 0.6 MB.
inline constexpr size_t kMaxAdminAnswerBytes = 8 << 20;

/// Sends "GET /readyz", "POST /reload" and the like, with the token if there is one; blocks for at
/// most `timeout_ms`. The error says why there was no answer.
Result<AdminAnswer> ask_admin(const AdminPlace& place, std::string_view request,
                              uint32_t timeout_ms);

/// Takes what came of a connection apart, up to its end: "HTTP/1.1 200 OK", headers and the body.
/// The error says that it is no HTTP, or not all of the answer.
Result<AdminAnswer> parse_admin_answer(std::string_view bytes);

/// The first line of a text, without what a terminal would obey.
std::string first_line(std::string_view text);

}  // namespace zerogate
