// What the kernel keeps of connections, where that counts. The rest of MemoryKeeper is tested with
// real sessions: stream_listener_memory_test.cc.
#include "core/listener/memory_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "core/testing/manual_clock.h"

namespace zerogate {
namespace {

constexpr size_t kMiB = 1 << 20;

class FakePort final : public Listener {
 public:
  explicit FakePort(uint64_t& used) : used_(used) {}

  Status listen(const ListenSocket&) override { return ok_status(); }
  void stop_accepting() override {}
  void drain() override {}
  bool closed() const override { return false; }
  void leave() override {}
  bool empty() const override { return false; }
  bool flushed() const override { return true; }
  void list_clients(ClientList&) override {}
  size_t largest_hoard() override { return largest; }
  bool end_largest() override {
    ++ended;
    largest = 0;
    on_end();
    return true;
  }
  void finish() override {}
  void list_sockets(std::vector<SocketHoard>& hoards) override {
    ++measured;
    for (size_t i = 0; i < sockets.size(); ++i) {
      hoards.push_back({.memory = {.sent = sockets[i]}, .fd = static_cast<int>(i)});
    }
  }
  void end_socket(const SocketHoard& hoard) override {
    used_ -= sockets[static_cast<size_t>(hoard.fd)];
    sockets[static_cast<size_t>(hoard.fd)] = 0;
  }
  bool hoards_unseen() const override { return unseen; }

  std::vector<size_t> sockets;  ///< bytes
  size_t largest = 0;           ///< bytes, of its one client
  std::function<void()> on_end = [] {};
  int ended = 0;
  int measured = 0;
  bool unseen = false;

 private:
  uint64_t& used_;
};

class SocketBudgetTest : public ::testing::Test {
 protected:
  SocketBudgetTest() {
    for (FakePort** port : {&first_, &second_}) {
      auto made = std::make_unique<FakePort>(used_);
      *port = made.get();
      ports_.push_back(std::move(made));
    }
  }
  ~SocketBudgetTest() override { keeper_.stop(); }

  void keep() {
    clock_.advance_ms(1);
    keeper_.keep(ports_, clock_.now_ms());
  }
  int looks() const { return looks_; }

