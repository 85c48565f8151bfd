// A connection to a ZeroMQ backend (W5): a DEALER of its own.
#pragma once

#include <uv.h>

#include <memory>

#include "core/bridge/backend_connection.h"
#include "core/bridge/tcp_backend_connection.h"
#include "core/io/uv_ptr.h"
#include "core/io/zmq_end_watch.h"
#include "core/io/zmq_poll.h"
#include "core/io/zmq_socket.h"

namespace zerogate {

/// One connection, as with TCP: libzmq would reconnect by itself and say nothing of requests that
/// were lost meanwhile, so it is told not to, and its events end the connection.
class ZmqBackendConnection final : public BackendConnection, private ZmqReader {
 public:
  /// Starts to connect to a numeric address or a Unix socket. `context` outlives the connection.
  ZmqBackendConnection(uv_loop_t* loop, void* context, Owner& owner, const Address& address,
                       const BackendConnectionOptions& options);
  ~ZmqBackendConnection() override;

  void send(ForwardedCall& forwarded) override;
  /// What libzmq has taken may have left, as far as anybody can tell.
  bool was_written(const ForwardedCall&) const override { return true; }
  void flush() override;
  void fail(std::string_view reason) override;

 private:
  bool receive() override;
  void on_message(ByteView body);

  ZmqSocket dealer_;
  UvPtr<uv_timer_t> deadline_;  ///< of connecting
  std::unique_ptr<ZmqEndWatch> end_watch_;
  std::unique_ptr<ZmqPoll> poll_;
  ZmqMessage message_;  ///< the one that is being read; reused
  bool sent_ = false;   ///< in this turn: the poll may have missed news
};

}  // namespace zerogate
