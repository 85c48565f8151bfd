// The settings of a load.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "core/load/call_slots.h"
#include "core/security/tls_material.h"
#include "core/wire/server_url.h"

namespace zerogate {

struct LoadOptions {
  static constexpr uint32_t kMaxConnections = 20'000;  ///< what one address has ports for
  static constexpr uint32_t kMaxDepth = CallSlots::kMaxDepth;
  static constexpr uint32_t kMaxInFlight = 1'000'000;  ///< connections × depth
  static constexpr uint32_t kMaxRate = 10'000'000;
  /// Bytes of all requests that can be in flight at once: what waits in buffers of ours.
  static constexpr size_t kMaxRequestBytes = size_t{1} << 30;

  ServerUrl url;
  std::shared_ptr<const TlsMaterial> tls{};  ///< of tls://; else null
  std::string function;
  std::string argument;  ///< one MessagePack value
  std::string expected;  ///< what every result must be, byte for byte; empty: anything
  uint32_t connections = 16;
  uint32_t depth = 1;  ///< calls in flight on each connection, at most
  uint32_t rate = 0;   ///< calls per second, all together (open loop); 0: closed loop
  uint32_t duration_ms = 10'000;
  uint32_t warmup_ms = 1'000;
  /// For opening a connection, and for each answer. In an open loop also how long after its time
  /// a call may still be sent: this is what bounds the backlog.
  uint32_t timeout_ms = 5'000;
};

}  // namespace zerogate
