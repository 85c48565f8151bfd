// The options that decide when libzmq or the kernel ends a connection.
#include "core/listener/zmq_router.h"

#include <gtest/gtest.h>
#include <zmq.h>

#include "core/listener/zmq_listener.h"
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

TEST(ZmqRouterTest, RequestsThatWaitHaveALimitAndRepliesAreCountedInstead) {
  const ZmqContext context = open_router_context();
  const ZmqSocket router = open_router(context.get(), ZmqOptions{});
  ASSERT_NE(router, nullptr);
  EXPECT_EQ(option(router, ZMQ_RCVHWM), ZmqListener::kRequestQueue);
  EXPECT_EQ(option(router, ZMQ_SNDHWM), 0);
  EXPECT_EQ(option(router, ZMQ_HANDSHAKE_IVL), ZmqListener::kHandshakeTimeoutMs);
}

TEST(ZmqRouterTest, TheKernelKeepsAsMuchOfAConnectionAsTheAccountSays) {
  const ZmqContext context = open_router_context();
  MemoryAccount memory(64 << 20, 128 << 10);
  ZmqOptions options;
  options.memory = &memory;
  const ZmqSocket router = open_router(context.get(), options);
  ASSERT_NE(router, nullptr);
  EXPECT_EQ(option(router, ZMQ_RCVBUF), 64 << 10) << "the kernel doubles it";
  EXPECT_EQ(option(router, ZMQ_SNDBUF), 64 << 10);
  EXPECT_EQ(option(open_router(context.get(), ZmqOptions{}), ZMQ_SNDBUF), -1);
}

}  // namespace
}  // namespace zerogate
