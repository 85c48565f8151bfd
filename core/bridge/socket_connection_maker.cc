#include "core/bridge/socket_connection_maker.h"

#include "core/bridge/tcp_backend_connection.h"
#include "core/bridge/zmq_backend_connection.h"

namespace zerogate {

std::unique_ptr<BackendConnection> SocketConnectionMaker::make(
    Protocol protocol, const Address& address, const BackendConnectionOptions& options,
    BackendConnection::Owner& owner) {
  if (protocol == Protocol::tcp) {
    return std::make_unique<TcpBackendConnection>(loop_, owner, address, options);
  }
  return std::make_unique<ZmqBackendConnection>(loop_, zmq_context_, owner, address, options);
}

}  // namespace zerogate
