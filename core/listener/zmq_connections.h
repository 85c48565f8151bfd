// The connections of a ZeroMQ port, as libzmq's monitor tells of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "core/listener/refusal_log.h"
#include "core/metrics/worker_metrics.h"

namespace zerogate {

/// Counts connections, and finds those whose peer does not speak ZMTP. It remembers each
/// connection's address, because libzmq tells of a failed handshake without one; what ends on
/// libzmq's one I/O thread right behind the failure is the connection that has failed.
///
/// libzmq 4.3.4 takes what begins otherwise than ZMTP 2 (HTTP, TLS, Zero's TCP protocol) for ZMTP
/// 1.0, refuses it, and tells only that a connection has ended. It is such a one when a handshake
/// is under way, and the connection is younger than a handshake may be and has sent no message. A
/// client that connects, never calls and leaves at once may be taken for one while another
/// connects.
///
/// A peer that leaves before the handshake, as the TCP checks of load balancers do, is no ill peer.
/// Loop thread only.
class ZmqConnections {
 public:
  /// Both outlive it. `handshake_ms`: libzmq ends a connection whose handshake takes longer.
  ZmqConnections(ListenerMetrics& metrics, RefusalLog& refusals, uint64_t handshake_ms)
      : metrics_(metrics), refusals_(refusals), handshake_ms_(handshake_ms) {}

  /// The monitor's events that on_event() wants.
  static const int kEvents;
  /// `value` is the connection's descriptor, or an error's number.
  void on_event(int event, int value, uint64_t now_ms);
  /// Of this port. The metrics have those of all ZeroMQ ports.
  uint64_t count() const { return count_; }
  /// Failed handshakes are counted as those of CURVE, too.
  void note_curve() { curve_ = true; }
  /// A message came over the connection with this descriptor, perhaps before its event.
  void spoke(int fd) { open_[fd].spoke = true; }

 private:
  struct Connection {
    std::string peer;  ///< empty: its event has not come yet
    uint64_t since_ms = 0;
    bool spoke = false;
  };

  void accepted(int fd, uint64_t now_ms);
  void ended(int fd, uint64_t now_ms);
  bool sent_no_greeting(const Connection& connection, uint64_t now_ms) const;

  ListenerMetrics& metrics_;
  RefusalLog& refusals_;
  const uint64_t handshake_ms_;
  std::unordered_map<int, Connection> open_;  ///< by descriptor
  uint64_t count_ = 0;
  uint64_t handshakes_ = 0;  ///< under way
  bool curve_ = false;
  /// A handshake has failed, and the connection's end comes next: whether the peer was ill.
  std::optional<bool> failed_;
};

}  // namespace zerogate
