// What the TLS streams of a loop may do in its turns, and in which order.
#include "core/io/tls_loop.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/io/event_loop.h"

namespace zerogate {
namespace {

struct Waiting final : TlsLoop::Waiter {
  explicit Waiting(std::vector<Waiting*>& served) : served(served) {}
  void on_turn() override { served.push_back(this); }
  std::vector<Waiting*>& served;
};

class TlsLoopTest : public ::testing::Test {
 protected:
  /// Who had a turn in the loop's next one.
  std::vector<Waiting*> served() {
    served_.clear();
    loop_.run_turn();
    return served_;
  }

  using Served = std::vector<Waiting*>;
  std::vector<Waiting*> served_;
  EventLoop loop_;
  TlsLoop tls_{loop_.uv()};
  Waiting first_{served_};
  Waiting second_{served_};
};

TEST_F(TlsLoopTest, AWaiterHasOneTurnHoweverOftenItHasAskedForIt) {
  tls_.wait(first_, true);
  tls_.wait(second_, false);
  tls_.wait(first_, false);  // which it waits for now, behind the other
  tls_.wait(first_, false);
  EXPECT_EQ(served(), (Served{&second_, &first_}));
  EXPECT_EQ(served(), Served{});
}

TEST_F(TlsLoopTest, WhoIsForgottenHasNone) {
  tls_.wait(first_, true);
  tls_.wait(second_, true);
  tls_.forget(first_);
  tls_.forget(first_);
  EXPECT_EQ(served(), Served{&second_});
}

TEST_F(TlsLoopTest, StepsBeyondThoseOfATurnAreForTheNext) {
  tls_.wait(first_, true);
  tls_.wait(second_, false);
  tls_.count_steps(TlsLoop::kStepsPerTurn - 1);
  EXPECT_TRUE(tls_.may_step());
  tls_.count_steps(1);
  EXPECT_FALSE(tls_.may_step());
  EXPECT_EQ(served(), Served{&second_}) << "it takes no step";
  EXPECT_TRUE(tls_.may_step());
  EXPECT_EQ(served(), Served{&first_});
}

}  // namespace
}  // namespace zerogate
