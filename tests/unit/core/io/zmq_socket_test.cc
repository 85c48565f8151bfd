#include "core/io/zmq_socket.h"

#include <gmock/gmock.h>

namespace zerogate::testing {
namespace {

/// A message that says when its bytes are freed.
class FreedMessage {
 public:
  FreedMessage() {
    const auto free = [](void*, void* freed) { *static_cast<bool*>(freed) = true; };
    zmq_msg_init_data(&message_, bytes_, sizeof bytes_, free, &freed_);
  }
  zmq_msg_t& get() { return message_; }
  bool freed() const { return freed_; }

 private:
  char bytes_[3] = {1, 2, 3};
  bool freed_ = false;
  zmq_msg_t message_;
};

TEST(ZmqSocketTest, WhatIsSentIsFreedOnceItIsRead) {
  const ZmqContext context(zmq_ctx_new());
  const ZmqSocket in(zmq_socket(context.get(), ZMQ_PULL));
  const ZmqSocket out(zmq_socket(context.get(), ZMQ_PUSH));
  zmq_bind(in.get(), "inproc://messages");
  zmq_connect(out.get(), "inproc://messages");
  FreedMessage message;
  EXPECT_TRUE(send_or_free(out.get(), message.get()));
  EXPECT_FALSE(message.freed());
  ZmqMessage read;
  ASSERT_TRUE(read.receive(in.get()));
  EXPECT_EQ(read.received(), "\x01\x02\x03");
  zmq_msg_close(read.get());
  EXPECT_TRUE(message.freed());
}

// As of a backend whose connection has just gone.
TEST(ZmqSocketTest, WhatCannotBeSentIsFreedAtOnce) {
  const ZmqContext context(zmq_ctx_new());
  const ZmqSocket nobody_there(zmq_socket(context.get(), ZMQ_DEALER));
  FreedMessage message;
  EXPECT_FALSE(send_or_free(nobody_there.get(), message.get()));
  EXPECT_TRUE(message.freed());
}

}  // namespace
}  // namespace zerogate::testing
