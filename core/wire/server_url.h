// The URLs of `zerogate call`: which protocol, and where.
#pragma once

#include <string>
#include <string_view>

#include "core/base/address.h"
#include "core/base/result.h"
#include "core/wire/protocol.h"

namespace zerogate {

struct ClientUrl {
  Protocol protocol = Protocol::tcp;
  Address address;
  std::string text;  ///< as the user wrote it, for error lines

  /// Takes tcp://host:port, zmq://host:port, unix:/path (raw TCP's protocol) and ipc:/path
  /// (ZeroMQ's). The error says what would mend it.
  static Result<ClientUrl> parse(std::string_view text);
};

}  // namespace zerogate
