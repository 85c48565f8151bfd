// The ROUTER socket of the CURVE port, and the options that bound libzmq's work for it.
#pragma once

#include "core/io/zmq_socket.h"

namespace zerogate {

struct ZmqOptions;

/// A context with one I/O thread, for one ROUTER.
ZmqContext open_router_context();

/// A ROUTER of `context`, which outlives it; not bound yet. The .cc has a reason for each option.
/// Null when the context has no room for it.
ZmqSocket open_router(void* context, const ZmqOptions& options);

}  // namespace zerogate
