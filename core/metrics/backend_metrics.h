// What one worker counts about one backend and its endpoints, and the list of a worker's backends.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/metrics/counter.h"
#include "core/metrics/endpoint_status.h"
#include "core/metrics/histogram.h"
#include "core/metrics/outcome.h"

namespace zerogate {

/// One endpoint of a backend. They come and go with name resolution. Their number per backend
/// is limited, and with it the number of label values.
struct EndpointMetrics {
  explicit EndpointMetrics(std::string name) : endpoint(std::move(name)) {}
  const std::string endpoint;                          ///< see core/base/endpoint_name.h
  std::array<Counter, kOutcomeNames.size()> requests;  ///< by how the attempt ended
  Counter connections;                                 ///< gauge
  Counter in_flight;                                   ///< gauge: sent, and not answered yet
  Counter depth;                                       ///< gauge: the same, on one connection
  Counter up;                                          ///< gauge: 1 when it takes requests
  Counter disabled;                                    ///< gauge: 1 when taken out by hand
  Counter hidden;                                      ///< 1: no series shows it
  WatchedStatus status;
};

/// The numbers at one moment. An endpoint that has gone (not live) keeps its counters, so that its
/// series continues when it comes back; its gauges are 0.
struct EndpointTotals {
  std::string endpoint;
  bool live = false;
  std::array<uint64_t, kOutcomeNames.size()> requests{};
  uint64_t connections = 0;
  uint64_t in_flight = 0;
  uint64_t depth = 0;
  uint64_t up = 0;
  uint64_t disabled = 0;
  EndpointStatus status;
};
struct BackendTotals {
  std::string backend;
  bool live = false;
  HistogramTotals duration;
  uint64_t queue = 0;
  uint64_t queue_limit = 0;
  uint64_t retries = 0;
  uint64_t pipelined = 0;
  uint64_t resent = 0;
  std::vector<EndpointTotals> endpoints;  ///< a name may stand here more than once: add them up
};

/// Only the worker's thread writes the counters, adds and removes; any thread may read. A mutex
/// guards the list of endpoints, which changes rarely and is copied for reading. Counters never go
/// back: a new endpoint continues the counters of an earlier one of the same name.
class BackendMetrics {
 public:
  /// How many endpoints that have gone keep their counters. Beyond it the first to go is forgotten;
  /// if it came back, Prometheus would see a reset of its counter.
  static constexpr size_t kMaxGone = 256;

  explicit BackendMetrics(std::string backend_name) : name_(std::move(backend_name)) {}

  const std::string& name() const { return name_; }
  Histogram duration;   ///< from the attempt's sending to its answer
  Counter queue;        ///< gauge: requests that wait for a connection
  Counter queue_limit;  ///< gauge: how many may
  Counter retries;      ///< attempts on another endpoint
  Counter pipelined;    ///< sent behind others by `in_flight: auto`
  Counter resent;       ///< a server closed the connection before it came to them

  std::shared_ptr<EndpointMetrics> add(std::string endpoint);
  /// What is counted in it later may be lost.
  void remove(const std::shared_ptr<EndpointMetrics>& metrics);
  std::vector<std::shared_ptr<EndpointMetrics>> endpoints() const;

  BackendTotals totals() const;

 private:
  friend class BackendMetricsList;
  using Endpoints = std::vector<std::shared_ptr<EndpointMetrics>>;

  /// Takes the counters of `old`, another backend of this name that counts no more.
  void inherit(BackendMetrics& old);
  /// Counts no more: all its endpoints have gone.
  void retire();
  void remember(std::shared_ptr<EndpointMetrics> metrics);

  const std::string name_;
  mutable std::mutex mutex_;
  Endpoints endpoints_;
  Endpoints
      gone_;  ///< one of each name at most, none that is in endpoints_; who went first is first
};

/// A worker's backends. A new configuration adds its backends and removes the old ones once they
/// have drained, so two may have one name for a while. Counters never go back: the counters of a
/// backend pass to the one of the same name that exists or that comes next. The worker's thread
/// adds and removes; any thread may read.
class BackendMetricsList {
 public:
  /// Names of backends that have gone and whose counters are remembered, as for endpoints.
  static constexpr size_t kMaxGone = 64;

  void add(const std::shared_ptr<BackendMetrics>& backend);
  /// What is counted in it later may be lost. Nothing happens when it is not in the list.
  void remove(const std::shared_ptr<BackendMetrics>& backend);

  /// A copy of the list as it is at one moment. A name may be in it more than once.
  std::vector<BackendTotals> totals() const;

 private:
  using Backends = std::vector<std::shared_ptr<BackendMetrics>>;

  mutable std::mutex mutex_;  ///< taken before that of a backend
  Backends backends_;
  Backends gone_;  ///< one of each name at most, none that is in backends_; who went first is first
};

}  // namespace zerogate
