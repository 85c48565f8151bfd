// The endpoints of a backend: which there are, and which one takes a call.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/random.h"
#include "core/bridge/backend_options.h"
#include "core/bridge/endpoint.h"
#include "core/bridge/endpoint_resolver.h"

namespace zerogate {

struct EndpointSetOptions {
  BackendConnectionOptions connection;
  std::shared_ptr<StateLog> states;  ///< where the endpoints' coming and going is logged
  uint64_t seed = 0;                 ///< of choices and jitter
  std::shared_ptr<ByHand> by_hand = std::make_shared<ByHand>();  ///< what operators have ordered
};

/// Follows the addresses that the backend's names have. An endpoint is an address, a protocol,
/// whether TLS is spoken and the name that the server must prove then: two names at one address
/// are two endpoints. An address that its name has lost gets no new connection; it serves on with
/// those that it has until another endpoint is up, or for kLeaveMs, so that a name which moves
/// costs no call. While no address is left at all, the last ones serve on for as long as their
/// connections hold. Owned by its Backend. Loop thread only.
class EndpointSet final : private Endpoint::Owner {
 public:
  static constexpr size_t kMaxEndpoints = 64;
  static constexpr uint64_t kLeaveMs = 30'000;
  static constexpr uint64_t kSweepMs = 500;

  class Owner : public CallOwner {
   public:
    /// No endpoint takes calls any more.
    virtual void on_none_left() = 0;
    /// flush() is wanted at the end of the turn.
    virtual void on_dirty() = 0;

   protected:
    ~Owner() = default;
  };

  EndpointSet(uv_loop_t* loop, TimerQueue& timers, ConnectionMaker& maker, Owner& owner,
              const BackendOptions& backend, EndpointSetOptions options,
              std::shared_ptr<BackendMetrics> metrics);
  ~EndpointSet();
  EndpointSet(const EndpointSet&) = delete;
  EndpointSet& operator=(const EndpointSet&) = delete;

  /// Takes over those of the backend's options that need no new connections.
  void set_options(const BackendOptions& backend);
  /// These are the addresses now.
  void update(const std::vector<EndpointResolver::Found>& found);
  /// What operators have ordered has changed.
  void look_at_orders();
  /// Ends the ejection of the endpoints at this address, as in "10.0.0.2:5559", or of that with
  /// this name there.
  void clear(std::string_view endpoint);

  bool empty() const { return endpoints_.empty(); }
  /// Some endpoint, of this protocol, takes calls, now or when one of its connections is free.
  bool any_available(std::optional<Protocol> only = std::nullopt) const;
  /// Some endpoint speaks this protocol.
  bool speaks(Protocol protocol) const;
  bool can_spare(const Endpoint& endpoint) const override;
  /// The first attempts to reach them all have ended, well or not.
  bool settled() const;
  /// Why no endpoint, of this protocol, is there, and which one said so. Only when there is one.
  /// Those that were taken out by hand are counted beside the reason of another.
  std::string reason(std::optional<Protocol> only = std::nullopt) const;

  /// An endpoint with a place for the call, which has chosen it: the less loaded of two that are
  /// picked at random, which is nearly as even as asking all, and a newcomer is not swamped. One
  /// with room for any call comes before one that puts it behind others. One that is set aside only
  /// when none is available. `avoid` only when no other has a place; null: avoids none. `only` one
  /// of this protocol. Null when none has a place.
  Endpoint* pick(const ForwardedCall& call, const Endpoint* avoid) {
    if (endpoints_.size() == 1) {
      Endpoint& single = *endpoints_.front();
      return single.choose_place(call) ? &single : nullptr;
    }
    return pick_one_of_many(call, avoid, std::nullopt);
  }
  Endpoint* pick(const ForwardedCall& call, const Endpoint* avoid, Protocol only) {
    return pick_one_of_many(call, avoid, only);
  }

  /// pick() may find one.
  bool has_room() const {
    if (endpoints_.size() == 1) {
      return endpoints_.front()->has_room();
    }
    return std::ranges::any_of(endpoints_, [](const auto& e) { return e->has_room(); });
  }

  void give_up(ForwardedCall& call);

  /// Writes what the turn has gathered.
  void flush();

 private:
  void on_dirty(Endpoint& endpoint) override;
  void on_availability(Endpoint& endpoint) override;

  /// The name that the server must prove; empty without TLS, or when it may prove several.
  std::string_view tls_name_of(const EndpointResolver::Found& found) const;
  bool is_at(const Endpoint& endpoint, const EndpointResolver::Found& found) const;
  Endpoint::Listing listing_of(const Endpoint& endpoint,
                               const std::vector<EndpointResolver::Found>& found) const;
  void add(const EndpointResolver::Found& found);
  /// Those that are retired, too: orders change nothing for them.
  std::vector<Endpoint*> all() const;
  Endpoint* at(const EndpointResolver::Found& found);
  void tell_too_many(bool too_many);
  void retire(size_t index);
  /// Retires what is leaving, when there is a replacement or it has nothing left.
  void see_off();
  /// Some endpoint has become available, or is no more: tells all of them, and the calls that wait.
  void tell_all();
  /// For the first that leaves without a replacement.
  void start_leave_timer();
  void on_leave_timer();
  void on_sweep();
  Endpoint* pick_one_of_many(const ForwardedCall& call, const Endpoint* avoid,
                             std::optional<Protocol> only);
  template <class Usable>
  Endpoint* pick_among(Usable usable);

  uv_loop_t* const loop_;
  TimerQueue& timers_;
  Owner& owner_;
  const std::string backend_;
  const std::vector<ServerUrl> urls_;
  const bool names_peers_otherwise_;  ///< TLS: not by the URLs' hosts
  const EndpointOptions tcp_;
  const EndpointOptions zmq_;
  const EndpointSetOptions options_;
  std::shared_ptr<BackendMetrics> metrics_;
  uint32_t given_up_ms_;
  OutlierDetector outliers_;
  const EndpointContext context_;
  Random random_;
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
  std::vector<std::unique_ptr<Endpoint>> retired_;  ///< still have calls under way
  std::vector<Endpoint*> dirty_;                    ///< of both
  std::vector<Endpoint*> flushing_;                 ///< reused
  bool too_many_ = false;                           ///< addresses; it has been told
  Timer leave_timer_;
  Timer sweep_timer_;
};

}  // namespace zerogate
