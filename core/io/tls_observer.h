// Who hears what TLS streams do.
#pragma once

#include <cstdint>

#include "core/security/tls_result.h"

namespace zerogate {

/// Counts what TLS streams do. Loop thread only; outlives the streams.
class TlsObserver {
 public:
  /// A handshake has ended. A good one's connection is open from now on.
  virtual void on_handshake(TlsResult result, uint64_t took_ns) = 0;
  /// A connection with a good handshake has closed.
  virtual void on_end() = 0;

 protected:
  ~TlsObserver() = default;
};

}  // namespace zerogate
