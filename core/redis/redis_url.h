// Where Redis is and how to log in: redis://[user:password@]host[:port][/db], rediss:// for TLS, or
// unix:/path[?db=N] (redis+unix:// is taken too).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace zerogate {

struct RedisUrl {
  std::string host = "127.0.0.1";  ///< name or address; IPv6 without brackets. Empty with `path`
  uint16_t port = 6379;
  std::string path;  ///< of a Unix socket, instead of host and port
  std::string user;  ///< empty: the default user
  std::string password;
  uint32_t database = 0;
  bool tls = false;

  /// Parses a URL (percent-escapes in user and password are undone). The error says what would
  /// fix it.
  static Result<RedisUrl> parse(std::string_view text);

  /// host:port or the path, for logs: never the password.
  std::string display() const;

  bool operator==(const RedisUrl&) const = default;
};

/// Stands for a secret wherever a configuration is shown.
inline constexpr std::string_view kMask = "***";

/// `text` with the password, if it has one, replaced by kMask: for /config and logs.
std::string mask_password(std::string_view text);

}  // namespace zerogate
