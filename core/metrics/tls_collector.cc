#include <algorithm>
#include <array>

#include "core/metrics/families.h"

namespace zerogate {

using prometheus::MetricType;

void collect_tls(const Workers& workers, std::vector<prometheus::MetricFamily>& families) {
  Family handshakes(
      "zerogate_tls_handshakes_total",
      "TLS handshakes that have ended: with clients (side=\"listener\") and with backends. "
      "no_certificate = the peer showed none, untrusted = of another CA or for another purpose, "
      "not_allowed = its name is not allowed, or not the backend's, expired = or not yet valid, "
      "protocol = no TLS, no common version, or the peer gave up, timeout = not done in time.",
      MetricType::Counter);
  Family durations("zerogate_tls_handshake_duration_seconds",
                   "Time of good TLS handshakes, from the connection to the last step: the network "
                   "and the peer's work are in it. Left out before the first.",
                   MetricType::Histogram);
  Family connections("zerogate_tls_connections", "Connections over TLS that are open now.",
                     MetricType::Gauge);
  for (size_t i = 0; i < kTlsSideNames.size(); ++i) {
    const auto side = label("side", kTlsSideNames[i]);
    for (size_t r = 0; r < kTlsResultNames.size(); ++r) {
      handshakes.add({side, label("result", kTlsResultNames[r])},
                     sum(workers, [&](auto& m) { return m.tls[i].handshakes[r].value(); }));
    }
    const HistogramTotals totals =
        sum_histograms(workers, [i](auto& m) -> const Histogram& { return m.tls[i].duration; });
    if (std::ranges::any_of(totals.buckets, [](uint64_t count) { return count > 0; })) {
      durations.add({side}, totals);
    }
    connections.add({side}, sum(workers, [i](auto& m) { return m.tls[i].connections.value(); }));
  }
  families.push_back(std::move(handshakes.family));
  if (!durations.family.metric.empty()) {  // of a gateway without TLS it would be a sixth of all
    families.push_back(std::move(durations.family));
  }
  families.push_back(std::move(connections.family));
}

}  // namespace zerogate
