// The running gateway: listeners, workers and admin server, put together from a configuration.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/result.h"
#include "core/listener/listen_socket.h"
#include "core/metrics/collector.h"
#include "core/metrics/function_labels.h"
#include "gateway/admin/admin_server.h"
#include "gateway/config/load_config.h"
#include "gateway/control/backend_control.h"
#include "gateway/control/label_keeper.h"
#include "gateway/host/admin_beacon.h"
#include "gateway/host/allocator.h"
#include "gateway/host/systemd_notifier.h"
#include "gateway/runtime/reloader.h"
#include "gateway/runtime/resource_budget.h"
#include "gateway/runtime/shutdown.h"
#include "gateway/runtime/watchdog.h"
#include "gateway/runtime/worker.h"

namespace zerogate {

/// Made, run and destroyed on the main thread, whose own loop waits for signals while the workers
/// serve.
class Gateway {
 public:
  /// Loads the configuration again, from where the first one came. Any thread.
  using Reload = std::function<std::variant<Config, ConfigErrors>()>;

  /// Binds everything and starts to serve. The error's one line says what could not be had.
  /// `manager` outlives the gateway. Throws std::exception when the system refuses a loop or a
  /// thread though they were counted.
  static Result<std::unique_ptr<Gateway>> start(const Config& config, const Resources& resources,
                                                Reload reload, const SystemdNotifier& manager);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  /// Serves until SIGTERM, SIGINT, SIGQUIT or POST /drain has drained the workers, or a second
  /// signal has stopped them. Returns the exit status: 0 when every call was answered, 1 when some
  /// were cut off.
  int run();

 private:
  Gateway(const Config& config, const Resources& resources, Reload reload,
          const SystemdNotifier& manager);
  Status make_workers();
  Status start_admin();
  Status open_sockets();
  Status start_workers();
  WorkerOptions worker_options() const;
  std::vector<const WorkerMetrics*> worker_metrics() const {
    std::vector<const WorkerMetrics*> metrics;
    for (const auto& worker : workers_) {
      metrics.push_back(&worker->metrics());
    }
    return metrics;
  }
  void fit_into_memory();
  uint32_t max_connections() const;
  bool forget(FunctionLabel label);
  void make_reloader(Reload load_again);
  void apply(const Config& config);
  std::string config_yaml() const;
  void log_start() const;
  Readiness readiness() const;
  void watch_signals();
  void on_signal(int number);
  void make_shutdown();
  void drain_workers();
  void note_listening(std::string_view protocol, const std::string& address);
  void on_progress();
  void ignore_signals(int status);
  int exit_status() const;

  const SystemdNotifier& manager_;
  uv_loop_t loop_;
  UvPtr<uv_async_t> progress_;  ///< a worker has settled, reloaded or ended
  std::vector<UvPtr<uv_signal_t>> signals_;
  std::unique_ptr<Shutdown> shutdown_;
  std::unique_ptr<MemoryTrimmer> trimmer_;
  const Config config_;  ///< that of the start
  const Resources resources_;
  WorkerOptions effective_;  ///< of each worker: limits are what the host allows of them
  ProcessMemory memory_;     ///< its limit: the cgroup's or the configured one
  FunctionLabels labels_;
  std::unique_ptr<LabelKeeper> label_keeper_;
  AccessLogSettings call_log_;
  const std::shared_ptr<RateLimits> rate_limits_;
  const std::shared_ptr<CurveClients> curve_clients_ = std::make_shared<CurveClients>();
  std::shared_ptr<StateLog> states_ = std::make_shared<StateLog>();
  std::vector<ListenSocket> tcp_sockets_;  ///< one per worker, or none
  std::vector<ListenSocket> tls_sockets_;  ///< the same
  std::vector<ListenSocket> zmq_sockets_;
  std::vector<ListenSocket> curve_sockets_;
  std::vector<std::unique_ptr<Worker>> workers_;
  LivenessCheck liveness_;
  std::shared_ptr<ByHand> by_hand_ = std::make_shared<ByHand>();
  BackendControl control_{{[this] { return worker_metrics(); },
                           [this](const EndpointOrder& order) {
                             for (const auto& worker : workers_) {
                               worker->order(order);
                             }
                           }},
                          by_hand_};
  std::unique_ptr<Reloader> reloader_;  ///< acts upon the workers: goes before them
  std::shared_ptr<ServerCertificate> admin_certificate_;  ///< null: the admin port speaks HTTP
  std::unique_ptr<AdminServer> admin_;  ///< reads the workers' metrics: goes before them
  std::string admin_address_;           ///< with the real port
  std::optional<AdminBeacon> beacon_;   ///< by which a health check finds it
  std::unique_ptr<Watchdog> watchdog_;  ///< while the loop runs
  std::string addresses_;               ///< where it listens, for people
  std::atomic<uint32_t> exited_ = 0;
  bool ready_ = false;                   ///< the service manager was told; main thread
  std::atomic<bool> reloading_ = false;  ///< the service manager is to be told of its end
};

}  // namespace zerogate
