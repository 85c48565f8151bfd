// For tests that ask nothing about handshakes.
#pragma once

#include "core/io/tls_observer.h"

namespace zerogate::testing {

struct SilentTlsObserver final : TlsObserver {
  void on_handshake(TlsResult, uint64_t) override {}
  void on_end() override {}
};

}  // namespace zerogate::testing
