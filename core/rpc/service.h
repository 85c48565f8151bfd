// The interface behind a route: a function served here, or a backend elsewhere (core/bridge).
#pragma once

#include <cstdint>

#include "core/base/bytes.h"
#include "core/metrics/function_labels.h"
#include "core/rpc/call.h"

namespace zerogate {

/// One request, as views into the listener's buffer: valid only during Service::serve.
struct Request {
  ByteView function;
  ByteView argument;       ///< exactly one MessagePack value; nil when the client sent none
  bool unknown = false;    ///< the function has no metrics label of its own (yet)
  bool any_bytes = false;  ///< the argument is something else: see Service::takes_any_bytes()
  uint8_t hops = 0;        ///< gateways that it has come through
  FunctionLabel label = FunctionLabels::other();  ///< of the function
};

/// Owned by what routes lead to: a worker's list of handlers, or its bridge; or by the service that
/// wraps it. Used by that worker's thread only.
class Service {
 public:
  virtual ~Service() = default;

  /// Answers `call` now, or keeps it and answers later. Copies the parts of `request` that it needs
  /// after this returns. Loop thread only; must not throw and must not block.
  virtual void serve(const Request& request, Call call) = 0;

  /// True for what hands arguments on to a ZeroMQ server as they are: client and server may have an
  /// encoder of their own there, and MessagePack is none of the gateway's business.
  virtual bool takes_any_bytes() const { return false; }
};

}  // namespace zerogate
