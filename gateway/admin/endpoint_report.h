// What the admin port tells of the endpoints of backends, and takes as an order for one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/metrics/endpoint_status.h"

namespace zerogate {

/// The event loops' views as one.
struct EndpointReport {
  std::string backend;
  std::string endpoint;  ///< "10.0.0.2:5559", or "a.test@10.0.0.2:5559" of several there
  EndpointStatus status;
  uint64_t connections = 0;
  uint64_t in_flight = 0;
  uint64_t requests = 0;  ///< attempts that have ended
  uint64_t failures = 0;  ///< of these: no answer in time, or the connection was lost
};

struct BackendWithoutEndpoints {
  std::string backend;
  std::string reason;
};

struct EndpointReports {
  std::vector<EndpointReport> endpoints;
  std::vector<BackendWithoutEndpoints> without_endpoints;
};

struct EndpointOrder {
  enum class Action : uint8_t { disable, drain, enable, clear };
  Action action = Action::enable;
  std::string backend;
  std::string endpoint;
  std::string reason;  ///< the operator's words; may be empty
};

}  // namespace zerogate
