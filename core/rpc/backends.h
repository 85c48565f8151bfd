// The backends of the configuration as native functions see them.
#pragma once

#include <string_view>

#include "core/rpc/service.h"

namespace zerogate {

/// Loop thread only. core/bridge has the backends, and the worker knows their names.
class Backends {
 public:
  /// The service that forwards to the backend with this name, within the backend's own time-out;
  /// null when the configuration names none so. Valid during this turn only: a reload may end it.
  virtual Service* find_service(std::string_view name) = 0;

 protected:
  ~Backends() = default;
};

}  // namespace zerogate
