// `zerogate backends`: the endpoints of a running gateway's backends, and orders for one of them.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>

#include "gateway/config/load_config.h"

namespace zerogate {

struct BackendsCommand {
  std::string action;       ///< disable, drain, enable or clear; empty: show the table
  std::string backend;      ///< its name
  std::string endpoint;     ///< as the table spells it
  std::string reason;       ///< may be empty
  std::string config_file;  ///< empty: none was named
  Overrides flags;          ///< --admin or nothing
  uint32_t timeout_ms = 2'000;
};

/// Prints the table, or what the order has done. Returns 0; 1 when the gateway refuses or does not
/// answer; 2 when words are missing or the configuration is wrong. main alone calls it.
int run_backends(const BackendsCommand& command, const Environment& environment, std::ostream& out,
                 std::ostream& err);

/// GET /backends as lines of text. Throws nlohmann::json::exception when it is another document.
std::string backends_table(const std::string& document);

}  // namespace zerogate
