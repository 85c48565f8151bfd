// Who may ask what of the admin port: names that a browser may be made to use, and the token that
// all but probes need.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace zerogate {

/// What the configuration says of it.
struct AdminAccessOptions {
  std::vector<std::string> hosts = {};  ///< admin_hosts: names and globs; "*" for any
  std::string own_name = {};            ///< the host in `admin`
  std::string token = {};               ///< admin_token, or empty
  std::string token_file = {};          ///< admin_token_file, or empty
  bool is_local = false;                ///< a Unix socket, which no web page can reach
};

/// Immutable. Any thread.
class AdminAccess {
 public:
  /// A token is at least this long: what is shorter can be guessed over a network.
  static constexpr size_t kMinTokenBytes = 16;
  static constexpr size_t kMaxTokenBytes = 1024;

  /// Everything is allowed, as without these keys.
  AdminAccess() = default;
  /// The error is one line: a token file that cannot be read, or has no good token.
  static Result<AdminAccess> make(AdminAccessOptions options);

  /// Whether a request that names this Host may be answered. A page of the Internet may make a name
  /// of its own resolve to this address ("DNS rebinding") and then read every answer, in the
  /// browser of a user who can reach the port. So the name has to be one that such a page cannot
  /// have: an address, a name without a dot, a name that public DNS does not know, or one that the
  /// configuration gives. No Host at all is no browser.
  bool knows_host(std::string_view host) const;

  bool needs_token() const { return !options_.token.empty() || !options_.token_file.empty(); }
  /// Whether the Authorization header has the token: "Bearer TOKEN", or as the password of a
  /// browser's "Basic", with any name. The file is read at each call, so that a changed secret
  /// holds at once; the error says why it cannot be read. Blocks for the file.
  Result<bool> has_token(std::string_view authorization) const;
  /// How to send it, for the line that refuses: `-H "Authorization: Bearer $(cat FILE)"`.
  std::string token_hint() const;

 private:
  explicit AdminAccess(AdminAccessOptions options) : options_(std::move(options)) {}
  AdminAccessOptions options_ = {.is_local = true};
};

/// The token in a file. The error is one line, without it. Blocks for the file.
Result<std::string> read_token(const std::string& file);

/// What is wrong with a token, without the token; empty when it is good.
std::string token_problem(std::string_view token);

}  // namespace zerogate
