// What an endpoint of a backend is doing, and why, as people are told it.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "core/metrics/outcome.h"

namespace zerogate {

/// The best first: of the workers' views the best is told. The two last ones are set by hand, and
/// go before all others.
enum class EndpointState : uint8_t { up, probing, ejected, down, drain, disabled };
inline constexpr std::array<std::string_view, 6> kEndpointStateNames = {
    "up", "probing", "ejected", "down", "drain", "disabled"};

constexpr std::string_view name_of(EndpointState state) {
  return kEndpointStateNames[index_of(state)];
}
constexpr bool is_by_hand(EndpointState state) { return state >= EndpointState::drain; }

struct EndpointStatus {
  EndpointState state = EndpointState::down;
  std::string reason;     ///< why it takes no calls; empty when it is up
  uint64_t since_ns = 0;  ///< monotonic
};

/// One thread sets it, when something changes and never per call; any thread may read it.
class WatchedStatus {
 public:
  /// A state that stands already keeps its time.
  void set(EndpointState state, std::string_view reason, uint64_t since_ns) {
    const std::lock_guard lock(mutex_);
    if (status_.state != state || status_.since_ns == 0) {
      status_.state = state;
      status_.since_ns = since_ns;
    }
    status_.reason = reason;
  }
  EndpointStatus get() const {
    const std::lock_guard lock(mutex_);
    return status_;
  }

 private:
  mutable std::mutex mutex_;
  EndpointStatus status_;
};

}  // namespace zerogate
