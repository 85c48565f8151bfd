// One call on its way through a backend.
#pragma once

#include <cstdint>
#include <string>

#include "core/bridge/expected_time.h"
#include "core/rpc/call.h"
#include "core/wire/protocol.h"
#include "core/wire/translate.h"

namespace zerogate {

class Endpoint;
class BackendConnection;
class CallQueue;
class ServiceTime;
struct CallerLane;

/// Made when a call reaches its backend, gone when the call is answered. It keeps a copy of the
/// request, for a call may have to wait, or go to another endpoint. Owned by its Backend, which
/// reuses the memory.
struct ForwardedCall {
  Call call;
  std::string request;  ///< function and argument, in one piece
  size_t function_bytes = 0;
  uint32_t timeout_ms = 0;
  uint64_t deadline_ms = 0;
  uint64_t sent_ns = 0;
  Endpoint* endpoint = nullptr;             ///< it was last sent to
  BackendConnection* connection = nullptr;  ///< null while it waits
  uint32_t slot = 0;                        ///< in the connection
  bool unknown = false;    ///< the function has no label yet: see BridgeContext::learn
  bool any_bytes = false;  ///< see Request
  uint8_t hops = 0;        ///< gateways that it has come through, this one included
  bool retried = false;
  bool sent_again = false;  ///< a server closed the connection before it had begun with it

  ServiceTime* service_time = nullptr;  ///< its function's; null when nothing is known of it
  ExpectedTime expected;                ///< as it was when the call was sent
  uint32_t reply_bytes = 0;             ///< the same, of the largest reply

  ByteView function() const { return ByteView(request).substr(0, function_bytes); }
  /// Exactly one MessagePack value, unless any_bytes says otherwise.
  ByteView argument() const { return ByteView(request).substr(function_bytes); }
  /// A server of this protocol can be sent it.
  bool fits(Protocol protocol) const {
    return protocol == Protocol::tcp ? !any_bytes : wire::fits_zmq_name(function());
  }

  CallQueue* queue = nullptr;  ///< it waits in; null while it does not
  CallerId caller;             ///< whose share of the queue it waits in
  CallerLane* lane = nullptr;  ///< while it is in a CallQueue, which alone uses these three
  uint64_t queued_ns = 0;
  ForwardedCall* lane_prev = nullptr;
  ForwardedCall* lane_next = nullptr;

  // Place in the backend's lists; see IntrusiveList.
  ForwardedCall* queue_prev = nullptr;
  ForwardedCall* queue_next = nullptr;
  ForwardedCall* deadline_prev = nullptr;
  ForwardedCall* deadline_next = nullptr;
};

}  // namespace zerogate
