// One address of a backend, and over TLS one name there, with its pool of connections.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/backoff.h"
#include "core/bridge/by_hand.h"
#include "core/bridge/capacity.h"
#include "core/bridge/connection_maker.h"
#include "core/bridge/load_levels.h"
#include "core/bridge/outlier_detector.h"
#include "core/io/timer.h"
#include "core/log/state_log.h"
#include "core/metrics/backend_metrics.h"

namespace zerogate {

struct EndpointOptions {
  Protocol protocol = Protocol::tcp;
  Address address;            ///< numeric, or a Unix socket
  std::string name{};         ///< in metrics and orders: see core/base/endpoint_name.h
  uint32_t connections = 24;  ///< connections to keep, and never more
  /// The same to a gateway (BackendConnection::reaches_gateway): not more than `connections`.
  uint32_t gateway_connections = 24;
  uint32_t in_flight = 1;  ///< requests on each; with `adaptive` the most
  /// A call is put behind others only within pipeline_wait_ns, as far as that can be foreseen.
  bool adaptive = false;
  uint64_t pipeline_wait_ns = 0;
  BackendConnectionOptions connection;
};

class Endpoint;

/// What is known of a call whose connection broke.
enum class Loss : uint8_t {
  unwritten,  ///< no byte of it has left this process
  unbegun,    ///< the server has ended the connection before it came to it
  in_doubt,   ///< it may have been executed
};

/// Gets back the calls that it has sent: the Backend. Loop thread only.
class CallOwner : public Capacity::Owner {
 public:
  virtual void on_reply(Endpoint& endpoint, ForwardedCall& call, ByteView body) = 0;
  /// The connection broke under the call, which is the owner's again.
  virtual void on_lost(Endpoint& endpoint, ForwardedCall& call, Loss loss) = 0;

 protected:
  ~CallOwner() = default;
};

/// What the endpoints of a backend share. Outlives them.
struct EndpointContext {
  CallOwner& calls;
  TimerQueue& timers;
  ConnectionMaker& maker;
  OutlierDetector& outliers;
};

/// Keeps connections open and gives each call the least loaded one. With `adaptive` that is an idle
/// one, or one that is written to in this turn anyway with very little work; while none is, the one
/// with the least work ahead of the call, if that is little and known (ConnectionWork), until the
/// peer is seen to work on several calls at a time. A state machine:
/// what its connections report are its inputs, the number of connections that it wants follows.
///
///   down     it has no connection. One is tried, again and again with backoff.
///   up       takes requests. All connections are wanted; those that break are replaced.
///   aside    it failed too often (OutlierDetector). No new connection, no requests unless no other
///            endpoint is left, for a time that grows; hurry() ends it.
///   probing  that time is over, or a call was given up and nothing has come since it was sent. One
///            answer, to `connect` or to a call, brings it up again.
///
/// By hand it may be disabled or drained: then it is down, opens no connection and has no room,
/// whatever the other endpoints do, and the OutlierDetector does not count it.
///
/// Owned by its EndpointSet. Loop thread only.
class Endpoint final : private BackendConnection::Owner {
 public:
  static constexpr uint32_t kBackoffMinMs = 50;
  static constexpr uint32_t kBackoffMaxMs = 1'000;
  /// Requests on each connection to an `adaptive` peer that works on several at a time.
  static constexpr uint32_t kOutOfOrderInFlight = 1'000;
  /// Behind this part of pipeline_wait a call is put though a connection is idle, when both leave
  /// with one write.
  static constexpr uint64_t kSharedWrite = 4;
  /// While other endpoints serve, one that is down costs its backend nothing and need not be tried
  /// that often: this long at most if it ever was up, and this long if it never was.
  static constexpr uint32_t kSparedBackoffMaxMs = 5'000;
  static constexpr uint32_t kNeverUpBackoffMaxMs = 30'000;

  class Owner {
   public:
    /// flush() is wanted at the end of the turn; told once.
    virtual void on_dirty(Endpoint& endpoint) = 0;
    /// use() has changed.
    virtual void on_availability(Endpoint& endpoint) = 0;
    /// Another endpoint takes requests.
    virtual bool can_spare(const Endpoint& endpoint) const = 0;

   protected:
    ~Owner() = default;
  };

