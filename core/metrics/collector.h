// Adds the workers' counters up when Prometheus asks.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <cstdint>
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

/// Collect() may be called from any thread while the workers run: it only reads their counters. It
/// reads outcomes before begun requests, so that `requests_in_flight` is never negative and
/// "requests = sum of outcomes + in flight" holds in every scrape. The workers outlive it, and
/// share one FunctionLabels.
class Collector final : public prometheus::Collectable {
 public:
  /// `memory_limit` in bytes: what the process' cgroup grants; nothing when it is not limited.
  /// `blocking` outlives it, too.
  Collector(std::vector<const WorkerMetrics*> workers, const BlockingMetrics& blocking,
            BuildInfo build, std::optional<uint64_t> memory_limit = {});
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  std::vector<const WorkerMetrics*> workers_;
  const BlockingMetrics& blocking_;
  BuildInfo build_;
  std::optional<uint64_t> memory_limit_;
};

/// The standard process_* families (CPU, memory, descriptors, threads, start time), read from
/// /proc. Any thread. A family whose numbers cannot be read is left out.
std::vector<prometheus::MetricFamily> collect_process_metrics();

}  // namespace zerogate
