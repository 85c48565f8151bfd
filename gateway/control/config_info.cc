#include "gateway/control/config_info.h"

#include <prometheus/metric_family.h>

#include <utility>

namespace zerogate {

std::vector<prometheus::MetricFamily> ConfigInfo::Collect() const {
  std::vector<prometheus::MetricFamily> families = registry_.Collect();
  const std::lock_guard lock(mutex_);
  if (hash_ == nullptr) {
    return families;
  }
  prometheus::ClientMetric metric;
  metric.label.push_back({"hash", hash_()});
  metric.gauge.value = 1;
  prometheus::MetricFamily family;
  family.name = "zerogate_config_info";
  family.help =
      "Always 1; hash is that of /config?written, without passwords: gateways with the same one "
      "are configured alike.";
  family.type = prometheus::MetricType::Gauge;
  family.metric.push_back(std::move(metric));
  families.push_back(std::move(family));
  return families;
}

}  // namespace zerogate
