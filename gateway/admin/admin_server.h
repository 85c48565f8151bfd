// The admin port's HTTP server: AdminRoutes' pages, by libmicrohttpd on a thread of its own.
#pragma once

#include <cstdint>
#include <memory>

#include "core/base/address.h"
#include "core/base/result.h"
#include "core/listener/listen_socket.h"
#include "gateway/admin/admin_routes.h"
#include "gateway/http/answer_threads.h"
#include "gateway/http/server_certificate.h"

namespace zerogate {

/// What the server may take of the process' descriptors, who may connect to a Unix socket, and what
/// it shows of itself.
struct AdminLimits {
  uint32_t connections = 128;
  SocketRights rights = {};
  std::shared_ptr<ServerCertificate> certificate = {};  ///< of HTTPS; null: HTTP
};

/// Answers one request a connection. One thread reads and writes for all of them, and answers what
/// needs no waiting (AdminRoutes::answers_at_once); AnswerThreads make the other pages. So a peer
/// that is silent, or slow to ask or to read, delays no other: it has its connection only until a
/// newcomer needs the place, or kTimeoutSeconds (admin_server.cc) are over. Half of the places are
/// for those that wait for pages: one more is refused. The thread sleeps while no request comes.
/// Owned by the main thread.
class AdminServer {
 public:
  /// Tasks that a server has: its own one and those that make answers, with metrics on two more.
  static constexpr uint32_t kThreads = 1 + AnswerThreads::kThreads + 2;

  /// Resolves the host, binds and starts the threads. The error is one line, also for a busy port.
  static Result<std::unique_ptr<AdminServer>> start(const Address& address, AdminSources sources,
                                                    const AdminLimits& limits = {});
  /// Stops listening, waits for the answers that are being made, and ends every connection.
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  /// The port it listens on, also when 0 was asked for; 0 of a Unix socket.
  uint16_t port() const;

 private:
  struct State;
  explicit AdminServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace zerogate
