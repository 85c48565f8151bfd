// Makes connections to endpoints: sockets in the gateway, fakes in unit tests.
#pragma once

#include <memory>

#include "core/base/address.h"
#include "core/bridge/backend_connection.h"
#include "core/wire/protocol.h"

namespace zerogate {

/// Loop thread only. Outlives the connections that it makes.
class ConnectionMaker {
 public:
  /// It begins to connect; the owner hears of the result on a later turn, never from in here. A
  /// connection that cannot even be begun fails in the same way. `address` is numeric, or a Unix
  /// socket.
  virtual std::unique_ptr<BackendConnection> make(Protocol protocol, const Address& address,
                                                  const BackendConnectionOptions& options,
                                                  BackendConnection::Owner& owner) = 0;

 protected:
  ~ConnectionMaker() = default;
};

}  // namespace zerogate
