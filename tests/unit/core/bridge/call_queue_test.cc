#include "core/bridge/call_queue.h"

#include <gtest/gtest.h>

#include <deque>
#include <vector>

#include "core/base/random.h"
#include "core/testing/manual_clock.h"

namespace zerogate {
namespace {

class CallQueueTest : public ::testing::Test {
 protected:
  ForwardedCall& make(uint32_t caller, uint32_t timeout_ms = 5'000) {
    ForwardedCall& call = calls.emplace_back();
    call.caller.key.slot = caller;
    call.timeout_ms = timeout_ms;
    call.deadline_ms = clock.now_ms() + timeout_ms;
    return call;
  }
  ForwardedCall* serve(CallQueue& queue) {
    ForwardedCall* call = queue.next();
    if (call != nullptr) {
      queue.take(*call);
    }
    return call;
  }

  ManualClock clock;
  std::deque<ForwardedCall> calls;
};

TEST_F(CallQueueTest, ServesCallersInTurnAndEachInOrder) {
  CallQueue queue(clock, 10);
  std::vector<ForwardedCall*> pushed;
  for (const uint32_t caller : {1, 1, 1, 2, 3}) {
    pushed.push_back(&make(caller));
    EXPECT_EQ(queue.push(*pushed.back()).call, nullptr);
  }
  for (const size_t index : {0, 3, 4, 1, 2}) {
    EXPECT_EQ(serve(queue), pushed[index]);
  }
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(serve(queue), nullptr);
}

// Their lanes stand in one chain, of which one is taken out.
TEST_F(CallQueueTest, CallersOfOneBucketHaveTheirTurnsEach) {
  CallQueue queue(clock, 10);
  std::vector<ForwardedCall*> pushed;
  const auto push = [&](uint32_t caller) {
    pushed.push_back(&make(caller));
    queue.push(*pushed.back());
  };
  for (const uint32_t caller : {1, 1025, 1025, 2049}) {
    push(caller);
  }
  EXPECT_EQ(serve(queue), pushed[0]);
  push(1025);
  push(1);
  for (const size_t index : {1, 3, 5, 2, 4}) {
    EXPECT_EQ(serve(queue), pushed[index]) << index;
  }
}

TEST_F(CallQueueTest, FullRefusesTheNewestOfTheLongest) {
  CallQueue queue(clock, 3);
  ForwardedCall* greedy = nullptr;
  for (int i = 0; i < 3; ++i) {
    greedy = &make(1);
    EXPECT_EQ(queue.push(*greedy).call, nullptr);
  }
  EXPECT_EQ(queue.push(make(2)).call, greedy);
  EXPECT_EQ(queue.size(), 3u);
  ForwardedCall& more = make(1);
  EXPECT_EQ(queue.push(more).call, &more);
  EXPECT_EQ(queue.size(), 3u);
}

TEST_F(CallQueueTest, RemovedCallsLeaveNothingBehind) {
  CallQueue queue(clock, 100);
  Random random(7);
  std::vector<ForwardedCall*> waiting;
  for (int i = 0; i < 20'000; ++i) {
    clock.advance_ms(random.below(20));
    if (waiting.size() < 90 && random.below(2) == 0) {
      waiting.push_back(&make(static_cast<uint32_t>(random.below(30)), 1'000'000'000));
      EXPECT_EQ(queue.push(*waiting.back()).call, nullptr);
    } else if (!waiting.empty()) {
      ForwardedCall* call = random.below(2) == 0 ? waiting[random.below(waiting.size())] : nullptr;
      if (call != nullptr) {
        queue.remove(*call);
      } else {
        call = serve(queue);
      }
      ASSERT_EQ(std::erase(waiting, call), 1u);
    }
    ASSERT_EQ(queue.size(), waiting.size());
  }
}

TEST_F(CallQueueTest, RefusesAtTheDoorWhatCannotBeServedInTime) {
  CallQueue queue(clock, 10'000);
  for (int i = 0; i < 200; ++i) {
    queue.push(make(1, 60'000));
  }
  for (int i = 0; i < 17; ++i) {  // 100/s, too short a time to be an overload
    clock.advance_ms(10);
    serve(queue);
  }
  ForwardedCall& late = make(1, 1'000);
  const CallQueue::Refusal refusal = queue.push(late);
  EXPECT_EQ(refusal.call, &late);
  EXPECT_NEAR(static_cast<double>(refusal.wait_ms), 1'840, 20);
  EXPECT_EQ(queue.push(make(2, 1'000)).call, nullptr) << "its turn comes sooner";
}

TEST_F(CallQueueTest, TheFirstFewThatAreServedSayNothingOfTheRate) {
  CallQueue queue(clock, 10'000);
  for (int i = 0; i < 200; ++i) {
    queue.push(make(1, 60'000));
  }
  for (int i = 0; i < 16; ++i) {
    clock.advance_ms(10);
    serve(queue);
  }
  EXPECT_EQ(queue.push(make(1, 1'000)).call, nullptr);
  clock.advance_ms(10);
  serve(queue);
  EXPECT_NE(queue.push(make(1, 1'000)).call, nullptr);
  clock.advance_ms(CallQueue::kIntervalMs);
  EXPECT_EQ(queue.push(make(1, 1'000)).call, nullptr) << "in overload the newest come first";
  EXPECT_TRUE(queue.newest_first());
}

TEST_F(CallQueueTest, FullRefusesOneOfTheLongestWhereverItStands) {
  CallQueue queue(clock, 3);
  queue.push(make(1));
  queue.push(make(2));
  ForwardedCall& greedy = make(2);
  queue.push(greedy);
  EXPECT_EQ(queue.push(make(3)).call, &greedy);
}

TEST_F(CallQueueTest, ThoseThatAreServedTogetherCountOneByOne) {
  CallQueue queue(clock, 10'000);
  for (int i = 0; i < 200; ++i) {
    queue.push(make(1, 60'000));
  }
  for (int i = 0; i < 5; ++i) {  // 100/s
    clock.advance_ms(40);
    for (int slot = 0; slot < 4; ++slot) {
      serve(queue);
    }
  }
  EXPECT_NEAR(static_cast<double>(queue.push(make(1, 1'000)).wait_ms), 1'810, 20);
}

TEST_F(CallQueueTest, ARateOfLongAgoRefusesNoCall) {
  CallQueue queue(clock, 10'000);
  for (int i = 0; i < 40; ++i) {
    queue.push(make(1, 60'000));
  }
  while (!queue.empty()) {  // 4/s
    clock.advance_ms(1'000);
    for (int slot = 0; slot < 4; ++slot) {
      serve(queue);
    }
  }
  clock.advance_ms(5'000);
  for (int i = 0; i < 400; ++i) {
    ASSERT_EQ(queue.push(make(1)).call, nullptr) << "100 s at the old rate; it is the " << i;
  }
  for (int i = 0; i < 20; ++i) {
    clock.advance_ms(1);
    serve(queue);
  }
  EXPECT_EQ(queue.push(make(1, 1'000)).call, nullptr);
  EXPECT_NE(queue.push(make(1, 300)).call, nullptr) << "by the new rate";
}

TEST_F(CallQueueTest, ARateStandsWhileTheQueueIsEmptyForAMoment) {
  CallQueue queue(clock, 10'000);
  for (int i = 0; i < 40; ++i) {
    queue.push(make(1, 60'000));
  }
  while (!queue.empty()) {
    clock.advance_ms(10);
    serve(queue);
  }
  clock.advance_ms(CallQueue::kIntervalMs);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(queue.push(make(1, 60'000)).call, nullptr);
  }
  EXPECT_NE(queue.push(make(1, 900)).call, nullptr);
}

// No call is served that would be measured.
TEST_F(CallQueueTest, ARateThatRefusesEveryCallIsForgotten) {
  CallQueue queue(clock, 10'000);
  for (int i = 0; i < 20; ++i) {
    queue.push(make(1, 600'000));
  }
  while (!queue.empty()) {
    clock.advance_ms(10'000);
    serve(queue);
  }
  ForwardedCall* refused = &make(2);
  EXPECT_EQ(queue.push(*refused).call, refused);
  for (uint64_t ms = 0; ms <= CallQueue::kIntervalMs; ms += 100) {
    clock.advance_ms(100);
    refused = queue.push(make(2)).call;
  }
  EXPECT_EQ(refused, nullptr);
}

TEST_F(CallQueueTest, PoliteCallerIsServedBesideAGreedyOne) {
  CallQueue queue(clock, 512);
  for (int i = 0; i < 1'000; ++i) {
    queue.push(make(1));
  }
  for (int i = 0; i < 400; ++i) {
    clock.advance_ms(25);
    queue.push(make(1));
    if (i % 10 == 0) {
      ForwardedCall& polite = make(2);
      ASSERT_NE(queue.push(polite).call, &polite);
      ForwardedCall* first = serve(queue);
      ForwardedCall* second = serve(queue);
      EXPECT_TRUE(first == &polite || second == &polite) << i;
    }
  }
}

TEST_F(CallQueueTest, PoliteCallerIsServedWhenSlotsBecomeFreeTogether) {
  CallQueue queue(clock, 512);
  ForwardedCall* polite = nullptr;
  for (int ms = 0; ms < 20'000; ++ms) {
    clock.advance_ms(1);
    for (int i = 0; i < 3; ++i) {
      queue.push(make(1));
    }
    if (ms % 200 == 10) {
      ASSERT_TRUE(polite == nullptr || polite->lane == nullptr) << ms;
      polite = &make(2);
      ASSERT_NE(queue.push(*polite).call, polite);
    }
    for (int slot = 0; ms % 200 == 0 && slot < 24; ++slot) {
      serve(queue);
    }
  }
  EXPECT_TRUE(queue.newest_first());
}

// It is never empty, but none waits for more than 60 ms.
TEST_F(CallQueueTest, AQueueThatMovesIsNoOverloadHoweverLongItIsThere) {
  CallQueue queue(clock, 512);
  std::deque<ForwardedCall*> order;
  for (int i = 0; i < 200; ++i) {
    clock.advance_ms(20);
    order.push_back(&make(static_cast<uint32_t>(i)));
    queue.push(*order.back());
    if (order.size() > 3) {
      ASSERT_EQ(serve(queue), order.front());
      order.pop_front();
    }
    ASSERT_FALSE(queue.newest_first());
  }
}

TEST_F(CallQueueTest, OnlyAnOldestCallThatIsOldAllTheTimeIsAnOverload) {
  CallQueue queue(clock, 512);
  const auto overload_after_ms = [&](uint64_t ms) {
    clock.advance_ms(ms);
    queue.next();
    return queue.newest_first();
  };
  queue.push(make(1));
  EXPECT_FALSE(overload_after_ms(CallQueue::kTargetMs + 1));
  EXPECT_FALSE(overload_after_ms(CallQueue::kIntervalMs - 1));
  queue.push(make(2));
  serve(queue);
  EXPECT_FALSE(overload_after_ms(1)) << "now the oldest is a new one";
  EXPECT_FALSE(overload_after_ms(CallQueue::kTargetMs));
  EXPECT_FALSE(overload_after_ms(CallQueue::kIntervalMs - 1));
  EXPECT_TRUE(overload_after_ms(1));
  queue.push(make(3));
  queue.remove(*queue.next());
  EXPECT_TRUE(queue.newest_first()) << "the old one still waits";
  queue.remove(*queue.next());
  EXPECT_FALSE(queue.newest_first());
}

// Callers with calls that are not old are served in turn, also those that had old ones only.
TEST_F(CallQueueTest, InOverloadCallersWithANewCallComeFirst) {
  CallQueue queue(clock, 512);
  ForwardedCall& old_of_one = make(1);
  ForwardedCall& old_of_two = make(2);
  queue.push(old_of_one);
  queue.push(old_of_two);
  for (const uint64_t ms : {CallQueue::kTargetMs + 1, CallQueue::kIntervalMs}) {
    clock.advance_ms(ms);
    EXPECT_NE(queue.next(), nullptr);
  }
  ASSERT_TRUE(queue.newest_first());
  ForwardedCall& new_of_one = make(1);
  ForwardedCall& new_of_three = make(3);
  queue.push(new_of_one);
  queue.push(new_of_three);
  clock.advance_ms(CallQueue::kTargetMs);
  EXPECT_EQ(serve(queue), &new_of_one);
  EXPECT_EQ(serve(queue), &new_of_three);
  EXPECT_TRUE(queue.newest_first());
  queue.push(make(4));
  queue.remove(old_of_one);
  queue.remove(old_of_two);
  clock.advance_ms(1);
  EXPECT_NE(queue.next(), nullptr);
  EXPECT_FALSE(queue.newest_first()) << "no old one is left";
}

/// One server, callers with one call each that leave after their patience; the queue does not know.
class Overload : public CallQueueTest {
 protected:
  /// The share of the server's capacity that was spent on callers who still waited.
  double goodput(uint32_t offered_per_s, uint32_t callers, uint64_t hang_until_ms = 0) {
    CallQueue queue(clock, 512);
    Random random(42);
    const uint64_t start = clock.now_ms();
    uint64_t good = 0;
    uint64_t served = 0;
    uint32_t next_caller = 0;
    for (uint64_t ms = 1; ms <= kRunMs; ++ms) {
      clock.advance_ms(1);
      while (!expiry.empty() && expiry.front()->deadline_ms <= clock.now_ms()) {
        if (expiry.front()->lane != nullptr) {
          queue.remove(*expiry.front());
        }
        expiry.pop_front();
      }
      if (random.below(1'000) < offered_per_s) {
        ForwardedCall& call = make(next_caller++ % callers);
        expiry.push_back(&call);
        queue.push(call);
      }
      if (ms > hang_until_ms && ms % kServiceMs == 0) {
        const ForwardedCall* call = serve(queue);
        if (ms > hang_until_ms + kWarmUpMs) {
          ++served;
          const bool waits =
              call != nullptr && clock.now_ms() - (call->deadline_ms - 5'000) < kPatienceMs;
          good += waits ? 1 : 0;
        }
      }
    }
    EXPECT_GT(clock.now_ms(), start);
    expiry.clear();
    return static_cast<double>(good) / static_cast<double>(served);
  }

  static constexpr uint64_t kRunMs = 60'000;
  static constexpr uint64_t kWarmUpMs = 1'000;
  static constexpr uint64_t kServiceMs = 25;  ///< 40 calls a second
  static constexpr uint64_t kPatienceMs = 2'000;
  std::deque<ForwardedCall*> expiry;
};

TEST_F(Overload, AnswersCallersBeforeTheyLeave) {
  EXPECT_GE(goodput(60, UINT32_MAX), 0.9);
  EXPECT_GE(goodput(120, UINT32_MAX), 0.9);
}

TEST_F(Overload, AlsoWhenFewCallersSendManyCalls) {
  EXPECT_GE(goodput(60, 3), 0.9);
  EXPECT_GE(goodput(120, 3), 0.9);
}

TEST_F(Overload, AlsoAfterTheBackendHung) { EXPECT_GE(goodput(60, UINT32_MAX, 10'000), 0.9); }

TEST_F(Overload, LowLoadIsServedInOrder) {
  CallQueue queue(clock, 512);
  Random random(1);
  std::deque<ForwardedCall*> order;
  for (uint32_t ms = 1; ms < 20'000; ++ms) {
    clock.advance_ms(1);
    if (random.below(1'000) < 20) {
      order.push_back(&make(ms));
      EXPECT_EQ(queue.push(*order.back()).call, nullptr);
    }
    if (ms % kServiceMs == 0 && !order.empty()) {
      ASSERT_EQ(serve(queue), order.front());
      order.pop_front();
    }
    ASSERT_FALSE(queue.newest_first());
  }
}

}  // namespace
}  // namespace zerogate
