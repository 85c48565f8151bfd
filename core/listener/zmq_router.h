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

/// Binds it. Every peer gets an identity that libzmq makes, whatever it claims: with one of its own
/// a peer could get the replies of another, and libzmq 4.3.4 ends the process (an assertion in
/// routing_socket_base_t) when a peer has claimed the one that it makes next. False: zmq_errno().
/// A message to a peer has one frame behind the identity from then on.
bool bind_router(ZmqSocket& router, const char* endpoint);

}  // namespace zerogate