  Endpoint(const EndpointContext& context, Owner& owner, const EndpointOptions& options,
           uint64_t seed, std::shared_ptr<EndpointMetrics> metrics,
           std::unique_ptr<StateReporter> state, HandOrder order = {});
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  const EndpointOptions& options() const { return options_; }
  EndpointMetrics& metrics() { return *metrics_; }
  const std::shared_ptr<EndpointMetrics>& shared_metrics() const { return metrics_; }

  /// Of what use it is to a call: none; better than none, for it is set aside but a connection is
  /// up; or its server answers.
  enum class Use : uint8_t { none, last_resort, full };
  Use use() const {
    if (available()) {
      return Use::full;
    }
    return up_ > 0 && takes_calls() ? Use::last_resort : Use::none;
  }
  bool available() const { return state_ == State::up && !retired_; }
  /// Some connection has room, of an endpoint that is set aside, too: maybe not for every call.
  bool has_room() const {
    return capacity_.has_room() &&
           (!adaptive() || levels_.any_idle() || least_ns_ <= options_.pipeline_wait_ns);
  }
  /// The same for any call: with `adaptive` a connection is idle.
  bool has_room_for_any() const {
    return capacity_.has_room() && (!adaptive() || levels_.any_idle());
  }
  /// Chooses the connection that the call is sent on if send() follows. False: none has room.
  bool choose_place(const ForwardedCall& call);
  uint64_t load() const { return capacity_.used(); }
  /// The first attempts of all its connections have ended, well or not.
  bool settled() const { return settled_; }
  /// Why it is down.
  const std::string& reason() const { return by_hand() ? hand_reason_ : reason_; }
  /// It was disabled or drained by an operator.
  bool by_hand() const { return order_.state != HandState::ready; }
  /// Some connection has a request under way, given up or not.
  bool busy() const;

  /// Sends where choose_place() has said. True: with `adaptive`, behind other calls.
  bool send(ForwardedCall& call);
  void flush();

  /// The call's deadline has passed. True when a slot stays taken for it, and sweep() is wanted.
  bool give_up(ForwardedCall& call);
  /// Frees the slots of calls that were given up before this time, on connections on which nothing
  /// has come since. True while some are taken.
  bool sweep(uint64_t until_ms);

  /// What the name server says of the address. Only a listed one gets new connections: another
  /// service may have been given it.
  enum class Listing : uint8_t {
    listed,
    missing,  ///< in the last answer; it serves on with the connections that it has
    gone,     ///< it serves on until another one can
  };
  void set_listing(Listing listing);
  bool leaving() const { return listing_ == Listing::gone; }
  static constexpr uint64_t kStays = UINT64_MAX;
  /// When one that leaves is retired, if nothing has replaced it. A time that has begun goes on.
  void set_leaves_ms(uint64_t at_ms) {
    leaves_ms_ = leaving() && at_ms != kStays ? std::min(leaves_ms_, at_ms) : kStays;
  }
  uint64_t leaves_ms() const { return leaves_ms_; }
  /// Its name has other addresses; see show_state().
  void set_one_of_a_name(bool one_of_a_name) { one_of_a_name_ = one_of_a_name; }
  /// Takes no more requests; connects no more.
  void retire();

  /// What an operator has ordered; again the same one changes nothing.
  void set_order(const HandOrder& order);
  /// Ends an ejection: it is tried at once, and so is one that waits to connect again.
  void clear();
  /// No endpoint is available any more. The next attempt to connect, or the end of a time aside,
  /// was put off because one was: it comes after the shortest backoff now.
  void hurry();

  /// Shows its state to the metrics and to the log. Again when another endpoint has come or gone.
  void show_state();

 private:
  enum class State : uint8_t { down, up, aside, probing };
  using Connections = std::vector<std::unique_ptr<BackendConnection>>;

  void on_up(BackendConnection& connection) override;
  void on_reply(BackendConnection& connection, ForwardedCall& call, ByteView body) override;
  void on_late_reply(BackendConnection& connection) override;
  void on_down(BackendConnection& connection, std::string_view reason) override;

