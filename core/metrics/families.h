// Helpers with which the collectors build Prometheus' metric families. For the thread that scrapes.
#pragma once

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/metrics/collector.h"
#include "core/metrics/histogram.h"
#include "core/metrics/shown_bounds.h"
#include "core/metrics/worker_metrics.h"

namespace zerogate {

using Labels = std::vector<prometheus::ClientMetric::Label>;
using Workers = std::vector<const WorkerMetrics*>;

inline prometheus::ClientMetric::Label label(std::string_view name, std::string_view value) {
  return {std::string(name), std::string(value)};
}

/// One family under construction.
struct Family {
  Family(std::string_view name, std::string_view help, prometheus::MetricType type) {
    family.name = name;
    family.help = help;
    family.type = type;
  }
  void add(Labels labels, uint64_t value) {
    prometheus::ClientMetric& metric = family.metric.emplace_back();
    metric.label = std::move(labels);
    if (family.type == prometheus::MetricType::Counter) {
      metric.counter.value = static_cast<double>(value);
    } else {
      metric.gauge.value = static_cast<double>(value);
    }
  }
  void add(Labels labels, const HistogramTotals& totals, BoundSet bounds = kAllBounds) {
    constexpr double kSecondNs = 1e9;
    prometheus::ClientMetric& metric = family.metric.emplace_back();
    metric.label = std::move(labels);
    prometheus::ClientMetric::Histogram& histogram = metric.histogram;
    histogram.bucket.reserve(totals.buckets.size());
    for (size_t i = 0; i < totals.buckets.size(); ++i) {
      histogram.sample_count += totals.buckets[i];
      if (i == Histogram::kBoundsNs.size()) {
        histogram.bucket.push_back(
            {histogram.sample_count, std::numeric_limits<double>::infinity()});
      } else if (bounds >> i & 1) {
        const double bound = static_cast<double>(Histogram::kBoundsNs[i]) / kSecondNs;
        histogram.bucket.push_back({histogram.sample_count, bound});
      }
    }
    histogram.sample_sum = static_cast<double>(totals.sum_ns) / kSecondNs;
  }
  prometheus::MetricFamily family;
};

/// Adds up what `read` takes from each worker.
template <class Read>
uint64_t sum(const Workers& workers, Read read) {
  uint64_t total = 0;
  for (const WorkerMetrics* worker : workers) {
    total += read(*worker);
  }
  return total;
}

/// Adds up the histogram that `of` picks from each worker.
template <class Pick>
HistogramTotals sum_histograms(const Workers& workers, Pick of) {
  HistogramTotals totals;
  for (const WorkerMetrics* worker : workers) {
    totals.add(of(*worker));
  }
  return totals;
}

/// Appends the zerogate_redis_* families.
void collect_redis(const Workers& workers, std::vector<prometheus::MetricFamily>& families);

/// Appends the zerogate_tls_* families that workers count.
void collect_tls(const Workers& workers, std::vector<prometheus::MetricFamily>& families);

/// Appends zerogate_memory_limit_bytes and zerogate_memory_working_set_bytes, where they are known.
void collect_limit(const ProcessMemory& memory, std::vector<prometheus::MetricFamily>& families);

/// Appends the zerogate_memory_budget_* families.
void collect_memory(const Workers& workers, std::vector<prometheus::MetricFamily>& families);

/// Appends the zerogate_backend_* families: one series for each backend or endpoint that a worker
/// has now. A family without series is left out.
void collect_backends(const Workers& workers, std::vector<prometheus::MetricFamily>& families);

}  // namespace zerogate
