// The connections of a ZeroMQ port, as libzmq's monitor tells of them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "core/listener/peer_socket.h"
#include "core/listener/refusal_log.h"
#include "core/metrics/worker_metrics.h"

namespace zerogate {

/// What has come over a connection and was read from libzmq.
struct ZmqTraffic {
  uint64_t bytes = 0;  ///< as on the wire
  bool ended = false;  ///< the connection has gone
};

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
  std::shared_ptr<ZmqTraffic> spoke(int fd);

  /// Finds out what libzmq has read of each and the worker has not: whole messages that wait, and
  /// the beginnings of others. Returns all bytes. A system call for each connection; nothing is
  /// known of Unix sockets.
  size_t measure_unread(uint64_t now_ms);
  /// Of the last measurement: all, the most that one connection has, and that one's end, which is
  /// counted.
  size_t unread() const;
  size_t largest_unread() const;
  bool end_largest();

 private:
  struct Connection {
    std::string peer;  ///< empty: its event has not come yet
    uint64_t since_ms = 0;
    bool spoke = false;
    PeerSocket socket{};
    std::shared_ptr<ZmqTraffic> traffic{};
    size_t unread = 0;    ///< bytes, at the last measurement
    bool ending = false;  ///< end_largest() has ended it
  };
  /// Null when there is none.
  Connection* find_largest();
  static size_t unread_of(const Connection& connection, uint64_t now_ms);

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
