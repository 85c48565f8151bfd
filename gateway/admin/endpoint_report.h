// What the admin port tells of one endpoint of a backend, and takes as an order for it.
#pragma once

#include <cstdint>
#include <string>

#include "core/metrics/endpoint_status.h"

namespace zerogate {

/// The event loops' views as one.
struct EndpointReport {
  std::string backend;
  /// As in "10.0.0.2:5559", or "a.test@10.0.0.2:5559" of several there. Empty: of a backend without
  /// any, of which the state and the reason are.
  std::string endpoint;
  EndpointStatus status;
  uint64_t connections = 0;
  uint64_t in_flight = 0;
  uint64_t requests = 0;  ///< attempts that have ended
  uint64_t failures = 0;  ///< of these: no answer in time, or the connection was lost
};

struct EndpointOrder {
  enum class Action : uint8_t { disable, drain, enable, clear };
  Action action = Action::enable;
  std::string backend;
  std::string endpoint;
  std::string reason;  ///< the operator's words; may be empty
};

}  // namespace zerogate
