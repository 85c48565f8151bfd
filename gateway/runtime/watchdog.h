// The proof of life that a service manager may ask for.
#pragma once

#include <uv.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "core/io/uv_ptr.h"
#include "gateway/host/systemd_notifier.h"
#include "gateway/runtime/worker.h"

namespace zerogate {

/// Tells the service manager that the gateway is alive as long as it truly is: as long as every
/// worker's loop, and the main one that this runs on, comes round. Three times within the interval
/// each worker is asked, and only when all have answered the last question is the service manager
/// told. Without a watchdog nothing is asked and nothing wakes up. Main thread only.
class Watchdog {
 public:
  /// The manager and the workers outlive it.
  Watchdog(uv_loop_t* loop, const SystemdNotifier& manager,
           const std::vector<std::unique_ptr<Worker>>& workers);
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  void check();

  const SystemdNotifier& manager_;
  const std::vector<std::unique_ptr<Worker>>& workers_;
  UvPtr<uv_timer_t> timer_;
  bool late_ = false;  ///< logged already
};

}  // namespace zerogate
