// Blocking client of Zero's ZeroMQ protocol (W5), on a TCP or a local socket.
#pragma once

#include <string>

#include "core/client/client.h"
#include "core/client/deadline.h"
#include "core/wire/server_url.h"

namespace zerogate {

class ZmqClient final : public Client {
 public:
  /// Connects DEALER sockets to every address of the host at once and keeps the first whose peer
  /// answers the handshake. They cannot be tried one after the other: a ZeroMQ socket does not
  /// report that its peer does not listen.
  static Result<std::unique_ptr<Client>> connect(const ServerUrl& url, uint32_t timeout_ms);

  ~ZmqClient() override;
  Result<ClientReply> call(ByteView function, ByteView argument) override;

 private:
  class Connection;
  ZmqClient(std::unique_ptr<Connection> connection, std::string url, uint32_t timeout_ms);

  std::unique_ptr<Connection> connection_;
  std::string url_;
  uint32_t timeout_ms_;
};

}  // namespace zerogate
