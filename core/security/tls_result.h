// How a TLS handshake ended, and on which side of the gateway: label values of the metrics, so the
// names never change.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace zerogate {

enum class TlsResult : uint8_t {
  ok,
  no_certificate,  ///< the peer sent none, and one is required
  untrusted,       ///< of another CA, or not for this purpose
  not_allowed,     ///< of the CA, but its name is not among those that may speak
  expired,         ///< or not yet valid
  protocol,        ///< no TLS, no common version, or the peer ended the handshake
  timeout,         ///< not finished in time
};
inline constexpr std::array<std::string_view, 7> kTlsResultNames = {
    "ok", "no_certificate", "untrusted", "not_allowed", "expired", "protocol", "timeout"};

/// Who began the connection decides: clients come to a listener, the gateway goes to a backend.
enum class TlsSide : uint8_t { listener, backend };
inline constexpr std::array<std::string_view, 2> kTlsSideNames = {"listener", "backend"};

inline std::string_view name_of(TlsResult result) {
  return kTlsResultNames[static_cast<size_t>(result)];
}
inline std::string_view name_of(TlsSide side) { return kTlsSideNames[static_cast<size_t>(side)]; }

}  // namespace zerogate
