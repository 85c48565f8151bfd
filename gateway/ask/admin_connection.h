// A blocking connection to an admin port, by HTTP or HTTPS.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/address.h"
#include "core/base/result.h"
#include "core/base/unique_fd.h"
#include "core/client/deadline.h"
#include "core/security/openssl_ptr.h"

namespace zerogate {

/// Where a gateway of this machine has its admin port, and what it asks of those who come.
struct AdminPlace {
  Address address;
  bool https = false;
  /// In PEM; the first one is that which it has to show. Empty: whichever it shows, for questions
  /// that tell no secret.
  std::string certificate = {};
  std::string token = {};  ///< empty: none is known

  /// The same without the secret, for a probe.
  AdminPlace without_secrets() const { return {address, https, {}, {}}; }
  bool operator==(const AdminPlace&) const = default;
};

/// Each function blocks until `deadline` at most; the errors say why, without the address.
class AdminConnection {
 public:
  static Result<AdminConnection> open(const AdminPlace& place, const Deadline& deadline);

  Status send(std::string_view bytes, const Deadline& deadline);
  /// Bytes that came; 0 at the end.
  Result<size_t> receive(std::span<char> room, const Deadline& deadline);

 private:
  explicit AdminConnection(UniqueFd fd) : fd_(std::move(fd)) {}
  Status shake_hands(const AdminPlace& place, const Deadline& deadline);
  /// After a call of OpenSSL that returned `result`: nothing when it is to be called again.
  std::optional<Error> wait_after(int result, const Deadline& deadline) const;

  UniqueFd fd_;
  SslPtr tls_;  ///< null: HTTP
};

}  // namespace zerogate
