// A backend whose calls have all been answered because the gateway ends, while the loop runs on.
#include <gmock/gmock.h>

#include "core/bridge/backend.h"
#include "tests/unit/core/bridge/backend_fixture.h"

namespace zerogate::testing {
namespace {

using ::testing::HasSubstr;

class BackendEnd : public BackendTest, public ::testing::WithParamInterface<const char*> {
 protected:
  /// One call is at the server and one waits, until both are told of the end.
  void end() {
    serve(1, GetParam());
    const size_t sent = call();
    const size_t waiting = call();
    pass_ms(1);
    ASSERT_EQ(server().sent.size(), 1u);
    backend_->fail_all();
    for (const size_t one : {sent, waiting}) {
      EXPECT_THAT(answer(one), HasSubstr("the gateway is shutting down"));
    }
    EXPECT_EQ(metrics_->queue.value(), 0u);
    expect_nothing_more();
  }
  void expect_nothing_more() {
    EXPECT_EQ(sink_.answers.size(), 2u);
    EXPECT_EQ(ended(Outcome::unavailable), 2u);
    EXPECT_TRUE(backend_->idle());
  }
  FakeConnection& server() { return *network_.to(name(1))[0]; }
};

TEST_P(BackendEnd, ALateAnswerReachesNobody) {
  end();
  server().answer("\xa2ok");
  pass_ms(1);
  expect_nothing_more();
  EXPECT_EQ(ended_at(1, Outcome::ok), 0u);
  EXPECT_EQ(network_.requests(name(1)), 0u) << "the room that it made is nobody's";
}

TEST_P(BackendEnd, AConnectionThatEndsTakesNoCallWithIt) {
  end();
  network_.kill(name(1));
  pass_ms(1);
  expect_nothing_more();
  EXPECT_EQ(requests_.held, 0u);
}

TEST_P(BackendEnd, NoCallIsLateAfterIt) {
  end();
  pass_ms(2 * kTimeoutMs);
  expect_nothing_more();
  EXPECT_EQ(ended_at(1, Outcome::timeout), 0u);
  EXPECT_EQ(network_.to(name(1)).size(), 1u) << "no reason to replace the connection";
}

TEST_P(BackendEnd, ACallOnItsSecondAttemptIsToldToo) {
  options_.idempotent = {"*"};
  serve(2, GetParam());
  const size_t one = call();
  pass_ms(1);
  network_.kill(name(network_.requests(name(1)) == 1 ? 1 : 2));
  pass_ms(1);
  EXPECT_FALSE(answered(one));
  backend_->fail_all();
  EXPECT_THAT(answer(one), HasSubstr("the gateway is shutting down"));
  pass_ms(2 * kTimeoutMs);
  EXPECT_TRUE(backend_->idle());
}

INSTANTIATE_TEST_SUITE_P(Protocols, BackendEnd, ::testing::Values("tcp", "zmq"));

}  // namespace
}  // namespace zerogate::testing
