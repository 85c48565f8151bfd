// A yardstick: the least that a ROUTER can do. It answers every message of W5 with "hello world",
// whatever it asks for, in one blocking loop without any other loop around it.
//
//   bare_router      binds a free port of loopback, prints it, and serves until a signal
//
// Behind zmq_proxy it is the bare ZeroMQ backend: all frames but the last are the way back.

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/io/zmq_socket.h"
#include "core/wire/w5.h"

namespace zerogate::bench {
namespace {

constexpr ByteView kHelloWorld =
    "\xab"
    "hello world";

/// Sends the reply to a request; frames of the way back were sent before.
void answer(void* router, ByteView request) {
  const ByteView id = request.substr(0, wire::w5::kIdBytes);
  ZmqMessage reply;
  zmq_msg_close(reply.get());
  zmq_msg_init_size(reply.get(), id.size() + kHelloWorld.size());
  auto* to = static_cast<char*>(zmq_msg_data(reply.get()));
  id.copy(to, id.size());
  kHelloWorld.copy(to + id.size(), kHelloWorld.size());
  zmq_msg_send(reply.get(), router, 0);
}

int run() {
  const ZmqContext context(zmq_ctx_new());
  const ZmqSocket router(zmq_socket(context.get(), ZMQ_ROUTER));
  set_option(router, ZMQ_SNDHWM, 0);
  set_option(router, ZMQ_RCVHWM, 0);
  char endpoint[64];
  size_t size = sizeof endpoint;
  if (zmq_bind(router.get(), "tcp://127.0.0.1:*") != 0 ||
      zmq_getsockopt(router.get(), ZMQ_LAST_ENDPOINT, endpoint, &size) != 0) {
    fmt::print(stderr, "bare_router: cannot bind: {}\n", zmq_strerror(zmq_errno()));
    return EXIT_FAILURE;
  }
  fmt::print("{}\n", std::strrchr(endpoint, ':') + 1);
  std::fflush(stdout);
  for (;;) {
    ZmqMessage frame;
    if (zmq_msg_recv(frame.get(), router.get(), 0) < 0) {
      return EXIT_FAILURE;
    }
    if (frame.more()) {
      zmq_msg_send(frame.get(), router.get(), ZMQ_SNDMORE);
    } else {
      answer(router.get(), frame.view());
    }
  }
}

}  // namespace
}  // namespace zerogate::bench

int main() { return zerogate::bench::run(); }
