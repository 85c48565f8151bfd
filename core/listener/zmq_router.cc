#include "core/listener/zmq_router.h"

#include "core/listener/zap_handler.h"
#include "core/listener/zmq_listener.h"
#include "core/wire/w5.h"

namespace zerogate {
ZmqContext open_router_context() {
  ZmqContext context(zmq_ctx_new());
  zmq_ctx_set(context.get(), ZMQ_IO_THREADS, 1);
  return context;
}

ZmqSocket open_router(void* context, const ZmqOptions& options) {
  ZmqSocket router(zmq_socket(context, ZMQ_ROUTER));
  if (router == nullptr) {
    return router;
  }
  set_option(router, ZMQ_LINGER, 0);  // infinite by default
  set_option(router, ZMQ_IPV6, 1);
  // By default a ROUTER drops what it cannot send and says nothing: MANDATORY makes it say so.
  set_option(router, ZMQ_ROUTER_MANDATORY, 1);
  // Refuses ZMTP 1.0 and 2.0: libzmq 4.3.4 never frees the 25 KB that a peer with an old or garbled
  // greeting costs (measured with a bare ROUTER). They cannot be authenticated, so a domain rules
  // them out; current peers are judged by the ZapHandler. Every
  // released zeroapi brings a libzmq that speaks 3.x.
  zmq_setsockopt(router.get(), ZMQ_ZAP_DOMAIN, ZapHandler::kDomain.data(),
                 ZapHandler::kDomain.size());
  // Unlimited by default: a few bytes could claim exabytes.
  set_option(router, ZMQ_MAXMSGSIZE,
             static_cast<int64_t>(options.max_message + wire::w5::kIdBytes + wire::w5::kNameBytes +
                                  ZmqListener::kOversizeGrace));
  // Without a limit: with one libzmq refuses replies that are ready, and takes no byte into
  // account. What waits here is counted instead, whatever its size: see ZmqListener::send().
  set_option(router, ZMQ_SNDHWM, 0);
  set_option(router, ZMQ_RCVHWM, ZmqListener::kRequestQueue);
  // A silent connection would hold a descriptor for 30 s by default.
  set_option(router, ZMQ_HANDSHAKE_IVL, ZmqListener::kHandshakeTimeoutMs);
  // No ZMTP heartbeat (ZMQ_HEARTBEAT_IVL). libzmq answers a PING only while it reads, and stops
  // when its user has not taken ZMQ_RCVHWM messages: a quiet synchronous client, or one in a
  // debugger, would lose its connection. And libzmq 4.3.4 takes only whole messages for a sign of
  // life: a large request over a slow line would be cut off. The kernel knows better. It ends a
  // connection whose peer does not acknowledge what was sent (MAXRT is TCP_USER_TIMEOUT), and asks
  // one that is idle: two hours by default. A peer that stands still in the middle of a message is
  // ended by ZmqConnections::end_stalled().
  if (options.memory != nullptr) {
    limit_socket_memory(router, options.memory->socket_buffer());
  }
  set_option(router, ZMQ_TCP_KEEPALIVE, 1);
  set_option(router, ZMQ_TCP_KEEPALIVE_IDLE, ZmqListener::kKeepAliveS);
  set_option(router, ZMQ_TCP_KEEPALIVE_INTVL, 1);
  set_option(router, ZMQ_TCP_MAXRT, ZmqListener::kVanishedMs);
  return router;
}

// A raw ROUTER numbers its peers and throws their claims away. Once it is bound only that is left
// of the option: connections have taken over the options of before, which speak ZMTP, and with 0 an
// empty message does not end a connection.
bool bind_router(ZmqSocket& router, const char* endpoint) {
  if (zmq_bind(router.get(), endpoint) != 0) {
    return false;
  }
  set_option(router, ZMQ_ROUTER_RAW, 1);
  set_option(router, ZMQ_ROUTER_RAW, 0);
  return true;
}

}  // namespace zerogate
