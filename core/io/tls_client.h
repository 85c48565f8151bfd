// TLS of what connects to one server, or to those of one backend.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "core/io/tls_use.h"
#include "core/security/tls_context.h"

namespace zerogate {

/// Shared by the connections: a renewed certificate is that of the next one. Loop thread only.
class TlsClient {
 public:
  TlsClient(TlsLoop& loop, TlsObserver& observer, std::shared_ptr<const TlsMaterial> material)
      : loop_(loop), observer_(observer) {
    set_material(std::move(material));
  }

  /// The configuration has checked it. What cannot be used all the same changes nothing.
  void set_material(std::shared_ptr<const TlsMaterial> material) {
    if (material == nullptr || material == material_) {
      return;
    }
    auto made = TlsContext::make(TlsSide::backend, *material);
    if (auto* context = std::get_if<std::shared_ptr<const TlsContext>>(&made)) {
      context_ = std::move(*context);
      material_ = std::move(material);
    }
  }

  /// Null when there never was material that could be used: no connection can be made then.
  const std::shared_ptr<const TlsContext>& context() const { return context_; }
  TlsUse use(const std::string& name) const { return {context_, loop_, observer_, name}; }

 private:
  TlsLoop& loop_;
  TlsObserver& observer_;
  std::shared_ptr<const TlsMaterial> material_;
  std::shared_ptr<const TlsContext> context_;
};

}  // namespace zerogate
