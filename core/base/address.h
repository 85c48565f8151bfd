// Where a listener listens or a client connects.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace zerogate {

/// host:port, [v6]:port, or a local socket's path.
struct Address {
  /// Name or numeric address, in lower case; IPv6 without brackets; empty with `path`.
  std::string host;
  uint16_t port = 0;
  std::string path;  ///< of a Unix socket

  bool is_path() const { return !path.empty(); }

  /// Parses "127.0.0.1:5559", "[::]:5559", "localhost:0", "unix:/path" or "ipc:/path"
  /// ("unix:///path" and "ipc:///path" are taken too). An error shows how `example` is written.
  static Result<Address> parse(std::string_view text, std::string_view example = "127.0.0.1:5559");

  /// The form parse() takes: "host:port", "[v6]:port" or "unix:/path".
  std::string display() const;

  bool operator==(const Address&) const = default;
};

}  // namespace zerogate
