#include "core/base/turn.h"

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>

namespace zerogate {
namespace {

struct Client final : EndOfTurn {
  explicit Client(std::function<void()> f) : on_end(std::move(f)) {}
  void end_of_turn() override { on_end(); }
  std::function<void()> on_end;
};

class TurnTest : public testing::Test {
 protected:
  TurnTest() {
    uv_loop_init(&loop_);
    turn_.emplace(&loop_);
  }
  ~TurnTest() override {
    turn_.reset();
    uv_run(&loop_, UV_RUN_DEFAULT);
    EXPECT_EQ(uv_loop_close(&loop_), 0) << "a handle was left open";
  }

  uv_loop_t loop_;
  std::optional<Turn> turn_;
  std::string log_;
};

TEST_F(TurnTest, CallsItsClientsInTheirOrder) {
  Client a([this] { log_ += 'a'; }), b([this] { log_ += 'b'; }), c([this] { log_ += 'c'; });
  turn_->add(b);
  turn_->add(a);
  turn_->add(c);
  uv_run(&loop_, UV_RUN_NOWAIT);
  ASSERT_GE(log_.size(), 3u);
  for (size_t i = 0; i < log_.size(); ++i) EXPECT_EQ(log_[i], "bac"[i % 3]);
}

TEST_F(TurnTest, ARemovedClientIsNotCalled) {
  Client a([this] { log_ += 'a'; }), b([this] { log_ += 'b'; });
  turn_->add(a);
  turn_->add(b);
  turn_->remove(a);
  uv_run(&loop_, UV_RUN_NOWAIT);
  EXPECT_NE(log_.find('b'), log_.npos);
  EXPECT_EQ(log_.find('a'), log_.npos);
}

// What a timer has gathered must not wait for the next socket to become readable.
TEST_F(TurnTest, EndsATurnBetweenTimersAndSleep) {
  const auto timer = make_uv<uv_timer_t>(&loop_, uv_timer_init, &log_);
  Client client([this] { log_ += 'e'; });
  turn_->add(client);
  uv_timer_start(
      timer.get(), [](uv_timer_t* t) { *static_cast<std::string*>(t->data) += 'T'; }, 0, 0);
  const auto far = make_uv<uv_timer_t>(&loop_, uv_timer_init, nullptr);
  uv_timer_start(
      far.get(), [](uv_timer_t*) {}, 1, 0);  // there is something to sleep for
  uv_run(&loop_, UV_RUN_ONCE);
  const size_t fired = log_.find('T');
  ASSERT_NE(fired, log_.npos);
  EXPECT_EQ(log_.substr(fired, 2), "Te");
}

// What a socket has brought is dealt with in the same turn.
TEST_F(TurnTest, EndsATurnBehindThePoll) {
  const auto init = [](uv_loop_t* loop, uv_async_t* handle) {
    uv_async_init(loop, handle,
                  [](uv_async_t* async) { *static_cast<std::string*>(async->data) += 'R'; });
  };
  const auto readable = make_uv<uv_async_t>(&loop_, init, &log_);
  Client client([this] { log_ += 'e'; });
  turn_->add(client);
  uv_async_send(readable.get());
  uv_run(&loop_, UV_RUN_ONCE);
  EXPECT_EQ(log_, "eRe") << "before the poll and behind it";
}

// Who gives new work to clients that have had their turn asks for another round.
TEST_F(TurnTest, GoesRoundAgainWhenAsked) {
  int rounds = 3;
  Client a([this] { log_ += 'a'; });
  Client b([&] {
    log_ += 'b';
    if (rounds-- > 1) turn_->again();
  });
  turn_->add(a);
  turn_->add(b);
  uv_run(&loop_, UV_RUN_NOWAIT);
  EXPECT_EQ(log_.substr(0, 6), "ababab");
  EXPECT_EQ(log_.size(), 8u) << "three rounds, and the turn's other end";
}

}  // namespace
}  // namespace zerogate
