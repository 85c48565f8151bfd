// The numbers of /metrics as one small JSON document, which the status page reads. Pure functions,
// any thread.
#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <vector>

#include "gateway/admin/backends_document.h"

namespace zerogate {

/// What the document says besides the metrics.
struct StatusHead {
  std::string instance;       ///< of this run of the process: another one counts from 0 again
  double uptime_seconds = 0;  ///< of a clock that is never set: rates are by its differences
  bool ready = false;
  std::string readiness;  ///< as /readyz says it
  EndpointReports backends{};
  Moment now{};
};

/// {"instance", "uptime", "ready", "readiness", "endpoints" and "without_endpoints" as /backends
/// has them, "functions": [the names that are labels, also of functions without calls], "families":
/// {NAME: FAMILY, ...}}, where FAMILY is
/// {"type", "labels": [name, ...], "samples": [[label values..., value], ...]}. A histogram has
/// "bounds" (without +Inf) besides, and of each sample the sum and the counts per bucket, not
/// cumulative: one more than bounds. Short, because it is fetched every second: a counter that is 0
/// is left out (absent is 0), so that a family may be without samples.
///
/// Every series of a family must have the same labels in the same order, as our collectors make
/// them. A value that is no finite number is null; a label that is no UTF-8 is fixed.
std::string status_json(const StatusHead& head,
                        const std::vector<prometheus::MetricFamily>& families);

}  // namespace zerogate
