// What a worker has to do with TLS: its port, and what renewed files change.
#include <utility>
#include <variant>

#include "core/security/tls_context.h"
#include "gateway/runtime/worker.h"

namespace zerogate {

Status Worker::listen_tls(const ListenSocket& socket) {
  tls_material_ = options_.routing.listen_tls;
  auto made = TlsContext::make(TlsSide::listener, *tls_material_);
  if (const auto* fault = std::get_if<TlsFault>(&made)) {
    return Error{"listen.tls: " + fault->message};
  }
  StreamOptions options = options_.tcp;
  charge(options);
  options.max_connections = options_.tls_connections;
  auto listener =
      std::make_unique<TcpListener>(loop_, dispatcher_, metrics_.of(Protocol::tcp), options);
  listener->secure({.context = std::get<std::shared_ptr<const TlsContext>>(std::move(made)),
                    .loop = *tls_loop_,
                    .observer = metrics_.of(TlsSide::listener),
                    .max_handshakes = options_.max_handshakes,
                    .timeout_ms = options_.handshake_timeout_ms});
  tls_listener_ = listener.get();
  return add_listener(std::move(listener), socket);
}

void Worker::renew_tls(const RouteTableOptions& routing) {
  renew_listener(routing.listen_tls);
  if (redis_tls_ != nullptr) {
    redis_tls_->set_material(routing.redis_tls);
  }
}

// Connections that are there are judged again only when fewer may be let in than before.
void Worker::renew_listener(const std::shared_ptr<const TlsMaterial>& material) {
  if (tls_listener_ == nullptr || material == nullptr || material == tls_material_) {
    return;
  }
  auto made = TlsContext::make(TlsSide::listener, *material);
  auto* context = std::get_if<std::shared_ptr<const TlsContext>>(&made);
  if (context == nullptr) {
    return;  // it was good a moment ago, and has just expired
  }
  const bool who_has_changed = material->authorities != tls_material_->authorities ||
                               material->allow != tls_material_->allow ||
                               material->clients != tls_material_->clients;
  tls_material_ = material;
  tls_listener_->set_tls(std::move(*context), who_has_changed);
}

void Worker::secure_redis(const std::shared_ptr<const TlsMaterial>& material) {
  if (material != nullptr) {
    redis_tls_ = std::make_shared<TlsClient>(*tls_loop_, metrics_.of(TlsSide::backend), material);
    redis_network_.secure(redis_tls_, options_.redis_tls_name);
  }
}

}  // namespace zerogate
