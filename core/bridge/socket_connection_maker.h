// Connections to endpoints over real sockets.
#pragma once

#include <memory>

#include "core/bridge/connection_maker.h"
#include "core/io/event_loop.h"

namespace zerogate {

/// Loop thread only. `zmq_context` outlives it.
class SocketConnectionMaker final : public ConnectionMaker {
 public:
  SocketConnectionMaker(EventLoop& loop, void* zmq_context)
      : loop_(loop), zmq_context_(zmq_context) {}

  std::unique_ptr<BackendConnection> make(Protocol protocol, const Address& address,
                                          const BackendConnectionOptions& options,
                                          BackendConnection::Owner& owner) override;

 private:
  EventLoop& loop_;
  void* const zmq_context_;
};

}  // namespace zerogate
