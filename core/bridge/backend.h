// Forwards calls to a service elsewhere.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/bridge/backend_options.h"
#include "core/bridge/call_queue.h"
#include "core/bridge/deadline_queue.h"
#include "core/bridge/endpoint_resolver.h"
#include "core/bridge/endpoint_set.h"
#include "core/bridge/forwarded_call.h"
#include "core/bridge/request_memory.h"
#include "core/bridge/retry_budget.h"
#include "core/bridge/service_times.h"
#include "core/metrics/backend_metrics.h"
#include "core/rpc/service.h"

namespace zerogate {

class TlsLoop;
class TlsObserver;

class Backend;

/// What all backends of a worker share. Outlives them.
struct BridgeContext {
  uv_loop_t* loop = nullptr;     ///< for log lines that are owed
  TimerQueue* timers = nullptr;  ///< and its clock
  ConnectionMaker* maker = nullptr;
  NameLookupMaker* lookups = nullptr;
  TlsLoop* tls_loop = nullptr;          ///< of backends by tls://
  TlsObserver* tls_observer = nullptr;  ///< the same
  BackendConnectionOptions connection;
  RequestMemory* requests = nullptr;
  /// A backend has answered this function, so the function exists: its name's label, a new one if
  /// there is room.
  std::function<std::optional<FunctionLabel>(ByteView function)> learn;
  std::shared_ptr<StateLog> states;  ///< where endpoints' coming and going is logged
  std::shared_ptr<ByHand> by_hand = std::make_shared<ByHand>();  ///< what operators have ordered
  /// The backend wants flush() at the end of the turn; told once.
  std::function<void(Backend&)> on_dirty;
  uint64_t seed = 0;  ///< of the backends' choices and jitter
};

/// Takes calls, and queues them while every connection is taken. Each call is answered: by the
/// service, or with an error at once when no endpoint is up, the connection broke, the queue is
/// full, or the deadline passed. A call is sent a second time, on another connection, only within a
/// budget, and only when no byte of it had been written or its function is listed as idempotent.
/// Outside of the budget it is, once, when the server is known not to have begun with it: then it
/// had stood behind another one. Owned by the Bridge. Loop thread only.
class Backend final : private EndpointSet::Owner {
 public:
  Backend(const BridgeContext& context, const BackendOptions& options,
          std::shared_ptr<BackendMetrics> metrics);
  /// Calls under way get an error.
  ~Backend();
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  const BackendOptions& options() const { return options_; }
  /// True when these options cannot be had without new connections.
  bool needs_new(const BackendOptions& options) const;
  /// Takes over options that needs_new() is false of. Calls under way keep their time-outs.
  void set_options(const BackendOptions& options);
  /// See Service: one of its servers speaks ZeroMQ.
  bool takes_any_bytes() const;

  /// Takes the call over; `timeout_ms` from now it is answered at the latest.
  void forward(const Request& request, Call&& call, uint32_t timeout_ms);

  /// Another function may have the label from now on.
  void forget(FunctionLabel label) {
    if (service_times_ != nullptr) {
      service_times_->forget(label);
    }
  }

  /// See EndpointSet.
  void look_at_orders() { endpoints_.look_at_orders(); }
  void clear(std::string_view endpoint) { endpoints_.clear(endpoint); }

  /// Answers every call with an error. The loop may run on: the backend drops what servers still
  /// send. Callers forward no call after it.
  void fail_all();

  /// The first attempts to reach the endpoints have ended, well or not.
  bool settled() const { return resolver_.settled() && endpoints_.settled(); }
  /// No call is under way or waiting.
  bool idle() const { return under_way_ == 0; }
  /// Writes what the turn has gathered.
  void flush() { endpoints_.flush(); }

 private:
  static constexpr uint64_t kRoundLogMs = 60'000;  ///< calls that go round get a line so often

  void on_reply(Endpoint& endpoint, ForwardedCall& call, ByteView body) override;
  void on_lost(Endpoint& endpoint, ForwardedCall& call, Loss loss) override;
  void on_room() override {
    if (waiting_ != 0 && endpoints_.has_room()) {
      serve_queues();
    }
  }
  void on_none_left() override;
  void on_dirty() override { context_.on_dirty(*this); }

  ForwardedCall& begin(const Request& request, Call&& call, uint32_t timeout_ms);
  void release(ForwardedCall& call);
  void fail(ForwardedCall& call, Outcome outcome, const std::string& message);
  void route(ForwardedCall& call);
  bool send(ForwardedCall& call);
  void send_to(Endpoint& endpoint, ForwardedCall& call);
  bool send_over_other_protocol(ForwardedCall& call, Protocol protocol);
  void serve_queues();
  bool serve_next();
  bool serve_from(CallQueue& queue);
  CallQueue& queue_for(const ForwardedCall& call);
  void enqueue(ForwardedCall& call);
  void leave_queue(ForwardedCall& call);
  void has_left_queue(ForwardedCall& call) {
    call.queue = nullptr;
    metrics_->queue.set(--waiting_);
  }
  void let_go(ForwardedCall& call);
  void refuse(ForwardedCall& call, uint64_t wait_ms);
  void refuse_for_memory(Call call);
  void refuse_round(const Request& request, Call call);
  /// `only`: of this protocol none is left.
  void fail_unavailable(ForwardedCall& call, std::optional<Protocol> only = std::nullopt);
  bool may_retry(const ForwardedCall& call, Loss loss);
  void on_deadline(ForwardedCall& call);
  std::string timeout_key(const ForwardedCall& call) const;

  const BridgeContext& context_;
  BackendOptions options_;
  const std::shared_ptr<TlsClient> tls_;  ///< null without a URL by tls://
  std::shared_ptr<BackendMetrics> metrics_;
  RequestShare requests_;
  EndpointResolver resolver_;
  EndpointSet endpoints_;
  DeadlineQueue deadlines_;
  RetryBudget retries_;
  std::unique_ptr<ServiceTimes> service_times_;  ///< null: with a fixed in_flight
  std::deque<ForwardedCall> calls_;              ///< a call never moves
  ForwardedCall* free_ = nullptr;                ///< linked by queue_next
  /// Of the calls that all of its servers can be sent; with servers of both protocols also those of
  /// the calls that only TCP's, or only ZeroMQ's, can.
  std::vector<std::unique_ptr<CallQueue>> queues_;
  size_t waiting_ = 0;  ///< in all of them
  size_t turn_ = 0;     ///< the queue that was served last
  size_t under_way_ = 0;
  uint64_t round_told_ms_ = 0;
  bool serving_queues_ = false;
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
