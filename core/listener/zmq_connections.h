// The connections of the CURVE port, as libzmq's monitor tells of them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/listener/partial_message.h"
#include "core/listener/peer_socket.h"
#include "core/listener/refusal_log.h"
#include "core/listener/socket_hoards.h"
#include "core/metrics/worker_metrics.h"

namespace zerogate {

/// Of a frame on the wire: ZMTP puts a byte of flags before it, and its length, in one byte or in
/// eight. CURVE wraps a frame into a command of its own: name, nonce, authenticator, flags.
inline constexpr size_t zmq_wire_bytes(size_t frame, bool curve) {
  constexpr size_t kCurveBytes = 8 + 8 + 16 + 1;
  const size_t bytes = frame + (curve ? kCurveBytes : 0);
  return bytes + (bytes <= 255 ? 2 : 9);
}

/// Of a connection, as on the wire.
struct ZmqTraffic {
  uint64_t read = 0;  ///< bytes of messages that libzmq has handed over
  uint64_t sent = 0;  ///< bytes of messages that it was given
};

/// Counts connections, and finds those whose peer does not speak ZMTP. It remembers each
/// connection's address, because libzmq tells of a failed handshake without one; what ends on
/// libzmq's one I/O thread right behind the failure is the connection that has failed.
///
/// libzmq 4.3.4 takes what begins otherwise than ZMTP 2 (HTTP, TLS, Zero's TCP protocol) for ZMTP
/// 1.0, refuses it, and tells only that a connection has ended, as it does of a client that leaves
/// right after its handshake. It does not tell whose handshake has succeeded, but each that has is
/// that of a connection. So one was refused, and counts, as soon as more handshakes are under way
/// than there are connections that have sent no message. While clients are there that have never
/// called this comes late; then the log may name another that has left meanwhile.
///
/// A peer that leaves before the handshake, as the TCP checks of load balancers do, is no ill peer.
/// Loop thread only.
class ZmqConnections {
 public:
  /// Of these at a time end_stalled() looks: two system calls each, together a fraction of a
  /// millisecond.
  static constexpr size_t kLooksAtOnce = 128;
  /// Each connection is looked at so often in the time for which it may stand still.
  static constexpr uint64_t kLooks = 3;
  /// Names of those that may have been refused. More are not counted.
  static constexpr size_t kDoubtful = 64;

  struct Times {
    uint64_t handshake_ms;  ///< libzmq ends a connection whose handshake takes longer
    uint64_t stall_ms;      ///< see end_stalled()
  };
  /// Both outlive it.
  ZmqConnections(ListenerMetrics& metrics, RefusalLog& refusals, Times times)
      : metrics_(metrics), refusals_(refusals), times_(times) {}
  /// libzmq ends those that are left, and does not tell of it.
  ~ZmqConnections() { metrics_.connections.sub(count_); }
  ZmqConnections(const ZmqConnections&) = delete;
  ZmqConnections& operator=(const ZmqConnections&) = delete;

  /// The monitor's events that on_event() wants.
  static const int kEvents;
  /// `value` is the connection's descriptor, or an error's number.
  void on_event(int event, int value, uint64_t now_ms);
  /// Of this port, without those that were ended from here. The metrics have those of all ZeroMQ
  /// ports.
  uint64_t count() const { return count_ - ending_; }
  /// Failed handshakes are counted as those of CURVE, too.
  void note_curve() { curve_ = true; }
  /// Of CURVE: whether a handshake is under way, and the end of the one that is waited for longest,
  /// which is counted. A peer that has not got its READY has sent no message that would be lost.
  bool any_handshake() { return oldest_handshake() != nullptr; }
  bool end_oldest_handshake();
  /// A message came over the connection with this descriptor. Without such a connection it has gone
  /// by now, and what was read counts for none.
  std::shared_ptr<ZmqTraffic> spoke(int fd);

  /// Finds out what libzmq has read of each and the worker has not: whole messages that wait, and
  /// the beginnings of others. Returns all bytes. A few system calls for each connection; nothing
  /// is known of Unix sockets.
  size_t measure_unread();
  /// Of the last measurement: all, the most that one connection has, and that one's end, which is
  /// counted.
  size_t unread() const;
  size_t largest_unread() const;
  bool end_largest();

  /// See Listener.
  void list_sockets(std::vector<SocketHoard>& hoards) const;
  void end_socket(const SocketHoard& hoard);

  /// Ends those that stand still for `stall_ms` in the middle of a message, as far as
  /// PartialMessage knows. Looks at some, and goes on with others the next time: the result is in
  /// how many milliseconds that should be.
  uint64_t end_stalled(uint64_t now_ms);

 private:
  struct Connection {
    std::string peer;
    uint64_t number = 0;  ///< in the order in which they came
    uint64_t since_ms = 0;
    bool spoke = false;
    PeerSocket socket{};
    std::shared_ptr<ZmqTraffic> traffic{};
    uint64_t pongs = 0;   ///< bytes that libzmq has written besides its handshake and messages
    size_t unread = 0;    ///< bytes, at the last measurement
    bool ending = false;  ///< it was ended from here
    PartialMessage partial{};
  };
  void end(Connection& connection, Rejected reason);
  /// Null when there is none.
  Connection* find_largest();
  Connection* oldest_handshake();
  /// Bytes of it that the worker has read, and those of the peer's PINGs. Forgets what was read
  /// beyond those that it has received.
  uint64_t read_of(Connection& connection, uint64_t received) const;
  uint64_t pings_of(Connection& connection) const;
  size_t unread_of(Connection& connection) const;

  void accepted(int fd, uint64_t now_ms);
  void ended(int fd, uint64_t now_ms);
  /// It has ended without a word of libzmq about its handshake, which may have failed.
  bool is_doubtful(const Connection& connection, uint64_t now_ms) const;
  /// Counts the handshakes of which it is known by now that they have failed without a word.
  void count_silent();
  void count_ill(const std::string& peer);
  /// Of CURVE: as far as the kernel knows what libzmq has written.
  static bool is_shaking(const Connection& connection);

  ListenerMetrics& metrics_;
  RefusalLog& refusals_;
  const Times times_;
  std::map<int, Connection> open_;  ///< by descriptor
  int look_on_ = 0;                 ///< the descriptor from which end_stalled() goes on
  /// Descriptors of CURVE's, by number, of those whose handshake was not seen to be done.
  std::map<uint64_t, int> shaking_;
  uint64_t accepted_ = 0;
  uint64_t count_ = 0;
  uint64_t ending_ = 0;      ///< of these were ended from here, and libzmq has not told of it yet
  uint64_t handshakes_ = 0;  ///< under way, or ended without a word
  uint64_t unspoken_ = 0;    ///< connections of which no message has come
  /// Peers that have left without a word since all handshakes were known to be done, the last ones.
  std::vector<std::string> doubtful_;
  bool curve_ = false;
  /// A handshake has failed, and the connection's end comes next: whether the peer was ill.
  std::optional<bool> failed_;
};

}  // namespace zerogate
