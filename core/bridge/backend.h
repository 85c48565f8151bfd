// A service somewhere else, to which calls are forwarded.
#pragma once

#include <uv.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/intrusive_list.h"
#include "core/base/random.h"
#include "core/bridge/backend_options.h"
#include "core/bridge/endpoint.h"
#include "core/bridge/endpoint_resolver.h"
#include "core/bridge/forwarded_call.h"
#include "core/io/event_loop.h"
#include "core/io/uv_ptr.h"
#include "core/log/state_log.h"
#include "core/metrics/backend_metrics.h"
#include "core/rpc/service.h"

namespace zerogate {

/// What all backends of a worker share. Outlives them.
struct BridgeContext {
  EventLoop* loop = nullptr;
  void* zmq_context = nullptr;
  char* read_buffer = nullptr;  ///< see BackendConnectionOptions
  size_t max_message = 16 << 20;
  size_t request_memory = 256 << 20;  ///< see BridgeOptions
  size_t* request_bytes = nullptr;    ///< held now, of all backends
  /// A backend has answered this function, so the function exists: its name's label, a new one if
  /// there is room.
  std::function<std::optional<FunctionLabel>(ByteView function)> learn;
  std::string identity;              ///< see BackendConnectionOptions
  std::shared_ptr<StateLog> states;  ///< where endpoints' coming and going is logged
};

/// Chooses an endpoint for each call (the less loaded of two picked at random), queues calls while
/// every connection is taken, and sees to it that each is answered: by the backend, or with an
/// error at once when no endpoint is there, when the connection broke, when the queue is full, or
/// when the deadline passed. A call is sent a second time, on another connection, only when nothing
/// of it had been written, or when its function is listed as idempotent, and within a budget. Loop
/// thread only.
class Backend final : private Endpoint::Owner {
 public:
  static constexpr size_t kMaxEndpoints = 64;
  /// Retries are a share of the calls, so that they never multiply an outage.
  static constexpr double kRetryShare = 0.2;
  static constexpr double kRetryBurst = 50;
  static constexpr uint64_t kSweepMs = 500;

  Backend(const BridgeContext& context, const BackendOptions& options,
          std::shared_ptr<BackendMetrics> metrics);
  /// Calls under way get an error.
  ~Backend();
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  const BackendOptions& options() const { return options_; }

  /// Takes the call over; `timeout_ms` from now it is answered at the latest.
  void forward(const Request& request, Call call, uint32_t timeout_ms);

  /// See Service: one of its servers speaks ZeroMQ.
  bool takes_any_bytes() const;

  /// Answers every call with an error. Nothing may follow but the destructor.
  void fail_all();

  /// The first attempt to reach an endpoint has ended, well or not.
  bool settled() const;
  /// No call is under way or waiting.
  bool idle() const { return under_way_ == 0; }
  /// Writes what the turn has gathered; true when that led to new work.
  bool flush();

 private:
  using Queue =
      IntrusiveList<ForwardedCall, &ForwardedCall::queue_prev, &ForwardedCall::queue_next>;
  using Deadlines =
      IntrusiveList<ForwardedCall, &ForwardedCall::deadline_prev, &ForwardedCall::deadline_next>;

  void on_reply(Endpoint& endpoint, ForwardedCall& forwarded, ByteView body) override;
  void on_lost(Endpoint& endpoint, ForwardedCall& forwarded, bool written) override;
  void on_room(Endpoint& endpoint) override;
  bool can_spare(const Endpoint& endpoint) const override;

  Deadlines& deadlines(uint32_t timeout_ms);
  bool has_memory_for(const Request& request) const;
  ForwardedCall& begin(const Request& request, Call call, uint32_t timeout_ms);
  void release(ForwardedCall& forwarded);
  void fail(ForwardedCall& forwarded, Outcome outcome, const std::string& message);
  void route(ForwardedCall& forwarded);
  bool send(ForwardedCall& forwarded);
  void enqueue(ForwardedCall& forwarded);
  void leave_queue(ForwardedCall& forwarded);
  Endpoint* pick(const Endpoint* avoid);
  std::string unavailable() const;
  bool may_retry(const ForwardedCall& forwarded, bool written);
  void update_endpoints();
  BackendConnectionOptions connection_options() const;
  WatchedState watched(const std::string& endpoint) const;
  void arm_deadline(uint64_t deadline_ms);
  void on_deadline();
  void on_sweep();

  const BridgeContext& context_;
  const BackendOptions options_;
  std::shared_ptr<BackendMetrics> metrics_;
  EndpointResolver names_;
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
  std::vector<std::unique_ptr<Endpoint>> retired_;  ///< still have calls under way
  std::deque<ForwardedCall> forwarded_calls_;       ///< an forwarded never moves
  std::vector<ForwardedCall*> free_;
  Queue queue_;
  std::map<uint32_t, Deadlines> deadlines_;  ///< by time-out: each list is in order of deadlines
  Deadlines* recent_deadlines_ = nullptr;    ///< the list that was last asked for; a map's stay
  uint32_t recent_timeout_ms_ = 0;
  UvPtr<uv_timer_t> deadline_timer_;
  UvPtr<uv_timer_t> sweep_timer_;
  uint64_t armed_ms_ = UINT64_MAX;  ///< when the deadline timer fires
  size_t under_way_ = 0;
  double retry_tokens_ = kRetryBurst;
  Random random_;
};

/// One route to a backend: the backend with the route's own time-out.
class BackendRoute final : public Service {
 public:
  BackendRoute(Backend& backend, uint32_t timeout_ms)
      : backend_(backend), timeout_ms_(timeout_ms) {}
  void serve(const Request& request, Call call) override {
    backend_.forward(request, std::move(call), timeout_ms_);
  }
  bool takes_any_bytes() const override { return backend_.takes_any_bytes(); }

 private:
  Backend& backend_;
  const uint32_t timeout_ms_;
};

}  // namespace zerogate
