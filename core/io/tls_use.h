// How a stream is to speak TLS.
#pragma once

#include <memory>
#include <string>

#include "core/io/tls_loop.h"
#include "core/io/tls_observer.h"

namespace zerogate {

class TlsContext;

struct TlsUse {
  std::shared_ptr<const TlsContext> context;
  TlsLoop& loop;
  TlsObserver& observer;
  std::string name{};  ///< see TlsSession
};

}  // namespace zerogate
