// What one worker counts about TLS.
#pragma once

#include <array>
#include <cstdint>

#include "core/io/tls_observer.h"
#include "core/metrics/counter.h"
#include "core/metrics/histogram.h"
#include "core/security/tls_result.h"

namespace zerogate {

/// Of one side: the connections of clients, or those to backends. Written by the worker's thread
/// alone, as all that WorkerMetrics has.
class TlsMetrics final : public TlsObserver {
 public:
  std::array<Counter, kTlsResultNames.size()> handshakes;
  Histogram duration;   ///< of good handshakes
  Counter connections;  ///< gauge: with a good handshake, open now

  void on_handshake(TlsResult result, uint64_t took_ns) override {
    handshakes[static_cast<size_t>(result)].add();
    if (result == TlsResult::ok) {
      duration.observe(took_ns);
      connections.add();
    }
  }
  void on_end() override { connections.sub(); }
};

}  // namespace zerogate
