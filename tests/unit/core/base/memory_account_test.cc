// What there is memory for, and who waits for how long.
#include "core/base/memory_account.h"

#include <gtest/gtest.h>

namespace zerogate {
namespace {

struct Waiter final : MemoryAccount::Claimant {
  void on_memory() override { granted = true; }
  bool granted = false;
};

constexpr MemoryUse kUse = MemoryUse::requests;
constexpr MemoryUse kReply = MemoryUse::backend_replies;

class MemoryAccountTest : public ::testing::Test {
 protected:
  MemoryAccount account_{1'000};
};

TEST_F(MemoryAccountTest, IsTheSumOfItsUsesWithoutConnections) {
  account_.set(MemoryUse::replies, 400);
  account_.set(MemoryUse::zmq_replies, 200);
  account_.set(MemoryUse::connections, 5'000);
  EXPECT_EQ(account_.total(), 600u);
  EXPECT_TRUE(account_.tight());
  EXPECT_FALSE(account_.over());
  account_.set(MemoryUse::replies, 900);
  EXPECT_TRUE(account_.over());
  account_.set(MemoryUse::replies, 0);
  EXPECT_EQ(account_.total(), 200u);
  EXPECT_EQ(account_.held(MemoryUse::connections), 5'000u);
}

TEST_F(MemoryAccountTest, ClaimsOverTheSoftMarkWaitInTheirOrder) {
  Waiter first, second, third;
  EXPECT_TRUE(account_.claim(first, kUse, 400));
  EXPECT_FALSE(account_.claim(second, kUse, 300));
  EXPECT_FALSE(account_.claim(third, kUse, 50)) << "it would fit, but came later";
  account_.serve(1);
  EXPECT_FALSE(second.granted);
  account_.release(first);
  account_.serve(2);
  EXPECT_TRUE(second.granted);
  EXPECT_TRUE(third.granted);
  EXPECT_FALSE(account_.waiting());
  EXPECT_EQ(account_.held(kUse), 350u);
  account_.release(second);
  account_.release(third);
  EXPECT_EQ(account_.total(), 0u);
}

TEST_F(MemoryAccountTest, ALoneOneMayGoOverTheSoftMark) {
  Waiter lone;
  EXPECT_TRUE(account_.claim(lone, kUse, 800));
}

TEST_F(MemoryAccountTest, WithTheMemoryFullOfWhatOthersLeaveTheFirstWaitsASecond) {
  account_.set(MemoryUse::replies, 900);
  Waiter first, second;
  EXPECT_FALSE(account_.claim(first, kUse, 400));
  EXPECT_FALSE(account_.claim(second, kUse, 400));
  account_.serve(5'000);
  account_.serve(5'000 + MemoryAccount::kPatienceMs - 1);
  EXPECT_FALSE(first.granted);
  account_.serve(5'000 + MemoryAccount::kPatienceMs);
  EXPECT_TRUE(first.granted);
  EXPECT_FALSE(second.granted);
  EXPECT_TRUE(account_.over()) << "now the client that holds most goes";
}

TEST_F(MemoryAccountTest, BackendsRepliesWaitForNoClientsClaim) {
  Waiter holds, waits, reply, late, later;
  EXPECT_TRUE(account_.claim(holds, kUse, 500));
  EXPECT_FALSE(account_.claim(waits, kUse, 500));
  EXPECT_TRUE(account_.claim(reply, kReply, 250)) << "up to three quarters";
  EXPECT_FALSE(account_.claim(late, kReply, 100)) << "and no further";
  EXPECT_FALSE(account_.claim(later, kUse, 1));
  account_.serve(1);
  EXPECT_FALSE(late.granted);
  account_.release(reply);
  account_.serve(2);
  EXPECT_TRUE(late.granted);
  EXPECT_FALSE(waits.granted);
  for (Waiter* const left : {&holds, &waits, &late, &later}) {
    account_.release(*left);
  }
  EXPECT_EQ(account_.total(), 0u);
}

TEST_F(MemoryAccountTest, WhatHasBecomeFreeIsForBackendsRepliesFirst) {
  Waiter holds, reply, client, between;
  account_.set(MemoryUse::replies, 200);
  EXPECT_TRUE(account_.claim(holds, kReply, 550));
  EXPECT_FALSE(account_.claim(client, kUse, 150));
  EXPECT_FALSE(account_.claim(reply, kReply, 500));
  account_.release(holds);
  EXPECT_FALSE(account_.claim(between, kUse, 100));
  account_.serve(1);
  EXPECT_TRUE(reply.granted);
  EXPECT_TRUE(client.granted) << "as the only one of its kind";
  EXPECT_FALSE(between.granted);
}

TEST_F(MemoryAccountTest, ClientsAreNotStarvedByBackendsReplies) {
  Waiter holds, next, client;
  EXPECT_TRUE(account_.claim(holds, kReply, 700));
  EXPECT_FALSE(account_.claim(next, kReply, 700));
  EXPECT_FALSE(account_.claim(client, kUse, 150));
  account_.serve(1);
  EXPECT_TRUE(client.granted);
  EXPECT_FALSE(next.granted);
}

TEST_F(MemoryAccountTest, TheOnlyOneOfItsKindLeavesAnEighthOfTheLimit) {
  Waiter fits, more;
  account_.set(MemoryUse::replies, 700);
  EXPECT_FALSE(account_.claim(more, kUse, 176));
  account_.release(more);
  EXPECT_TRUE(account_.claim(fits, kUse, 175));
}

TEST_F(MemoryAccountTest, ShortMessagesDoNotWaitBehindLongOnes) {
  MemoryAccount account(64 << 20);
  Waiter large[4], small[9];
  EXPECT_TRUE(account.claim(large[0], kUse, 12 << 20));
  EXPECT_TRUE(account.claim(large[1], kUse, 12 << 20));
  EXPECT_FALSE(account.claim(large[2], kUse, 12 << 20)) << "the last quarter is for short ones";
  EXPECT_FALSE(account.claim(large[3], kUse, 2 << 20));
  for (int i = 0; i < 8; ++i) {
    EXPECT_TRUE(account.claim(small[i], kUse, MemoryAccount::kLargeClaim)) << i;
  }
  EXPECT_FALSE(account.claim(small[8], kUse, MemoryAccount::kLargeClaim));
  account.serve(1);
  account.serve(10'000);
  EXPECT_FALSE(large[2].granted || small[8].granted);
  account.release(small[0]);
  account.serve(10'001);
  EXPECT_TRUE(small[8].granted) << "however long the long ones wait for each other";
  account.release(large[0]);
  account.serve(10'002);
  EXPECT_TRUE(large[2].granted);
  EXPECT_FALSE(large[3].granted);
}

TEST_F(MemoryAccountTest, ShortMessagesDoNotKeepALongOneWaiting) {
  MemoryAccount account(8 << 20);
  Waiter large, small[4];
  EXPECT_TRUE(account.claim(small[0], kUse, 1 << 20));
  EXPECT_TRUE(account.claim(small[1], kUse, 1 << 20));
  EXPECT_FALSE(account.claim(large, kUse, 7 << 20));
  account.serve(1);
  account.release(small[0]);
  EXPECT_TRUE(account.claim(small[2], kUse, 1 << 20)) << "it passes the long one";
  account.serve(1 + MemoryAccount::kPatienceMs);
  account.release(small[1]);
  EXPECT_FALSE(account.claim(small[3], kUse, 1 << 20)) << "now none does";
  account.serve(2 + MemoryAccount::kPatienceMs);
  EXPECT_TRUE(large.granted);
  EXPECT_FALSE(small[3].granted) << "over the limit";
  account.release(large);
  account.serve(3 + MemoryAccount::kPatienceMs);
  EXPECT_TRUE(small[3].granted);
}

TEST_F(MemoryAccountTest, OneThatWaitsMayLeave) {
  Waiter first, second;
  account_.set(MemoryUse::replies, 900);
  EXPECT_FALSE(account_.claim(first, kUse, 400));
  EXPECT_FALSE(account_.claim(second, kUse, 400));
  account_.release(first);
  account_.set(MemoryUse::replies, 0);
  account_.serve(1);
  EXPECT_FALSE(first.granted);
  EXPECT_TRUE(second.granted);
}

TEST_F(MemoryAccountTest, ALongOneThatBackendsRepliesHoldUpIsDueAfterASecond) {
  MemoryAccount account(8 << 20);
  Waiter reply, large, early, late;
  ASSERT_TRUE(account.claim(reply, kReply, 3 << 20));
  ASSERT_FALSE(account.claim(large, kUse, 5 << 20));
  account.serve(1);
  account.serve(MemoryAccount::kPatienceMs);
  EXPECT_TRUE(account.claim(early, kUse, 1 << 19)) << "there is memory for short ones yet";
  account.release(early);
  account.serve(1 + MemoryAccount::kPatienceMs);
  EXPECT_FALSE(large.granted) << "what holds the memory becomes free some time";
  EXPECT_FALSE(account.claim(late, kUse, 1)) << "it would keep the memory from the long one";
  account.serve(2 + MemoryAccount::kPatienceMs);
  EXPECT_FALSE(late.granted);
  account.release(reply);
  account.serve(3 + MemoryAccount::kPatienceMs);
  EXPECT_TRUE(large.granted);
  EXPECT_TRUE(late.granted) << "with it";
  EXPECT_EQ(account.total(), (5u << 20) + 1);
}

TEST_F(MemoryAccountTest, ALongOneThatLeavesHoldsNoneUp) {
  MemoryAccount account(8 << 20);
  Waiter reply, large, small;
  ASSERT_TRUE(account.claim(reply, kReply, 3 << 20));
  ASSERT_FALSE(account.claim(large, kUse, 5 << 20));
  account.serve(1);
  account.serve(1 + MemoryAccount::kPatienceMs);
  ASSERT_FALSE(account.claim(small, kUse, 1));
  account.release(large);
  EXPECT_TRUE(account.serve(2 + MemoryAccount::kPatienceMs));
  EXPECT_TRUE(small.granted);
  EXPECT_FALSE(account.serve(3 + MemoryAccount::kPatienceMs)) << "nothing waits";
}

TEST_F(MemoryAccountTest, ASecondLongOneFitsUpToTheSoftMarkAndThreeQuartersOfIt) {
  constexpr size_t kMiB = 1 << 20;
  MemoryAccount account(64 * kMiB);
  Waiter first, second;
  ASSERT_TRUE(account.claim(first, kUse, 2 * kMiB));
  account.set(MemoryUse::replies, 20 * kMiB);
  EXPECT_FALSE(account.claim(second, kUse, 10 * kMiB + 1)) << "over half of the limit";
  account.release(second);
  EXPECT_TRUE(account.claim(second, kUse, 10 * kMiB));
  account.release(second);
  account.set(MemoryUse::replies, 0);
  EXPECT_FALSE(account.claim(second, kUse, 22 * kMiB + 1)) << "over three quarters of that";
  account.release(second);
  EXPECT_TRUE(account.claim(second, kUse, 22 * kMiB));
}

TEST_F(MemoryAccountTest, PatienceBeginsAnewForTheNextOne) {
  account_.set(MemoryUse::replies, 900);
  Waiter first, second;
  EXPECT_FALSE(account_.claim(first, kUse, 400));
  EXPECT_FALSE(account_.claim(second, kUse, 400));
  account_.serve(1);
  account_.release(first);
  EXPECT_FALSE(account_.serve(MemoryAccount::kPatienceMs + 1));
  EXPECT_FALSE(account_.serve(2 * MemoryAccount::kPatienceMs));
  EXPECT_TRUE(account_.serve(2 * MemoryAccount::kPatienceMs + 1));
  EXPECT_TRUE(second.granted);
}

TEST_F(MemoryAccountTest, OneBehindTheFirstThatLeavesCostsItNoPatience) {
  account_.set(MemoryUse::replies, 900);
  Waiter first, second;
  EXPECT_FALSE(account_.claim(first, kUse, 400));
  EXPECT_FALSE(account_.claim(second, kUse, 400));
  account_.serve(1);
  account_.release(second);
  EXPECT_TRUE(account_.serve(MemoryAccount::kPatienceMs + 1));
  EXPECT_TRUE(first.granted);
}

}  // namespace
}  // namespace zerogate
