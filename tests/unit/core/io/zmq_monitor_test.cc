#include "core/io/zmq_monitor.h"

#include <gtest/gtest.h>

#include <utility>

namespace zerogate {
namespace {

TEST(ZmqMonitor, EventsThatAreThereCanBeReadBeforeTheLoopComesRound) {
  uv_loop_t loop;
  uv_loop_init(&loop);
  {
    const ZmqContext context(zmq_ctx_new());
    const ZmqSocket router(zmq_socket(context.get(), ZMQ_ROUTER));
    const ZmqSocket dealer(zmq_socket(context.get(), ZMQ_DEALER));
    int accepted = 0;
    int batches = 0;
    ZmqMonitor::Hooks hooks;
    hooks.on_event = [&](int event, int) { accepted += event == ZMQ_EVENT_ACCEPTED ? 1 : 0; };
    hooks.on_batch = [&] { ++batches; };
    const auto monitor =
        ZmqMonitor::make(&loop, context.get(), router.get(), ZMQ_EVENT_ACCEPTED, std::move(hooks));
    ASSERT_NE(monitor, nullptr);
    ASSERT_EQ(zmq_bind(router.get(), "tcp://127.0.0.1:*"), 0);
    char endpoint[64];
    size_t size = sizeof endpoint;
    ASSERT_EQ(zmq_getsockopt(router.get(), ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
    set_option(dealer, ZMQ_LINGER, 0);
    ASSERT_EQ(zmq_connect(dealer.get(), endpoint), 0);
    ASSERT_EQ(zmq_send(dealer.get(), "hello", 5, 0), 5);
    ZmqMessage identity;
    ASSERT_GE(zmq_msg_recv(identity.get(), router.get(), 0), 0);
    EXPECT_EQ(accepted, 0);
    monitor->catch_up();
    EXPECT_EQ(accepted, 1) << "what came on a connection comes after its begin";
    EXPECT_EQ(batches, 1);
  }
  uv_run(&loop, UV_RUN_DEFAULT);
  EXPECT_EQ(uv_loop_close(&loop), 0);
}

}  // namespace
}  // namespace zerogate
