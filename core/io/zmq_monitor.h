// Reports what happens to the connections of a ZeroMQ socket; libzmq tells it by events only.
#pragma once

#include <uv.h>

#include <functional>
#include <memory>
#include <utility>

#include "core/io/zmq_poll.h"
#include "core/io/zmq_socket.h"

namespace zerogate {

/// Reads the events of one socket: the listener's, a backend connection's, a load's. It costs two
/// more sockets of the context. Loop thread only; make it before zmq_bind() or zmq_connect(), and
/// destroy it before the socket.
class ZmqMonitor final : private ZmqReader {
 public:
  static constexpr int kHandshakeFailed = ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                                          ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                                          ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
  /// The end of a socket that connects once and is told not to reconnect (ZMQ_RECONNECT_IVL -1).
  static constexpr int kConnectionEnded =
      ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_CLOSED | ZMQ_EVENT_DISCONNECTED | kHandshakeFailed;

  /// Its functions are called from the loop and must not destroy it.
  struct Hooks {
    /// One of `events`; the value is the connection's descriptor, or an error.
    std::function<void(int event, int value)> on_event;
    std::function<void()> on_batch = [] {};  ///< after one or more events
  };

  /// Null when there is no room for two more sockets, or for the poll.
  static std::unique_ptr<ZmqMonitor> make(uv_loop_t* loop, void* context, void* socket, int events,
                                          Hooks hooks);
  ~ZmqMonitor();

  /// Reads the events that are there. libzmq tells of a connection's begin before it hands over
  /// what came on it, but the loop may turn to that first.
  void catch_up();

 private:
  ZmqMonitor(void* socket, Hooks hooks) : monitored_(socket), hooks_(std::move(hooks)) {}
  bool start(uv_loop_t* loop, void* context, int events);
  bool receive() override;
  void on_message(ByteView event);

  void* const monitored_;
  const Hooks hooks_;
  ZmqSocket events_;
  std::unique_ptr<ZmqPoll> poll_;
};

}  // namespace zerogate
