#include "core/metrics/backend_metrics.h"

#include <algorithm>
#include <utility>

namespace zerogate {
namespace {

void add_requests(EndpointMetrics& to, const EndpointMetrics& from) {
  for (size_t i = 0; i < to.requests.size(); ++i) {
    to.requests[i].add(from.requests[i].value());
  }
}

EndpointTotals totals_of(const EndpointMetrics& metrics, bool live) {
  EndpointTotals totals;
  totals.endpoint = metrics.endpoint;
  totals.live = live;
  for (size_t i = 0; i < totals.requests.size(); ++i) {
    totals.requests[i] = metrics.requests[i].value();
  }
  if (live) {
    totals.connections = metrics.connections.value();
    totals.in_flight = metrics.in_flight.value();
    totals.depth = metrics.depth.value();
    totals.up = metrics.up.value();
    totals.disabled = metrics.disabled.value();
    totals.status = metrics.status.get();
  }
  return totals;
}

template <class Endpoints>
auto find_endpoint(Endpoints& endpoints, const std::string& name) {
  return std::ranges::find(
      endpoints, name, [](const auto& one) -> auto& { return one->endpoint; });
}

template <class Backends>
auto find_backend(Backends& backends, const std::string& name) {
  return std::ranges::find(
      backends, name, [](const auto& one) -> auto& { return one->name(); });
}

}  // namespace

std::shared_ptr<EndpointMetrics> BackendMetrics::add(std::string endpoint) {
  auto metrics = std::make_shared<EndpointMetrics>(std::move(endpoint));
  const std::lock_guard lock(mutex_);
  if (const auto old = find_endpoint(gone_, metrics->endpoint); old != gone_.end()) {
    add_requests(*metrics, **old);
    gone_.erase(old);
  }
  endpoints_.push_back(metrics);
  return metrics;
}

void BackendMetrics::remove(const std::shared_ptr<EndpointMetrics>& metrics) {
  const std::lock_guard lock(mutex_);
  if (std::erase(endpoints_, metrics) > 0) {
    remember(metrics);
  }
}

std::vector<std::shared_ptr<EndpointMetrics>> BackendMetrics::endpoints() const {
  const std::lock_guard lock(mutex_);
  return endpoints_;
}

BackendTotals BackendMetrics::totals() const {
  BackendTotals totals;
  totals.backend = name_;
  totals.live = true;
  totals.duration.add(duration);
  totals.queue = queue.value();
  totals.queue_limit = queue_limit.value();
  totals.retries = retries.value();
  totals.pipelined = pipelined.value();
  totals.resent = resent.value();
  const std::lock_guard lock(mutex_);
  totals.endpoints.reserve(endpoints_.size() + gone_.size());
  for (const auto& endpoint : endpoints_) {
    if (endpoint->hidden.value() == 0) {
      totals.endpoints.push_back(totals_of(*endpoint, true));
    }
  }
  for (const auto& endpoint : gone_) {
    totals.endpoints.push_back(totals_of(*endpoint, false));
  }
  return totals;
}

// Under the lock: a reader must see the numbers in one place, never in both or in none.
void BackendMetrics::remember(std::shared_ptr<EndpointMetrics> metrics) {
  if (const auto live = find_endpoint(endpoints_, metrics->endpoint); live != endpoints_.end()) {
    return add_requests(**live, *metrics);
  }
  if (const auto old = find_endpoint(gone_, metrics->endpoint); old != gone_.end()) {
    // A copy, as a thing that still has the old one may count there.
    auto both = std::make_shared<EndpointMetrics>(metrics->endpoint);
    add_requests(*both, **old);
    add_requests(*both, *metrics);
    gone_.erase(old);
    metrics = std::move(both);
  }
  gone_.push_back(std::move(metrics));
  if (gone_.size() > kMaxGone) {
    gone_.erase(gone_.begin());
  }
}

void BackendMetrics::inherit(BackendMetrics& old) {
  duration.add(old.duration);
  retries.add(old.retries.value());
  pipelined.add(old.pipelined.value());
  resent.add(old.resent.value());
  Endpoints inherited;
  {
    const std::lock_guard lock(old.mutex_);
    inherited = std::exchange(old.gone_, {});
    for (auto& endpoint : std::exchange(old.endpoints_, {})) {
      inherited.push_back(std::move(endpoint));
    }
  }
  const std::lock_guard lock(mutex_);
  for (auto& endpoint : inherited) {
    remember(std::move(endpoint));
  }
}

void BackendMetrics::retire() {
  const std::lock_guard lock(mutex_);
  for (auto& endpoint : std::exchange(endpoints_, {})) {
    remember(std::move(endpoint));
  }
}

void BackendMetricsList::add(const std::shared_ptr<BackendMetrics>& backend) {
  const std::lock_guard lock(mutex_);
  if (const auto old = find_backend(gone_, backend->name()); old != gone_.end()) {
    if (*old != backend) {
      backend->inherit(**old);
    }
    gone_.erase(old);
  }
  backends_.push_back(backend);
}

void BackendMetricsList::remove(const std::shared_ptr<BackendMetrics>& backend) {
  const std::lock_guard lock(mutex_);
  if (std::erase(backends_, backend) == 0) {
    return;
  }
  if (const auto heir = find_backend(backends_, backend->name()); heir != backends_.end()) {
    return (*heir)->inherit(*backend);
  }
  backend->retire();
  gone_.push_back(backend);
  if (gone_.size() > kMaxGone) {
    gone_.erase(gone_.begin());
  }
}

std::vector<BackendTotals> BackendMetricsList::totals() const {
  std::vector<BackendTotals> all;
  const std::lock_guard lock(mutex_);
  for (const auto& backend : backends_) {
    all.push_back(backend->totals());
  }
  for (const auto& backend : gone_) {
    BackendTotals& totals = all.emplace_back(backend->totals());
    totals.live = false;
    totals.queue = totals.queue_limit = 0;
  }
  return all;
}

}  // namespace zerogate
