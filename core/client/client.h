// A small blocking client for both protocols, for `zerogate call` and for tests.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace zerogate {

struct ClientReply {
  bool is_error = false;  ///< the body is a `__zerror__…` map
  std::string body;       ///< MessagePack
};

/// One connection, one call at a time. Blocks; one thread at a time.
class Client {
 public:
  virtual ~Client() = default;

  /// Connects to tcp://host:port, zmq://host:port, unix:/path (raw TCP's protocol) or ipc:/path
  /// (ZeroMQ's). For ZeroMQ the handshake of Zero's clients (`connect`) is done too.
  static Result<std::unique_ptr<Client>> connect(std::string_view url, uint32_t timeout_ms);

  /// Calls a function with an argument of exactly one MessagePack value (nil for none).
  virtual Result<ClientReply> call(ByteView function, ByteView argument) = 0;
};

}  // namespace zerogate
