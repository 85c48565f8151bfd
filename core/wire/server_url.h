// Where a Zero server is, and which protocol it speaks there: the URLs of backends, `zerogate call`
// and `zerogate bench`.
#pragma once

#include <string>
#include <string_view>

#include "core/base/address.h"
#include "core/base/result.h"
#include "core/wire/protocol.h"

namespace zerogate {

/// tcp://host:port, tls://host:port (the same protocol over TLS), zmq://host:port, unix:/path (raw
/// TCP's protocol) or ipc:/path (ZeroMQ's). A host name stands for every address it resolves to.
struct ServerUrl {
  Protocol protocol = Protocol::tcp;
  Address address;
  bool tls = false;

  /// The error is one line that says what would fix it.
  static Result<ServerUrl> parse(std::string_view text);
  /// The same without TLS, which only backends have.
  static Result<ServerUrl> parse_plain(std::string_view text);
  /// In a form that parse() takes.
  std::string display() const;
  bool operator==(const ServerUrl&) const = default;
};

}  // namespace zerogate
