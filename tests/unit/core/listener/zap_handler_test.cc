// libzmq's questions about newcomers, asked as libzmq asks them.
#include "core/listener/zap_handler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/io/event_loop.h"

namespace zerogate::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ZapHandlerTest : public ::testing::Test {
 protected:
  using Frames = std::vector<std::string>;

  ZapHandlerTest() {
    handler_ = ZapHandler::make(loop_.uv(), context_.get(), [this](const ZapRequest& request) {
      judged_.push_back(std::string(request.address) + ' ' + std::string(request.mechanism) + ' ' +
                        std::string(request.key));
      return verdict_;
    });
    zmq_connect(asker_.get(), "inproc://zeromq.zap.01");
  }
  ~ZapHandlerTest() override {
    handler_.reset();
    loop_.close();
  }

  /// Behind an empty frame, as of a REQ.
  void ask(const Frames& frames) {
    zmq_send(asker_.get(), "", 0, ZMQ_SNDMORE);
    for (const std::string& frame : frames) {
      const int more = &frame == &frames.back() ? 0 : ZMQ_SNDMORE;
      ASSERT_EQ(zmq_send(asker_.get(), frame.data(), frame.size(), more),
                static_cast<int>(frame.size()));
    }
  }
  /// The oldest answer that has come; nothing when there is none.
  Frames answer() {
    for (int turns = 0; turns < 10; ++turns) {
      loop_.run_turn();
    }
    Frames frames;
    ZmqMessage message;
    for (bool more = true; more && message.receive(asker_.get()); more = message.more()) {
      frames.emplace_back(message.received());
    }
    if (!frames.empty()) {
      frames.erase(frames.begin());
    }
    return frames;
  }
  static Frames question(const std::string& version = "1.0") {
    return {version, "id 7", "zerogate", "10.0.0.7", "identity", "CURVE", std::string(32, 'k')};
  }

  EventLoop loop_;
  ZmqContext context_{zmq_ctx_new()};
  ZmqSocket asker_{zmq_socket(context_.get(), ZMQ_DEALER)};
  std::optional<std::string> verdict_ = "orders";
  std::vector<std::string> judged_;
  std::unique_ptr<ZapHandler> handler_;
};

TEST_F(ZapHandlerTest, TheVerdictGoesBackWithTheNameOfThePeer) {
  ask(question());
  EXPECT_THAT(answer(), ElementsAre("1.0", "id 7", "200", "", "orders", ""));
  EXPECT_THAT(judged_, ElementsAre("10.0.0.7 CURVE " + std::string(32, 'k')));
  verdict_ = std::nullopt;
  ask(question());
  EXPECT_THAT(answer(), ElementsAre("1.0", "id 7", "400", "not allowed", "", ""));
}

TEST_F(ZapHandlerTest, WhatIsNoQuestionOfThisVersionIsRefusedUnjudged) {
  ask(question("1.1"));
  EXPECT_THAT(answer(), ElementsAre("1.0", "id 7", "400", "not allowed", "", ""));
  ask({"1.0", "id 7", "zerogate", "10.0.0.7", "identity"});
  EXPECT_THAT(answer(), ElementsAre("1.0", "id 7", "400", "not allowed", "", ""));
  EXPECT_THAT(judged_, IsEmpty());
}

TEST_F(ZapHandlerTest, MoreCredentialsThanAnyMechanismHasDoNoHarm) {
  Frames frames = question();
  frames.insert(frames.end(), 5, "more");
  ask(frames);
  EXPECT_THAT(answer(), ElementsAre("1.0", "id 7", "200", "", "orders", ""));
}

TEST_F(ZapHandlerTest, ManyAreAnsweredOneAfterTheOtherAndThenTheLoopRests) {
  constexpr int kMany = 3 * ZapHandler::kRequestsPerTurn;
  for (int i = 0; i < kMany; ++i) {
    ask(question());
  }
  for (int i = 0; i < kMany; ++i) {
    EXPECT_EQ(answer().size(), 6u) << i;
  }
  EXPECT_NE(uv_backend_timeout(loop_.uv()), 0) << "the next poll does not wait";
}

}  // namespace
}  // namespace zerogate::testing