  uint64_t now_ns() const { return context_.timers.clock().now_ns(); }
  bool takes_calls() const { return !retired_ && !by_hand(); }
  /// In force, until the peer is known to work on several calls of a connection at a time.
  bool adaptive() const { return options_.adaptive && !out_of_order_; }
  uint32_t in_flight() const {
    return options_.adaptive && out_of_order_ ? kOutOfOrderInFlight : options_.in_flight;
  }
  uint32_t wanted_connections() const {
    return reaches_gateway_ ? options_.gateway_connections : options_.connections;
  }
  BackendConnection* least_loaded(uint32_t limit);
  BackendConnection* shares_a_write(const ForwardedCall& call);
  bool goes_behind_others(const ForwardedCall& call) const;
  BackendConnection* least_work();
  void note_send(BackendConnection& connection, ForwardedCall& call);
  void note_answer(BackendConnection& connection, const ForwardedCall& call, size_t reply_bytes,
                   bool draining);
  void has_fallen(const BackendConnection& connection) {
    if (levels_.fall(connection.load() + 1)) {
      metrics_->depth.set(levels_.deepest());
    }
  }
  void has_left(const BackendConnection& connection);
  void is_out_of_order();
  std::vector<std::pair<ForwardedCall*, Loss>> take_lost(BackendConnection& connection);
  void open_connection();
  /// Opens what the state wants.
  void maintain();
  void on_timer();
  void retry_later();
  uint32_t backoff_max_ms() const;
  void answered(BackendConnection& connection);
  /// So many slots of calls that were given up on it are free again.
  void have_been_freed(const BackendConnection& connection, uint32_t freed);
  void replace(BackendConnection& connection);
  void drain(BackendConnection& connection);
  static Connections::iterator place_of(Connections& list, const BackendConnection& connection);
  bool is_draining(const BackendConnection& connection);
  void set_aside(uint64_t for_ms);
  void become(State state);
  void come_up();
  void bury(BackendConnection& connection);
  void mark_dirty();
  /// After a call has ended: flush() takes a retired one away once it was the last.
  void leave_if_done() {
    if (retired_ && !busy()) {
      mark_dirty();
    }
  }
  uint64_t limit() const;
  void look_whether_settled();
  EndpointState shown_state() const;
  void take_out();
  void put_back();
  void close_all();
  void drain_all();
  void take_back_draining();

  const EndpointContext& context_;
  Owner& owner_;
  const EndpointOptions options_;
  std::shared_ptr<EndpointMetrics> metrics_;
  std::unique_ptr<StateReporter> state_report_;  ///< null when it is retired
  State state_ = State::down;
  Capacity capacity_;      ///< of connections_
  LoadLevels levels_;      ///< of those that are up, with `adaptive`
  uint64_t least_ns_ = 0;  ///< no connection with calls has less work, with `adaptive`
  OutlierDetector::Member member_;
  Connections connections_;
  /// A call was given up on them: behind it the real TCP server answers nothing. They take no more
  /// requests, and end with their last call.
  Connections draining_;
  /// Connections that are down, until the turn's end: their own functions may still be running.
  Connections graveyard_;
  std::vector<BackendConnection*> unsent_;  ///< with requests of this turn; some may be buried
  BackendConnection* idle_ = nullptr;       ///< the last one that has answered; a hint
  BackendConnection* place_ = nullptr;      ///< of the call that is sent next
  size_t next_ = 0;                         ///< of connections_: where the last search ended
  Timer timer_;                             ///< next attempt to connect, or the end of aside
  Backoff backoff_;
  std::string reason_ = "not connected yet";
  uint32_t up_ = 0;              ///< of connections_
  uint32_t attempts_ended_ = 0;  ///< to connect, well or not
  HandOrder order_;              ///< while it stands, state_ is down
  std::string hand_reason_;      ///< of order_, in words
  bool settled_ = false;
  bool was_up_ = false;
  // See BackendConnection; while any connection is up.
  bool out_of_order_ = false;
  bool reaches_gateway_ = false;
  bool put_off_ = false;    ///< timer_ waits longer, for another endpoint is available
  bool replacing_ = false;  ///< the connection that goes down is ended by us
  Listing listing_ = Listing::listed;
  uint64_t leaves_ms_ = kStays;
  bool one_of_a_name_ = false;
  bool retired_ = false;
  bool dirty_ = false;
};

}  // namespace zerogate
