#include "core/listener/zmq_connections.h"

#include <zmq.h>

#include <cerrno>
#include <utility>

#include "core/io/tcp_stream.h"
#include "core/io/zmq_monitor.h"

namespace zerogate {

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
  Connection& connection = open_[fd];
  const bool spoke = connection.spoke && connection.peer.empty();
  connection = {peer_of(fd), now_ms, spoke};
}

void ZmqConnections::ended(int fd, uint64_t now_ms) {
  if (count_ > 0) {
    metrics_.connections.sub();
    --count_;
  }
  const auto node = open_.extract(fd);
  const Connection connection = node.empty() ? Connection() : node.mapped();
  bool ill = false;
  if (failed_) {
    ill = *std::exchange(failed_, std::nullopt);
  } else if (sent_no_greeting(connection, now_ms)) {
    --handshakes_;
    ill = true;
  }
  if (ill && curve_) {
    metrics_.count(CurveResult::protocol);
  }
  if (ill) {
    refusals_.count(Malformed::bad_handshake, [&connection] {
      return connection.peer.empty() ? std::string("unknown") : connection.peer;
    });
  }
}

bool ZmqConnections::sent_no_greeting(const Connection& connection, uint64_t now_ms) const {
  return handshakes_ > 0 && !connection.spoke && !connection.peer.empty() &&
         now_ms - connection.since_ms < handshake_ms_;
}

}  // namespace zerogate
