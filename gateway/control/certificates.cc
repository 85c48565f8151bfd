#include "gateway/control/certificates.h"

#include <utility>

#include "core/metrics/families.h"

namespace zerogate {

void Certificates::set(const Config& config) {
  std::vector<Use> uses;
  const auto add = [&uses](std::string name, const std::shared_ptr<const TlsMaterial>& material) {
    if (material != nullptr) {
      if (const auto validity = validity_of(material->certificate)) {
        uses.push_back({std::move(name), *validity});
      }
    }
  };
  add("listen.tls", config.tls_material);
  add("admin", config.admin_tls_material);
  add("redis", config.redis_tls_material);
  for (const BackendOptions& backend : config.backends) {
    add("backends." + backend.name, backend.tls_material);
  }
  const std::lock_guard lock(mutex_);
  uses_ = std::move(uses);
}

std::vector<prometheus::MetricFamily> Certificates::Collect() const {
  using prometheus::MetricType;
  Family ends(
      "zerogate_tls_certificate_not_after_timestamp_seconds",
      "When the gateway's certificate for this use expires, in seconds since 1970. Left out "
      "where there is none.",
      MetricType::Gauge);
  Family begins("zerogate_tls_certificate_not_before_timestamp_seconds",
                "Since when it is valid: with its end, how long it lives.", MetricType::Gauge);
  {
    const std::lock_guard lock(mutex_);
    for (const Use& use : uses_) {
      ends.add({label("use", use.name)}, static_cast<uint64_t>(use.validity.not_after_s));
      begins.add({label("use", use.name)}, static_cast<uint64_t>(use.validity.not_before_s));
    }
  }
  Family reloads("zerogate_tls_reloads_total",
                 "Files of certificates that had changed: taken over (ok), or refused because they "
                 "cannot be used. What is refused counts once, until it changes again.",
                 MetricType::Counter);
  reloads.add({label("result", "ok")}, taken_over_);
  reloads.add({label("result", "refused")}, refused_);
  std::vector<prometheus::MetricFamily> families;
  for (Family* family : {&ends, &begins, &reloads}) {
    if (!family->family.metric.empty()) {
      families.push_back(std::move(family->family));
    }
  }
  return families;
}

}  // namespace zerogate
