// `zerogate healthcheck`: asks a running gateway's admin port whether it is ready, so that an image
// needs no HTTP client for its HEALTHCHECK. main alone calls it.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>

#include "gateway/config/load_config.h"

namespace zerogate {

struct HealthcheckCommand {
  std::string config_file;  ///< empty: none was named
  Overrides flags;          ///< --admin or nothing
  uint32_t timeout_ms = 2'000;
};

/// Asks GET /readyz where `zerogate serve` would listen with the same file, environment and flags;
/// an address that means every interface is asked on loopback. When no gateway answers there and no
/// flag names the address, asks the gateway that runs: the one of the same file, or of the same
/// container. Prints one line. Returns 0 when the
/// gateway is ready, 1 when it is not or does not answer in time, 2 for a bad configuration.
int run_healthcheck(const HealthcheckCommand& command, const Environment& environment,
                    std::ostream& out, std::ostream& err);

}  // namespace zerogate
