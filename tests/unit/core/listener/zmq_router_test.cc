// The options that decide when libzmq or the kernel ends a connection.
#include "core/listener/zmq_router.h"

#include <gtest/gtest.h>
#include <zmq.h>

#include "core/listener/zmq_options.h"

namespace zerogate {
namespace {

int option(const ZmqSocket& socket, int name) {
  int value = -1;
  size_t size = sizeof value;
  EXPECT_EQ(zmq_getsockopt(socket.get(), name, &value, &size), 0);
  return value;
}

TEST(ZmqRouterTest, APeerThatDoesNotReadIsPingedByItsKernelOnly) {
  const ZmqContext context = open_router_context();
  const ZmqSocket router = open_router(context.get(), ZmqOptions{});
  ASSERT_NE(router, nullptr);
  EXPECT_EQ(option(router, ZMQ_HEARTBEAT_IVL), 0);
  EXPECT_EQ(option(router, ZMQ_TCP_KEEPALIVE), 1);
  EXPECT_EQ(option(router, ZMQ_TCP_KEEPALIVE_IDLE), 60);
  EXPECT_EQ(option(router, ZMQ_TCP_KEEPALIVE_INTVL), 1);
  EXPECT_EQ(option(router, ZMQ_TCP_MAXRT), 30'000);
}

}  // namespace
}  // namespace zerogate
