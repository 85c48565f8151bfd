#include "core/listener/zmq_connections.h"

#include <zmq.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/io/peer_address.h"
#include "core/io/zmq_monitor.h"

namespace zerogate {

namespace {

/// Of each connection, for ZMTP's greeting and handshake.
constexpr uint64_t kHandshakeBytes = 1'024;
/// What libzmq writes of them, a ROUTER's READY with CURVE's or without.
constexpr uint64_t kGreeting = 64;
constexpr uint64_t kCurveWelcome = 170;
constexpr uint64_t kCurveHandshakeWritten = kGreeting + kCurveWelcome + 67;
constexpr uint64_t kHandshakeWritten = kGreeting + 43;
/// Frames of a PING, which libzmq's clients send at intervals that they set (ZMQ_HEARTBEAT_IVL),
/// and of its PONG.
constexpr size_t kPingFrame = 7;
constexpr size_t kPongFrame = 5;
/// libzmq has written no more while a handshake is under way: its greeting, CURVE's WELCOME, and
/// the ERROR that a ZapHandler's refusal makes of it. It does not tell whose handshake has
/// succeeded.
constexpr uint64_t kShakingBytes = kGreeting + kCurveWelcome + 12;
/// With less than this of it in libzmq no connection is ended: it would free nothing.
constexpr size_t kLeastUnread = 64 << 10;

}  // namespace

const int ZmqConnections::kEvents = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_ACCEPT_FAILED |
                                    ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED |
                                    ZmqMonitor::kHandshakeFailed;

void ZmqConnections::on_event(int event, int value, uint64_t now_ms) {
  const auto handshake_ended = [this] { handshakes_ -= handshakes_ > 0 ? 1 : 0; };
  switch (event) {
    case ZMQ_EVENT_ACCEPTED:
      return accepted(value, now_ms);
    case ZMQ_EVENT_DISCONNECTED:  // also follows a failed handshake
      return ended(value, now_ms);
    case ZMQ_EVENT_ACCEPT_FAILED:
      return refusals_.count(Rejected::descriptors, [] { return "unknown"; });
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
      return handshake_ended();
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
      failed_ = value != ECONNRESET && value != EPIPE;  // with these the peer has left by itself
      return handshake_ended();
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
      failed_ = false;  // a ZapHandler has refused it, and has told so
      return handshake_ended();
    default:
      failed_ = true;
      return handshake_ended();
  }
}

void ZmqConnections::accepted(int fd, uint64_t now_ms) {
  metrics_.accepted.add();
  metrics_.connections.add();
  ++count_;
  ++handshakes_;
  ++unspoken_;
  open_[fd] = {
      .peer = peer_of(fd), .number = ++accepted_, .since_ms = now_ms, .socket = PeerSocket(fd)};
  if (curve_) {
    shaking_.emplace(accepted_, fd);
  }
}

std::shared_ptr<ZmqTraffic> ZmqConnections::spoke(int fd) {
  const auto found = open_.find(fd);
  if (found == open_.end()) {
    return std::make_shared<ZmqTraffic>();
  }
  Connection& connection = found->second;
  // One whose handshake is not done has sent none: it was the last one's with the descriptor.
  if (!connection.spoke && !(curve_ && is_shaking(connection))) {
    connection.spoke = true;
    --unspoken_;
    count_silent();
  }
  if (connection.traffic == nullptr) {
    connection.traffic = std::make_shared<ZmqTraffic>();
  }
  return connection.traffic;
}

// A peer's first message may be read after its connection's end, and count for the next one with
// the descriptor. What that has not received itself must not stand to its credit.
uint64_t ZmqConnections::read_of(Connection& connection, uint64_t received) const {
  uint64_t read = 0;
  if (connection.traffic != nullptr) {
    connection.traffic->read = std::min(connection.traffic->read, received);
    read = connection.traffic->read;
  }
  return received - read > kHandshakeBytes ? read + pings_of(connection) : read;
}

// libzmq reads PINGs without a word, but writes a PONG for each. While messages wait to be written
// they hide those that were: the most that was ever seen counts.
uint64_t ZmqConnections::pings_of(Connection& connection) const {
  const uint64_t others = (curve_ ? kCurveHandshakeWritten : kHandshakeWritten) +
                          (connection.traffic != nullptr ? connection.traffic->sent : 0);
  const uint64_t written = connection.socket.written().value_or(0);
  connection.pongs = std::max(connection.pongs, written - std::min(written, others));
  return connection.pongs / zmq_wire_bytes(kPongFrame, curve_) * zmq_wire_bytes(kPingFrame, curve_);
}

size_t ZmqConnections::unread_of(Connection& connection) const {
  const uint64_t received = connection.socket.received().value_or(0);
  const uint64_t read = read_of(connection, received) + kHandshakeBytes;
  return received > read ? received - read : 0;
}

size_t ZmqConnections::measure_unread() {
  for (auto& [fd, connection] : open_) {
    connection.unread = connection.ending ? 0 : unread_of(connection);
  }
  return unread();
}

size_t ZmqConnections::unread() const {
  size_t all = 0;
  for (const auto& [fd, connection] : open_) {
    all += connection.unread;
  }
  return all;
}

ZmqConnections::Connection* ZmqConnections::find_largest() {
  Connection* largest = nullptr;
  for (auto& [fd, connection] : open_) {
    if (connection.unread >= (largest != nullptr ? largest->unread : kLeastUnread)) {
      largest = &connection;
    }
  }
  return largest;
}

size_t ZmqConnections::largest_unread() const {
  const Connection* largest = const_cast<ZmqConnections*>(this)->find_largest();
  return largest != nullptr ? largest->unread : 0;
}

bool ZmqConnections::end_largest() {
  Connection* largest = find_largest();
  if (largest == nullptr) {
    return false;
  }
  end(*largest, Rejected::receive_memory);
  return true;
}

void ZmqConnections::list_sockets(std::vector<SocketHoard>& hoards) const {
  for (const auto& [fd, connection] : open_) {
    if (!connection.ending) {
      hoards.push_back({.memory = connection.socket.memory(), .fd = fd});
    }
  }
}

void ZmqConnections::end_socket(const SocketHoard& hoard) {
  end(open_.at(hoard.fd), reason_to_end(hoard.memory));
}

// Each is looked at until it is done, and never again.
ZmqConnections::Connection* ZmqConnections::oldest_handshake() {
  for (auto oldest = shaking_.begin(); oldest != shaking_.end(); oldest = shaking_.erase(oldest)) {
    Connection& connection = open_[oldest->second];
    if (!connection.ending && is_shaking(connection)) {
      return &connection;
    }
  }
  return nullptr;
}

bool ZmqConnections::is_shaking(const Connection& connection) {
  const auto written = connection.socket.written();
  return written && *written <= kShakingBytes;
}

bool ZmqConnections::end_oldest_handshake() {
  Connection* oldest = oldest_handshake();
  if (oldest == nullptr) {
    return false;
  }
  end(*oldest, Rejected::handshakes);
  return true;
}

void ZmqConnections::end(Connection& connection, Rejected reason) {
  connection.unread = 0;
  ending_ += std::exchange(connection.ending, true) ? 0 : 1;
  if (connection.socket.end()) {
    refusals_.count(reason, [&connection] { return connection.peer; });
  }
}

uint64_t ZmqConnections::end_stalled(uint64_t now_ms) {
  auto next = open_.lower_bound(look_on_);
  for (size_t looks = kLooksAtOnce; looks > 0 && next != open_.end(); --looks, ++next) {
    Connection& connection = next->second;
    const auto received = connection.ending ? std::nullopt : connection.socket.received();
    if (received && connection.partial.stands_still_ms(*received, read_of(connection, *received),
                                                       now_ms) >= times_.stall_ms) {
      end(connection, Rejected::stalled);
    }
  }
  look_on_ = next != open_.end() ? next->first : 0;
  return std::max<uint64_t>(times_.stall_ms / kLooks / (open_.size() / kLooksAtOnce + 1), 1);
}

void ZmqConnections::ended(int fd, uint64_t now_ms) {
  if (count_ > 0) {
    metrics_.connections.sub();
    --count_;
  }
  const auto node = open_.extract(fd);
  const Connection connection = node.empty() ? Connection() : node.mapped();
  shaking_.erase(connection.number);
  ending_ -= connection.ending ? 1 : 0;
  unspoken_ -= node.empty() || connection.spoke ? 0 : 1;
  if (failed_) {
    if (*std::exchange(failed_, std::nullopt) && !connection.ending) {
      count_ill(connection.peer);
    }
  } else if (!node.empty() && is_doubtful(connection, now_ms)) {
    if (doubtful_.size() == kDoubtful) {
      doubtful_.erase(doubtful_.begin());
    }
    doubtful_.push_back(connection.peer);
  }
  count_silent();
}

bool ZmqConnections::is_doubtful(const Connection& connection, uint64_t now_ms) const {
  return handshakes_ > 0 && !connection.spoke && !connection.ending &&
         now_ms - connection.since_ms < times_.handshake_ms;
}

// The last one that has left is most likely the one, for it is looked at each end.
void ZmqConnections::count_silent() {
  for (; handshakes_ > unspoken_; --handshakes_) {
    if (!doubtful_.empty()) {
      count_ill(doubtful_.back());
      doubtful_.pop_back();
    }
  }
  if (handshakes_ == 0) {
    doubtful_.clear();
  }
}

void ZmqConnections::count_ill(const std::string& peer) {
  if (curve_) {
    metrics_.count(CurveResult::protocol);
  }
  refusals_.count(Malformed::bad_handshake,
                  [&peer] { return peer.empty() ? std::string("unknown") : peer; });
}

}  // namespace zerogate
