// Blocking client of Zero's raw TCP protocol (T3), on a TCP or a local socket.
#pragma once

#include <string>

#include "core/base/unique_fd.h"
#include "core/client/client.h"
#include "core/client/deadline.h"
#include "core/wire/server_url.h"

namespace zerogate {

class TcpClient final : public Client {
 public:
  /// Tries every address of the host, one after the other.
  static Result<std::unique_ptr<Client>> connect(const ServerUrl& url, uint32_t timeout_ms);

  Result<ClientReply> call(ByteView function, ByteView argument) override;

 private:
  TcpClient(UniqueFd socket, std::string url, uint32_t timeout_ms)
      : socket_(std::move(socket)), url_(std::move(url)), timeout_ms_(timeout_ms) {}

  Status send(ByteView bytes, const Deadline& deadline);
  Result<ClientReply> receive(uint32_t id, const Deadline& deadline);
  Error no_answer() const;
  /// Ends the connection: its next bytes could be the answer to an earlier call.
  Error broken(std::string_view what);

  UniqueFd socket_;
  std::string url_;
  uint32_t timeout_ms_;
  uint32_t last_id_ = 0;
  bool heard_ = false;    ///< the server has sent something
  std::string received_;  ///< bytes of frames not yet taken; at most kMaxReplyBytes and a read
};

}  // namespace zerogate
