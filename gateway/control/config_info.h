// What /metrics says of the configuration in force.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/registry.h>

#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace zerogate {

/// The metrics of a registry, and zerogate_config_info: what its hash is of changes with what the
/// workers do, so it is made when it is asked for. Any thread.
class ConfigInfo final : public prometheus::Collectable {
 public:
  explicit ConfigInfo(std::function<std::string()> hash) : hash_(std::move(hash)) {}

  prometheus::Registry& registry() { return registry_; }
  /// What `hash` looks at goes; this may stay.
  void end() {
    const std::lock_guard lock(mutex_);
    hash_ = nullptr;
  }

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  prometheus::Registry registry_;
  mutable std::mutex mutex_;
  std::function<std::string()> hash_;  ///< guarded
};

}  // namespace zerogate
