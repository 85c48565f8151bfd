// What has happened to the workers of many runs: a storm in which something never happens says
// nothing about it.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "core/metrics/worker_metrics.h"

namespace zerogate::simulation {

class Tally {
 public:
  /// Adds one worker's counters, at its end.
  void add(const WorkerMetrics& metrics);
  /// One line with all of them.
  std::string text() const;
  /// The first of them that is still 0; empty: each has happened.
  std::string missing() const;

 private:
  std::map<std::string, uint64_t> counts_;
};

}  // namespace zerogate::simulation
