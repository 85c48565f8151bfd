// Tells of the end of a client socket's connection, which libzmq does by events only.
#pragma once

#include <uv.h>

#include <functional>

#include "core/io/zmq_poll.h"
#include "core/io/zmq_socket.h"

namespace zerogate {

/// For a socket that connects once and is told not to reconnect (ZMQ_RECONNECT_IVL -1). Loop thread
/// only; make it before zmq_connect() and destroy it before the socket.
class ZmqEndWatch final : private ZmqReader {
 public:
  /// `on_end` is called from the loop, at least once, when the connection was refused or closed. It
  /// must not destroy this.
  ZmqEndWatch(uv_loop_t* loop, void* context, void* socket, std::function<void()> on_end);
  ~ZmqEndWatch();

 private:
  bool receive() override;

  void* const watched_;
  std::function<void()> on_end_;
  ZmqSocket events_;
  ZmqPoll poll_;
};

}  // namespace zerogate
