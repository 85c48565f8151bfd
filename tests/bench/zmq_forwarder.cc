// A yardstick: what libzmq offers for forwarding, zmq_proxy() between a ROUTER and a DEALER. It
// moves messages and knows nothing of calls: no time-out, no second endpoint, nothing counted.
//
//   zmq_forwarder PORT      binds a free port of loopback, prints it, and forwards all messages to
//                           the ROUTER at PORT of loopback, until a signal

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/io/zmq_socket.h"

namespace zerogate::bench {
namespace {

int run(const char* backend_port) {
  const ZmqContext context(zmq_ctx_new());
  const ZmqSocket front(zmq_socket(context.get(), ZMQ_ROUTER));
  const ZmqSocket back(zmq_socket(context.get(), ZMQ_DEALER));
  for (const ZmqSocket* socket : {&front, &back}) {
    set_option(*socket, ZMQ_SNDHWM, 0);
    set_option(*socket, ZMQ_RCVHWM, 0);
  }
  char endpoint[64];
  size_t size = sizeof endpoint;
  if (zmq_connect(back.get(), fmt::format("tcp://127.0.0.1:{}", backend_port).c_str()) != 0 ||
      zmq_bind(front.get(), "tcp://127.0.0.1:*") != 0 ||
      zmq_getsockopt(front.get(), ZMQ_LAST_ENDPOINT, endpoint, &size) != 0) {
    fmt::print(stderr, "zmq_forwarder: cannot bind or connect: {}\n", zmq_strerror(zmq_errno()));
    return EXIT_FAILURE;
  }
  fmt::print("{}\n", std::strrchr(endpoint, ':') + 1);
  std::fflush(stdout);
  return zmq_proxy(front.get(), back.get(), nullptr);
}

}  // namespace
}  // namespace zerogate::bench

int main(int argc, char** argv) {
  if (argc == 2) {
    return zerogate::bench::run(argv[1]);
  }
  fmt::print(stderr, "zmq_forwarder: which backend? write zmq_forwarder PORT\n");
  return 2;
}
