#include "core/security/curve_clients.h"

#include <utility>

namespace zerogate {

void CurveClients::set(CurveClientKeys keys) {
  const std::lock_guard lock(mutex_);
  keys_ = std::move(keys);
  version_.fetch_add(1, std::memory_order_release);
}

std::optional<std::string> CurveClients::name_of(std::string_view key) const {
  const std::lock_guard lock(mutex_);
  if (const auto found = keys_.names.find(key); found != keys_.names.end()) {
    return found->second;
  }
  if (keys_.any()) {
    return std::string(key);
  }
  return std::nullopt;
}

}  // namespace zerogate
