// `zerogate clients`: who calls a running gateway, as a table.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>

#include "gateway/config/load_config.h"

namespace zerogate {

struct ClientsCommand {
  std::string config_file;  ///< empty: none was named
  Overrides flags;          ///< --admin or nothing
  uint32_t timeout_ms = 2'000;
  bool watch = false;  ///< until a signal ends it, or the gateway has gone
  /// Between two questions: what the calls per second are of. Tests lower it.
  uint32_t period_ms = 1'100;
};

/// Asks GET /clients twice, as `zerogate healthcheck` finds the admin port, and prints the second
/// answer; or each one, on a terminal in place of the last. Returns 0, 1 when the gateway does not
/// answer, 2 for a bad configuration.
int run_clients(const ClientsCommand& command, const Environment& environment, std::ostream& out,
                std::ostream& err);

/// The document of /clients as a table with a line for each of the first `most` clients. Throws
/// nlohmann's exception when it is another document.
std::string clients_table(const std::string& document, size_t most);

}  // namespace zerogate
