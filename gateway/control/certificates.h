// What /metrics says of the certificates in force.
#pragma once

#include <prometheus/collectable.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "core/security/tls_context.h"
#include "gateway/config/config.h"

namespace zerogate {

/// Until when the gateway's own certificates hold, and how often they were taken over. Any thread.
class Certificates final : public prometheus::Collectable {
 public:
  explicit Certificates(const Config& config) { set(config); }

  /// These are in force now.
  void set(const Config& config);
  void count(bool taken_over) { ++(taken_over ? taken_over_ : refused_); }

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  struct Use {
    std::string name;  ///< "listen.tls" or "backends.orders"
    TlsValidity validity;
  };

  std::atomic<uint64_t> taken_over_ = 0;
  std::atomic<uint64_t> refused_ = 0;
  mutable std::mutex mutex_;
  std::vector<Use> uses_;  ///< guarded
};

}  // namespace zerogate
