// One event loop on one thread, with everything that serves calls. On a call's way workers share
// nothing but the table of function labels and that of rate limits, neither with a lock.
#pragma once

#include <uv.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/bridge/bridge.h"
#include "core/io/event_loop.h"
#include "core/io/name_service.h"
#include "core/listener/listener.h"
#include "core/listener/memory_keeper.h"
#include "core/listener/stream_options.h"
#include "core/listener/tcp_listener.h"
#include "core/listener/zmq_options.h"
#include "core/metrics/worker_metrics.h"
#include "core/redis/redis_client.h"
#include "core/redis/socket_redis_network.h"
#include "core/rpc/dispatcher.h"
#include "core/sdk/function_runtime.h"
#include "gateway/admin/endpoint_report.h"
#include "gateway/runtime/questions.h"
#include "gateway/runtime/route_table.h"
#include "handlers/registry.h"

namespace zerogate {

struct WorkerOptions {
  StreamOptions tcp;
  ZmqOptions zmq;
  CurvePort curve;                        ///< of listen_curve()
  uint32_t tls_connections = 10'000;      ///< of listen_tls(), as tcp.max_connections
  uint32_t curve_connections = 10'000;    ///< of listen_curve(), the same
  uint32_t max_handshakes = 256;          ///< see ListenerTls
  uint32_t handshake_timeout_ms = 5'000;  ///< the same
  RedisOptions redis;
  std::string redis_tls_name;  ///< that the certificate of a Redis by rediss:// must have
  RouteTableOptions routing;
  std::string identity;  ///< of the process, so that no backend is the gateway itself
  /// The process' one, for the names of backends and of Redis.
  std::shared_ptr<NameService> names = std::make_shared<NameService>();
  std::shared_ptr<ByHand> by_hand = std::make_shared<ByHand>();  ///< the process' one
  size_t request_memory = BridgeOptions::kRequestMemory;         ///< bytes under way to backends
  size_t memory = MemoryAccount::kDefaultLimit;                  ///< bytes of all buffers
  size_t socket_buffer = 0;                                      ///< see MemoryAccount
  SocketBudget sockets;                                          ///< of clients
  uint32_t max_in_flight = 20'000;                               ///< calls of this worker
  uint32_t drain_timeout_ms = 8'000;  ///< then what is still under way gets an error
  /// The same for all workers. Outlives them.
  const AccessLogSettings* call_log = nullptr;  ///< null: no access log
  RateLimits* rate_limits = nullptr;            ///< null: none, ever
  /// Called, on the worker's thread, each time that many connections have gone (kChurn).
  std::function<void()> on_churn = [] {};
  /// Called, on the worker's thread, when settled() has become true or reloading() false.
  std::function<void()> on_progress = [] {};
};

class Worker final : private EndOfTurn,
                     private TurnObserver,
                     private Backends,
                     private RedisSender {
 public:
  static constexpr uint64_t kChurn = 64;
  /// From a drain's last answer to the end of the connections: for clients to close theirs, and for
  /// their requests that are on the way to arrive.
  static constexpr uint64_t kLeaveMs = 100;
  /// At its end the worker waits so long for clients that have replies to read.
  static constexpr uint64_t kLingerMs = 1'000;

  /// `labels` outlives the worker, and learns from its bridge. Redis is connected to only when a
  /// handler needs it.
  Worker(const WorkerOptions& options, FunctionLabels& labels);
  /// Joins the thread; stop() must have been called if it was started.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Before start(), for each port. The socket outlives the worker.
  Status listen(Protocol protocol, const ListenSocket& socket);
  /// The same for ZeroMQ with CURVE.
  Status listen_curve(const ListenSocket& socket);
  /// The same for raw TCP over TLS, with the material of the options' routing.
  Status listen_tls(const ListenSocket& socket);

  /// Runs the loop on a thread of its own. `on_exit` is called from that thread at its end.
  void start(std::function<void()> on_exit);
  /// Instead of start(): one turn of the loop on the caller's thread, without waiting. For
  /// tests/bench/hot_path, which counts each turn.
  void run_turn() { loop_.run_turn(); }

  /// Any thread. Refuses new calls, answers those under way, lets clients go, then ends.
  void drain();
  /// Any thread. True once drain() has made the ports that can be closed close.
  bool closed() const { return closed_ || ended_; }
  /// Any thread. Ends at once: calls under way get an error.
  void stop();

  /// Any thread. Takes other handlers, backends and routes over, as soon as those backends that are
  /// new have been tried once; until then, and for calls under way, the old ones go on.
  void reload(RouteTableOptions routing);
  /// Any thread. True from reload() until the new routing has been taken over.
  bool reloading() const { return reloading_; }

  /// Any thread but the worker's; waits up to `patience`. Its routes know this label no more, which
  /// FunctionLabels has retired. False when a call under way has it still, or the loop is stuck.
  bool forget(FunctionLabel label, std::chrono::milliseconds patience);

  /// Any thread. ByHand has changed for this endpoint, or its ejection is to end.
  void order(const EndpointOrder& order);

  /// Any thread. True once the first attempt to reach Redis and each backend has ended, well or
  /// not.
  bool settled() const { return settled_; }
  /// Any thread. Asks the loop for a sign of life; answered() with this ticket tells whether it has
  /// given one since. A worker that has ended by itself needs none.
  uint64_t ping();
  bool answered(uint64_t ticket) const { return answered_ >= ticket || ended_; }

  /// Any thread but the worker's. Fills in the busiest clients of its ports. False when the worker
  /// has ended, or its loop does not come round within `patience`.
  bool list_clients(ClientList& list, std::chrono::milliseconds patience);

  /// Any thread, after on_exit: the calls that a drain could not wait for.
  uint32_t cut_off() const { return cut_off_; }
  const WorkerMetrics& metrics() const { return metrics_; }

 private:
  enum class Command : int { none, drain, stop };

  void end_of_turn() override;
  void on_turn_begin(uint64_t began_ns) override;
  void on_turn_end(uint64_t began_ns, uint64_t ended_ns) override;
  void give(Command command);
  void on_order();
  std::unique_ptr<Listener> make_listener(Protocol protocol);
  /// What its port's clients hold is the worker's to keep: StreamOptions or ZmqOptions.
  template <class Options>
  void charge(Options& options) {
    options.memory = &memory_;
    options.on_growth = [this] { memory_keeper_.keep_growth(listeners_); };
  }
  Service* find_service(std::string_view backend) override;
  void send_to_redis(ByteView command, RedisRequest& request) override;
  void make_functions();
  void obey(const EndpointOrder& order);
  Status add_listener(std::unique_ptr<Listener> listener, const ListenSocket& socket);
  void renew_tls(const RouteTableOptions& routing);
  void renew_listener(const std::shared_ptr<const TlsMaterial>& material);
  /// Of rediss://; null: without.
  void secure_redis(const std::shared_ptr<const TlsMaterial>& material);
  void prepare(const RouteTableOptions& options);
  void take_over_routing();
  void begin_drain();
  void go_on_draining();
  void notice_churn();
  void finish();
  bool all(bool (Listener::*is)() const) const;
  /// Returns when the last replies have left, after kLingerMs, or at a stop().
  void linger();
  void shut_down();

  const WorkerOptions options_;
  const AccessLogSettings no_call_log_;
  MemoryAccount memory_;
  FunctionLabels& labels_;
  WorkerMetrics metrics_;
  EventLoop loop_;
  std::unique_ptr<TlsLoop> tls_loop_ = std::make_unique<TlsLoop>(loop_.uv());
  UvPtr<uv_async_t> order_signal_;
  CallTable calls_;
  std::unique_ptr<Bridge> bridge_;
  std::shared_ptr<TlsClient> redis_tls_;  ///< null without rediss://
  SocketRedisNetwork redis_network_{loop_.uv(), options_.names};
  std::unique_ptr<RedisClient> redis_;
  std::unique_ptr<FunctionRuntime> functions_;
  ContractRoutes contract_routes_{routing_};
  std::unique_ptr<sdk::ContractService> contract_service_;
  std::vector<NamedService> handlers_;  ///< destroyed after redis_: it answers their requests
  std::unique_ptr<RouteTable> routing_;
  std::unique_ptr<RouteTable> next_routing_;  ///< waits until its backends have been tried
  Dispatcher dispatcher_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  TcpListener* tls_listener_ = nullptr;              ///< of listeners_; null when listen.tls is off
  std::shared_ptr<const TlsMaterial> tls_material_;  ///< in force there
  std::atomic<Command> command_ = Command::none;
  std::atomic<bool> reloading_ = false;
  std::mutex reload_mutex_;
  std::optional<RouteTableOptions> reload_;  ///< guarded; waits for the worker's thread
  std::vector<EndpointOrder> orders_;        ///< the same
  Questions questions_;
  std::atomic<bool> settled_ = false;
  std::atomic<uint64_t> asked_ = 0;     ///< pings
  std::atomic<uint64_t> answered_ = 0;  ///< the last one that the loop has come round to
  std::atomic<bool> ended_ = false;
  std::atomic<bool> closed_ = false;
  std::atomic<uint32_t> cut_off_ = 0;
  uint64_t gone_noticed_ = 0;  ///< connections that had gone when on_churn was last called
  bool draining_ = false;
  bool leaving_ = false;
  bool shutting_down_ = false;
  Timer drain_timer_{loop_.timers(), [this] { finish(); }};
  MemoryKeeper memory_keeper_{memory_, loop_.timers(), options_.sockets};
  Timer leave_timer_{loop_.timers(), [this] { finish(); }};
  Timer linger_timer_{loop_.timers(), [this] { loop_.stop(); }};
  std::thread thread_;
};

}  // namespace zerogate
