// The zerogate_backend_* families: the workers' numbers added up by the names of backends and
// endpoints.
#include <algorithm>
#include <map>

#include "core/base/endpoint_name.h"
#include "core/metrics/families.h"

namespace zerogate {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;
using ByEndpoint = std::map<std::string, EndpointTotals>;

struct BackendSum {
  BackendTotals totals;  ///< without endpoints
  ByEndpoint endpoints;
};
using ByBackend = std::map<std::string, BackendSum>;

void add_up(EndpointTotals& sum, const EndpointTotals& one) {
  sum.live |= one.live;
  for (size_t i = 0; i < sum.requests.size(); ++i) {
    sum.requests[i] += one.requests[i];
  }
  sum.connections += one.connections;
  sum.in_flight += one.in_flight;
  sum.depth = std::max(sum.depth, one.depth);
  sum.up = std::max(sum.up, one.up);
  sum.disabled = std::max(sum.disabled, one.disabled);
}

void add_up(BackendSum& sum, const BackendTotals& one) {
  sum.totals.live |= one.live;
  sum.totals.duration.add(one.duration);
  sum.totals.queue += one.queue;
  sum.totals.queue_limit += one.queue_limit;
  sum.totals.retries += one.retries;
  sum.totals.pipelined += one.pipelined;
  sum.totals.resent += one.resent;
  for (const EndpointTotals& endpoint : one.endpoints) {
    add_up(sum.endpoints[endpoint.endpoint], endpoint);
  }
}

/// By what is shown. An address that was a name's and is another's goes on counting; of two that
/// have it at a time, each has its own series.
ByEndpoint live_as_shown(const ByEndpoint& endpoints) {
  ShownEndpoints shown;
  for (const auto& [name, totals] : endpoints) {
    if (totals.live) {
      shown.add(name);
    }
  }
  ByEndpoint sums;
  for (const auto& [name, totals] : endpoints) {
    add_up(sums[shown.name_of(name)], totals);
  }
  std::erase_if(sums, [](const auto& item) { return !item.second.live; });
  return sums;
}

/// What is live somewhere, with all that was ever counted for it: one worker may have it still, or
/// already, when another has not.
ByBackend add_up(const Workers& workers) {
  ByBackend backends;
  for (const WorkerMetrics* worker : workers) {
    for (const BackendTotals& one : worker->backends.totals()) {
      add_up(backends[one.backend], one);
    }
  }
  std::erase_if(backends, [](const auto& item) { return !item.second.totals.live; });
  for (auto& [name, backend] : backends) {
    backend.endpoints = live_as_shown(backend.endpoints);
  }
  return backends;
}

void add_family(Family family, std::vector<MetricFamily>& families) {
  if (!family.family.metric.empty()) {
    families.push_back(std::move(family.family));
  }
}

/// A family with one series for each backend, from what `read` takes from its totals.
template <class Read>
void per_backend(const ByBackend& backends, Family family, Read read,
                 std::vector<MetricFamily>& families) {
  for (const auto& [name, backend] : backends) {
    family.add({label("backend", name)}, read(backend.totals));
  }
  add_family(std::move(family), families);
}

/// A family with one series for each endpoint, from the number that `member` points to.
void per_endpoint(const ByBackend& backends, Family family, uint64_t EndpointTotals::*member,
                  std::vector<MetricFamily>& families) {
  for (const auto& [name, backend] : backends) {
    for (const auto& [endpoint, totals] : backend.endpoints) {
      family.add({label("backend", name), label("endpoint", endpoint)}, totals.*member);
    }
  }
  add_family(std::move(family), families);
}

void collect_attempts(const ByBackend& backends, std::vector<MetricFamily>& families) {
  Family requests("zerogate_backend_requests_total",
                  "Requests sent to an endpoint of a backend, by how the attempt ended: ok, error, "
                  "not_found and invalid = its answer, timeout = no answer in time, unavailable = "
                  "the connection was lost under the request. A request that is retried counts "
                  "once for each attempt, one that waits in vain for a connection not at all.",
                  MetricType::Counter);
  for (const auto& [name, backend] : backends) {
    for (const auto& [endpoint, totals] : backend.endpoints) {
      for (size_t i = 0; i < totals.requests.size(); ++i) {
        if (static_cast<Outcome>(i) == Outcome::limited && totals.requests[i] == 0) {
          continue;  // a call over a rate limit never comes as far as a backend
        }
        requests.add({label("backend", name), label("endpoint", endpoint),
                      label("outcome", kOutcomeNames[i])},
                     totals.requests[i]);
      }
    }
  }
  add_family(std::move(requests), families);
}

void collect_endpoints(const ByBackend& backends, std::vector<MetricFamily>& families) {
  per_endpoint(backends,
               Family("zerogate_backend_connections",
                      "Connections to an endpoint that are ready for requests or busy with them.",
                      MetricType::Gauge),
               &EndpointTotals::connections, families);
  per_endpoint(backends,
               Family("zerogate_backend_in_flight",
                      "Requests sent to an endpoint and not answered yet. One whose time has run "
                      "out counts until its answer comes after all or its connection is replaced.",
                      MetricType::Gauge),
               &EndpointTotals::in_flight, families);
  per_endpoint(backends,
               Family("zerogate_backend_depth",
                      "Requests under way on that connection to an endpoint which has the most. "
                      "More than 1: calls stand behind others. Counted with in_flight: auto over "
                      "raw TCP only.",
                      MetricType::Gauge),
               &EndpointTotals::depth, families);
  per_endpoint(backends,
               Family("zerogate_backend_up",
                      "1 when at least one worker sends requests to the endpoint, 0 when all have "
                      "set it aside: not reachable, or too many failures in a row.",
                      MetricType::Gauge),
               &EndpointTotals::up, families);
  per_endpoint(backends,
               Family("zerogate_backend_disabled",
                      "1 when an operator has taken the endpoint out: disabled or drained by hand, "
                      "until it is enabled. Its zerogate_backend_up is 0 then.",
                      MetricType::Gauge),
               &EndpointTotals::disabled, families);
  Family endpoints("zerogate_backend_endpoints",
                   "Endpoints that a backend has by what its host names resolve to, up or not. 0: "
                   "no name of it is resolved, and every call that is routed to it fails.",
                   MetricType::Gauge);
  for (const auto& [name, backend] : backends) {
    endpoints.add({label("backend", name)}, backend.endpoints.size());
  }
  add_family(std::move(endpoints), families);
}

void collect_pipelining(const ByBackend& backends, std::vector<MetricFamily>& families) {
  per_backend(
      backends,
      Family("zerogate_backend_pipelined_total",
             "Requests that in_flight: auto has sent behind others on a raw-TCP connection, for "
             "none was idle and these take less than pipeline_wait together.",
             MetricType::Counter),
      [](const BackendTotals& totals) { return totals.pipelined; }, families);
  per_backend(
      backends,
      Family("zerogate_backend_resent_total",
             "Requests sent again because a server had closed their connection while it worked on "
             "one before them. Callers do not see these, but the server's log says what it met.",
             MetricType::Counter),
      [](const BackendTotals& totals) { return totals.resent; }, families);
}

}  // namespace

