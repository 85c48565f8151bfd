// Adds the workers' counters up when Prometheus asks.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/metrics/blocking_metrics.h"
#include "core/metrics/worker_metrics.h"

namespace zerogate {

struct BuildInfo {
  std::string version;
  std::string revision;
};

/// What limits the process as a whole.
struct ProcessMemory {
  std::optional<uint64_t> limit;  ///< bytes; nothing when there is none
  /// Bytes in use of the limit, the kernel's for connections included. Any thread. Null where that
  /// cannot be told.
  std::function<uint64_t()> working_set;
};

/// Collect() may be called from any thread while the workers run: it only reads their counters. It
/// reads outcomes before begun requests, so that `requests_in_flight` is never negative and
/// "requests = sum of outcomes + in flight" holds in every scrape. The workers outlive it, and
/// share one FunctionLabels.
class Collector final : public prometheus::Collectable {
 public:
  /// `blocking` outlives it, too.
  Collector(std::vector<const WorkerMetrics*> workers, const BlockingMetrics& blocking,
            BuildInfo build, ProcessMemory memory = {});
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  std::vector<const WorkerMetrics*> workers_;
  const BlockingMetrics& blocking_;
  BuildInfo build_;
  ProcessMemory memory_;
};

/// The standard process_* families (CPU, memory, descriptors, threads, start time), read from
/// /proc. Any thread. A family whose numbers cannot be read is left out.
std::vector<prometheus::MetricFamily> collect_process_metrics();

}  // namespace zerogate
