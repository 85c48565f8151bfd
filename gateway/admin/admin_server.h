// The admin port's HTTP server: AdminRoutes' pages, on civetweb's own threads.
#pragma once

#include <cstdint>
#include <memory>

#include "core/base/address.h"
#include "core/base/result.h"
#include "gateway/admin/admin_routes.h"

namespace zerogate {

/// What the server may take of the process' tasks and descriptors. One thread answers one
/// connection at a time; accepted ones wait in the queue.
struct AdminLimits {
  uint32_t threads = 64;
  uint32_t queue = 32;
};

/// Answers one request a connection. A bounded number of threads with short deadlines: the bounds
/// are in admin_server.cc. Owned by the main thread.
class AdminServer {
 public:
  /// Resolves the host, binds and starts the threads. The error is one line, also for a busy port.
  /// A Unix socket's path is refused: civetweb 1.15 cannot be told where to make one.
  static Result<std::unique_ptr<AdminServer>> start(const Address& address, AdminSources sources,
                                                    const AdminLimits& limits = {});
  /// Stops listening and waits for the threads: up to about 1 s when peers hold connections open,
  /// more when one reads a large page slowly.
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  /// The port it listens on, also when 0 was asked for.
  uint16_t port() const;

 private:
  struct State;
  explicit AdminServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace zerogate
