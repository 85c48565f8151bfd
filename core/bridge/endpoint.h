// One address of a backend, with its pool of connections.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/address.h"
#include "core/base/backoff.h"
#include "core/bridge/backend_connection.h"
#include "core/io/event_loop.h"
#include "core/io/uv_ptr.h"
#include "core/log/state_log.h"
#include "core/metrics/backend_metrics.h"

namespace zerogate {

struct EndpointOptions {
  Protocol protocol = Protocol::tcp;
  Address address;            ///< numeric, or a Unix socket
  uint32_t connections = 24;  ///< connections to keep
  uint32_t in_flight = 1;     ///< requests on each
  uint32_t given_up_ms =
      5'000;                 ///< a connection blocked this long by a request given up is replaced
  uint32_t eject_after = 5;  ///< failures in a row
  BackendConnectionOptions connection;
};

/// Keeps connections open: one to see whether anybody is there, the rest once it is; reconnects in
/// the background with backoff and jitter. Set aside (ejected) after several failures in a row, for
/// a time that grows, it takes no requests until `connect` has been answered again. Owned by its
/// Backend. Loop thread only.
class Endpoint final : private BackendConnection::Owner {
 public:
  static constexpr uint32_t kBackoffMinMs = 50;
  static constexpr uint32_t kBackoffMaxMs = 1'000;
  static constexpr uint64_t kEjectMinMs = 1'000;
  static constexpr uint64_t kEjectMaxMs = 30'000;

  class Owner {
   public:
    virtual void on_reply(Endpoint& endpoint, ForwardedCall& forwarded, ByteView body) = 0;
    /// The connection broke under the forwarded, which is the owner's again.
    virtual void on_lost(Endpoint& endpoint, ForwardedCall& forwarded, bool written) = 0;
    /// A connection has room for one more request.
    virtual void on_room(Endpoint& endpoint) = 0;
    /// May this endpoint be set aside? Not when it is the last.
    virtual bool can_spare(const Endpoint& endpoint) const = 0;

   protected:
    ~Owner() = default;
  };

  Endpoint(EventLoop& loop, void* zmq_context, Owner& owner, const EndpointOptions& options,
           std::shared_ptr<EndpointMetrics> metrics, std::unique_ptr<StateReporter> state);
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  const EndpointOptions& options() const { return options_; }
  EndpointMetrics& metrics() { return *metrics_; }
  const std::shared_ptr<EndpointMetrics>& shared_metrics() const { return metrics_; }

  /// Takes requests: somebody answered there, and it is not set aside.
  bool available() const { return up_connections_ > 0 && !ejected_; }
  /// One more request fits onto some connection.
  bool has_room() const { return !retired_ && load() < up_connections_ * options_.in_flight; }
  /// Something waits for flush().
  bool dirty() const { return dirty_; }
  /// The first attempt to connect has ended, well or not.
  bool settled() const { return settled_; }
  /// Requests under way over all connections.
  uint64_t load() const { return metrics_->in_flight.value(); }
  /// Why it is down.
  const std::string& reason() const { return reason_; }

  /// Sends on the least loaded connection. False when none has room.
  bool send(ForwardedCall& forwarded, uint64_t now_ns);
  void flush();

  /// The call's deadline has passed: counts as a failure.
  void give_up(ForwardedCall& forwarded);
  void succeeded() { failures_ = 0; }
  /// Replaces connections that have been blocked for too long. True while some could be.
  bool sweep();
  /// Takes no more requests; connects no more.
  void retire();

 private:
  void on_up(BackendConnection& connection) override;
  void on_reply(BackendConnection& connection, ForwardedCall& forwarded, ByteView body) override;
  void on_late_reply(BackendConnection& connection) override;
  void on_down(BackendConnection& connection, std::string_view reason) override;

  BackendConnection* free_connection();
  void open_connection();
  void maintain();
  void schedule(uint64_t delay_ms);
  void failed();
  void eject();
  void bury(BackendConnection& connection);
  /// Shows its state to the metrics and to the log.
  void show_state();

  EventLoop& loop_;
  void* const zmq_context_;
  Owner& owner_;
  const EndpointOptions options_;
  std::shared_ptr<EndpointMetrics> metrics_;
  std::unique_ptr<StateReporter> state_;  ///< null when it is retired
  std::vector<std::unique_ptr<BackendConnection>> connections_;
  /// Connections that are down, until the turn's end: their own functions may still be running.
  std::vector<std::unique_ptr<BackendConnection>> graveyard_;
  std::vector<BackendConnection*>
      unsent_;  ///< connections with requests of this turn; some may be in the graveyard
  BackendConnection* idle_ = nullptr;  ///< the last one that has answered; a hint
  UvPtr<uv_timer_t> timer_;            ///< next attempt to connect
  Backoff backoff_;
  std::string reason_ = "not connected yet";
  uint32_t up_connections_ = 0;
  uint32_t failures_ = 0;  ///< in a row
  uint32_t ejections_ = 0;
  uint64_t ejected_at_ms_ = 0;
  bool ejected_ = false;
  bool settled_ = false;
  bool retired_ = false;
  bool dirty_ = false;
};

}  // namespace zerogate
