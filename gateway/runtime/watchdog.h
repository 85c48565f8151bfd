// The proof of life for a service manager, and for a probe of the admin port.
#pragma once

#include <uv.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "core/io/uv_ptr.h"
#include "gateway/host/systemd_notifier.h"
#include "gateway/runtime/worker.h"

namespace zerogate {

/// Answers the question by HTTP whether every worker's loop comes round. Each question pings the
/// workers; without questions nothing wakes up. Any thread but the workers'.
class LivenessCheck {
 public:
  using Clock = std::chrono::steady_clock;

  /// `patience` is how long a worker may leave a ping unanswered. The workers outlive it.
  LivenessCheck(const std::vector<std::unique_ptr<Worker>>& workers, Clock::duration patience)
      : workers_(workers), patience_(patience) {}

  /// False when a worker has been in one turn, or has left a ping unanswered, for too long.
  bool alive();

 private:
  struct Ping {
    uint64_t ticket = 0;
    Clock::time_point since;
  };

  const std::vector<std::unique_ptr<Worker>>& workers_;
  const Clock::duration patience_;
  std::mutex mutex_;
  std::vector<Ping> pings_;  ///< guarded; one for each worker
};

/// Tells the service manager that the gateway is alive as long as every worker's loop, and the main
/// loop that this runs on, comes round. It pings the workers three times per interval, and reports
/// only when all have answered the last ping. Without a watchdog interval nothing wakes up. Main
/// thread only.
class Watchdog {
 public:
  /// The manager and the workers outlive it.
  Watchdog(uv_loop_t* loop, const SystemdNotifier& manager,
           const std::vector<std::unique_ptr<Worker>>& workers);
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  void check();
  void ping();
  bool all_answered() const;

  const SystemdNotifier& manager_;
  const std::vector<std::unique_ptr<Worker>>& workers_;
  UvPtr<uv_timer_t> timer_;
  std::vector<uint64_t> tickets_;  ///< of the last pings, by worker
  bool late_ = false;              ///< logged already
};

}  // namespace zerogate
