#include "gateway/http/answer_threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "tests/unit/core/base/beside.h"

namespace zerogate::testing {
namespace {

constexpr auto kThreads = AnswerThreads::kThreads;

TEST(AnswerThreadsTest, JobsThatTakeLongRunBesideEachOther) {
  std::promise<void> go;
  const std::shared_future<void> gone = go.get_future().share();
  std::atomic<unsigned> begun = 0, ended = 0;
  AnswerThreads threads;
  for (unsigned i = 0; i < kThreads + 1; ++i) {
    EXPECT_TRUE(threads.run([&] {
      ++begun;
      gone.wait();
      ++ended;
    }));
  }
  while (begun < kThreads) {
    std::this_thread::yield();
  }
  EXPECT_EQ(threads.under_way(), kThreads + 1) << "the last one waits";
  EXPECT_EQ(begun, kThreads);
  go.set_value();
  threads.stop();
  EXPECT_EQ(ended, kThreads + 1);
  EXPECT_EQ(threads.under_way(), 0u);
}

TEST(AnswerThreadsTest, WhatWasTakenIsDoneAndNothingElse) {
  int done = 0;
  {
    AnswerThreads threads;
    EXPECT_TRUE(threads.run([&] { ++done; }));
    threads.stop();
    EXPECT_EQ(done, 1);
    EXPECT_FALSE(threads.run([&] { ++done; }));
    threads.stop();
  }
  EXPECT_EQ(done, 1);
}

TEST(AnswerThreadsTest, AnyThreadMayAskForMore) {
  std::atomic<int> done = 0;
  AnswerThreads threads;
  const auto ask = [&] { threads.run([&] { ++done; }); };
  beside(ask, ask);
  beside([&] { threads.under_way(); }, ask);
  beside([&] { threads.stop(); }, ask);
  EXPECT_EQ(done, 6) << "and none after the first stop";
}

}  // namespace
}  // namespace zerogate::testing
