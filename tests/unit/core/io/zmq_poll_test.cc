#include "core/io/zmq_poll.h"

#include <gmock/gmock.h>

#include <vector>

#include "core/io/event_loop.h"
#include "core/io/zmq_socket.h"

namespace zerogate::testing {
namespace {

/// A reader whose budget is one message, and the number of messages that it read in each turn.
class ZmqPollTest : public ::testing::Test, private ZmqReader, private TurnObserver {
 protected:
  ZmqPollTest() {
    zmq_bind(in_.get(), "inproc://messages");
    zmq_connect(out_.get(), "inproc://messages");
    loop_.set_observer(*this);
    poll_ = ZmqPoll::make(loop_.uv(), in_.get(), *this);
  }
  ~ZmqPollTest() override {
    poll_.reset();
    loop_.close();
  }

  void send(int messages) {
    for (int i = 0; i < messages; ++i) {
      ASSERT_EQ(zmq_send(out_.get(), "m", 1, 0), 1);
    }
  }

  int left_ = 0;  ///< the loop stops when so many have been read
  std::vector<int> read_;
  EventLoop loop_;

 private:
  bool receive() override {
    loop_.began_ns();
    if (!message_.receive(in_.get())) {
      return true;
    }
    ++in_turn_;
    if (--left_ == 0) {
      loop_.stop();
    }
    return false;
  }
  void on_turn_begin(uint64_t) override { in_turn_ = 0; }
  void on_turn_end(uint64_t, uint64_t) override { read_.push_back(in_turn_); }

  int in_turn_ = 0;
  ZmqContext context_{zmq_ctx_new()};
  ZmqSocket in_{zmq_socket(context_.get(), ZMQ_PULL)};
  ZmqSocket out_{zmq_socket(context_.get(), ZMQ_PUSH)};
  ZmqMessage message_;
  std::unique_ptr<ZmqPoll> poll_;
};

TEST_F(ZmqPollTest, ATurnUsesUpOneBudgetAtMost) {
  for (const int messages : {1, 2, 20}) {
    read_.clear();
    left_ = messages;
    send(messages);
    loop_.run();
    EXPECT_EQ(left_, 0);
    EXPECT_THAT(read_, ::testing::Each(::testing::Le(1)));
  }
}

TEST_F(ZmqPollTest, WhatComesWhileABudgetIsSpentIsReadAtOnce) {
  left_ = 40;
  for (int i = 0; i < 20; ++i) {
    send(2);
    loop_.run_turn();
  }
  loop_.run();
  EXPECT_EQ(left_, 0);
}

}  // namespace
}  // namespace zerogate::testing
