// The admin port: /metrics, /healthz, /readyz, /config and /reload, on civetweb's own threads.
#pragma once

#include <prometheus/collectable.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/transport/address.h"

namespace zerogate {

struct Readiness {
  bool ready = false;
  std::string text;  ///< one line for a person: what is waited for, or what is away
};

/// What the server shows. Every function is called from the admin threads, at any time while the
/// server lives, so each must be safe to call beside the workers.
struct AdminSources {
  std::vector<std::shared_ptr<prometheus::Collectable>> metrics;
  std::function<Readiness()> readiness;
  std::function<std::string()> config;  ///< YAML, masked
  /// POST /reload: the text that says what was taken over, or the errors, one a line.
  std::function<Result<std::string>()> reload;
  std::string version;
};

/// Answers GET and HEAD, one request a connection, read-only. A bounded number of threads with
/// short deadlines: the bounds are in admin_server.cc. Owned by the main thread.
class AdminServer {
 public:
  /// Resolves the host, binds and starts the threads. The error is one line, also for a busy port.
  /// A Unix socket's path is refused: civetweb 1.15 cannot be told where to make one.
  static Result<std::unique_ptr<AdminServer>> start(const Address& address, AdminSources sources);
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