  ManualClock clock_;
  TimerQueue timers_{clock_};
  MemoryAccount memory_;
  uint64_t used_ = 0;
  uint64_t reclaimable_ = 0;
  int looks_ = 0;
  MemoryKeeper keeper_{memory_, timers_,
                       SocketBudget{.used =
                                        [this] {
                                          ++looks_;
                                          return used_;
                                        },
                                    .reclaimable = [this] { return reclaimable_; },
                                    .high = 32 * kMiB,
                                    .least = 4 * kMiB}};
  std::vector<std::unique_ptr<Listener>> ports_;
  FakePort* first_ = nullptr;
  FakePort* second_ = nullptr;
};

TEST_F(SocketBudgetTest, UpToTheMarkTheKernelKeepsWhatItLikes) {
  first_->sockets = {20 * kMiB};
  used_ = 32 * kMiB;
  keep();
  EXPECT_EQ(first_->sockets[0], 20 * kMiB);
  EXPECT_EQ(first_->measured, 0);
}

TEST_F(SocketBudgetTest, OverTheMarkThoseWithMostGoOnWhateverPortUntilItIsWithin) {
  first_->sockets = {1 * kMiB, 5 * kMiB};
  second_->sockets = {2 * kMiB, 4 * kMiB, 3 * kMiB};
  used_ = 32 * kMiB + 8 * kMiB;
  keep();
  EXPECT_THAT(first_->sockets, ::testing::ElementsAre(1 * kMiB, 0));
  EXPECT_THAT(second_->sockets, ::testing::ElementsAre(2 * kMiB, 0, 3 * kMiB));
}

TEST_F(SocketBudgetTest, WhatTheKernelTakesBackByItselfIsNoExcess) {
  first_->sockets = {1 * kMiB, 5 * kMiB, 6 * kMiB};
  used_ = 40 * kMiB;
  reclaimable_ = 8 * kMiB;
  keep();
  EXPECT_THAT(first_->sockets, ::testing::ElementsAre(1 * kMiB, 5 * kMiB, 6 * kMiB));
  used_ += 1 * kMiB;
  keep();
  EXPECT_THAT(first_->sockets, ::testing::ElementsAre(1 * kMiB, 5 * kMiB, 0));
}

// At the limit what is in use grows no more, and the kernel drops files to give connections theirs.
TEST_F(SocketBudgetTest, MemoryThatFilesGiveUpIsGrowth) {
  first_->sockets = {10 * kMiB, 2 * kMiB};
  used_ = 64 * kMiB;
  reclaimable_ = 40 * kMiB;
  keep();
  EXPECT_EQ(first_->sockets[0], 10 * kMiB);
  reclaimable_ = 30 * kMiB;
  keep();
  EXPECT_THAT(first_->sockets, ::testing::ElementsAre(0, 2 * kMiB));
}

TEST_F(SocketBudgetTest, SomeIsLeftToThemHoweverMuchIsInUse) {
  first_->sockets = {2 * kMiB, 2 * kMiB, 2 * kMiB};
  used_ = 60 * kMiB;
  keep();
  EXPECT_EQ(std::ranges::count(first_->sockets, 0), 1);
  used_ = 63 * kMiB;
  keep();
  EXPECT_EQ(std::ranges::count(first_->sockets, 0), 1);
}

TEST_F(SocketBudgetTest, GrowthInATurnIsNotLetWait) {
  keep();
  first_->sockets = {10 * kMiB};
  used_ = 40 * kMiB;
  keeper_.keep(ports_, clock_.now_ms());
  EXPECT_EQ(first_->measured, 0) << "it has looked in this millisecond";
  keeper_.keep_growth(ports_);
  EXPECT_EQ(first_->sockets[0], 0u);
}

TEST_F(SocketBudgetTest, AreMeasuredAgainOnlyWhenMoreIsInUse) {
  used_ = 40 * kMiB;  // of something else
  keep();
  EXPECT_EQ(first_->measured, 1);
  used_ += MemoryKeeper::kGrowth - 1;
  keep();
  EXPECT_EQ(first_->measured, 1);
  used_ += 1;
  keep();
  EXPECT_EQ(first_->measured, 2);
}

TEST_F(SocketBudgetTest, GrowthCountsFromTheLeastThatWasInUse) {
  used_ = 60 * kMiB;
  keep();
  used_ = 40 * kMiB;
  keep();
  EXPECT_EQ(first_->measured, 1);
  used_ = 41 * kMiB;
  keep();
  EXPECT_EQ(first_->measured, 2);
}

TEST_F(SocketBudgetTest, IsLookedAtOnceInAMillisecond) {
  keep();
  const int before = looks();
  keeper_.keep(ports_, clock_.now_ms());
  EXPECT_EQ(looks(), before);
  keep();
  EXPECT_EQ(looks(), before + 1);
}

TEST_F(SocketBudgetTest, TheLoopWakesUpOnlyWhileAConnectionMayHoardUnseen) {
  keep();
  EXPECT_EQ(timers_.next_ms(), UINT64_MAX);
  second_->unseen = true;
  keep();
  EXPECT_EQ(timers_.next_ms(), clock_.now_ms() + MemoryKeeper::kLookMs);
}

TEST_F(SocketBudgetTest, WhereTheKernelsMemoryDoesNotCountNothingIsLookedAt) {
  MemoryKeeper keeper(memory_, timers_);
  first_->unseen = true;
  first_->sockets = {100 * kMiB};
  keeper.keep(ports_, 1);
  EXPECT_EQ(first_->measured, 0);
  EXPECT_EQ(timers_.next_ms(), UINT64_MAX);
}

class HoardsTest : public SocketBudgetTest {
 protected:
  /// All memory but this is used.
  void leave(size_t bytes) { memory_.set(MemoryUse::replies, memory_.limit() - bytes); }
  void exceed() { memory_.set(MemoryUse::replies, memory_.limit() + 1); }
};

TEST_F(HoardsTest, OverTheLimitTheOneWithMostGoesOnWhateverPortUntilItIsWithin) {
  first_->largest = 2 * kMiB;
  second_->largest = 3 * kMiB;
  first_->on_end = [this] { leave(0); };
  leave(0);
  keep();
  EXPECT_EQ(second_->ended, 0) << "what is used is not over the limit";
  exceed();
  second_->on_end = [this] {
    EXPECT_EQ(first_->ended, 0);
    EXPECT_TRUE(memory_.over());
  };
  keep();
  EXPECT_EQ(second_->ended, 1);
  EXPECT_EQ(first_->ended, 1);
}

TEST_F(HoardsTest, WhoHoldsLittleIsNotEnded) {
  exceed();
  first_->largest = MemoryKeeper::kLeastHoard - 1;
  keep();
  EXPECT_EQ(first_->ended, 0);
  first_->largest = MemoryKeeper::kLeastHoard;
  keep();
  EXPECT_EQ(first_->ended, 1);
}

// What an end sends may be much: it must not make others end before it is known what was won.
TEST_F(HoardsTest, GrowthWhileSomebodyIsEndedEndsNobodyElse) {
  exceed();
  first_->largest = 3 * kMiB;
  second_->largest = 2 * kMiB;
  first_->on_end = [this] {
    keeper_.keep_growth(ports_);
    leave(0);
  };
  keep();
  EXPECT_EQ(first_->ended, 1);
  EXPECT_EQ(second_->ended, 0);
  exceed();
  keeper_.keep_growth(ports_);
  EXPECT_EQ(second_->ended, 1) << "growth counts again";
}

}  // namespace
}  // namespace zerogate
