// What operators see of the backends' endpoints, and order for them.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/bridge/by_hand.h"
#include "core/metrics/worker_metrics.h"
#include "gateway/admin/endpoint_report.h"

namespace zerogate {

/// What it needs of the workers. Called from its callers' threads.
struct ControlSources {
  std::function<std::vector<const WorkerMetrics*>()> metrics;
  std::function<void(const EndpointOrder&)> tell;  ///< every worker
};

/// Owned by the Gateway. Any thread.
class BackendControl {
 public:
  BackendControl(ControlSources workers, std::shared_ptr<ByHand> by_hand)
      : workers_(std::move(workers)), by_hand_(std::move(by_hand)) {}

  /// Those that exist, by backend and name, and those that something was ordered for and that no
  /// name has any more. Of several TLS names at one address, each one.
  EndpointReports report() const;

  /// Writes a line to the log and tells the workers, each of which acts on its own loop at once.
  /// An order for an address is for all endpoints that have it. The text says what was done; the
  /// error, which endpoints there are.
  Result<std::string> order(const EndpointOrder& order);

 private:
  const ControlSources workers_;
  const std::shared_ptr<ByHand> by_hand_;
  std::mutex ordering_;  ///< the log tells orders as they were given
};

/// The same endpoint as several event loops see it: the best of their states.
EndpointStatus best_of(const std::vector<EndpointStatus>& views);

}  // namespace zerogate
