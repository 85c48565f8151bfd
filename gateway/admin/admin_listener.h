// The admin port's listening socket.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/address.h"
#include "core/base/result.h"
#include "core/base/unique_fd.h"
#include "core/listener/listen_socket.h"

namespace zerogate {

/// Bound and listening. A Unix socket's file goes with it. Not thread-safe.
class AdminListener {
 public:
  /// Binds to the first address of the host that can be had. One whose family or interface this
  /// machine lacks (::1 of localhost, without IPv6) is passed over; a busy one is not. A Unix
  /// socket is made as ListenSocket makes one, with these rights. The error's one line says what
  /// would fix it. Blocks while a name is looked up.
  static Result<AdminListener> open(const Address& address, const SocketRights& rights = {});

  int fd() const { return file_ ? file_->fd() : fd_.get(); }
  /// The port, also when 0 was asked for; 0 of a Unix socket.
  uint16_t port() const;

 private:
  AdminListener() = default;
  UniqueFd fd_;
  std::optional<ListenSocket> file_;  ///< a Unix socket
};

}  // namespace zerogate