void collect_backends(const Workers& workers, std::vector<MetricFamily>& families) {
  const ByBackend backends = add_up(workers);
  collect_attempts(backends, families);
  per_backend(
      backends,
      Family("zerogate_backend_request_duration_seconds",
             "Time from a request being sent to a backend to its answer, when one came. "
             "Waiting for a free connection is not in it: compare with "
             "zerogate_request_duration_seconds.",
             MetricType::Histogram),
      [](const BackendTotals& totals) -> auto& { return totals.duration; }, families);
  collect_endpoints(backends, families);
  per_backend(
      backends,
      Family("zerogate_backend_queue",
             "Requests waiting for a connection to a backend. Lasting above 0: the backend "
             "is too slow or has too few connections; at zerogate_backend_queue_limit "
             "calls are refused as overloaded.",
             MetricType::Gauge),
      [](const BackendTotals& totals) { return totals.queue; }, families);
  per_backend(
      backends,
      Family("zerogate_backend_queue_limit",
             "Requests that may wait for a connection to a backend: backends.*.queue for each "
             "event loop. With several loops one can be full before the sum is.",
             MetricType::Gauge),
      [](const BackendTotals& totals) { return totals.queue_limit; }, families);
  per_backend(
      backends,
      Family("zerogate_backend_retries_total",
             "Attempts on another endpoint after one had failed. Callers do not see these, "
             "but an endpoint is ill.",
             MetricType::Counter),
      [](const BackendTotals& totals) { return totals.retries; }, families);
  collect_pipelining(backends, families);
}

}  // namespace zerogate
