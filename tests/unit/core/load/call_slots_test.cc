#include "core/load/call_slots.h"

#include <gtest/gtest.h>

#include <set>

namespace zerogate {
namespace {

constexpr auto kIgnore = [](const CallTimes&) {};

TEST(CallSlots, HoldsAsManyCallsAsItIsDeep) {
  CallSlots slots(3);
  std::set<uint32_t> ids;
  while (!slots.full()) {
    ids.insert(slots.begin(1));
  }
  EXPECT_EQ(ids.size(), 3U);
  EXPECT_EQ(slots.in_flight(), 3U);
}

TEST(CallSlots, ACallOfAClosedLoopBeginsWhenItIsSent) {
  CallSlots slots(1);
  const uint32_t id = slots.begin(0);
  slots.sent(500, kIgnore);
  const auto times = slots.end(id);
  ASSERT_TRUE(times);
  EXPECT_EQ(times->intended_ns, 500U);
  EXPECT_EQ(times->sent_ns, 500U);
}

TEST(CallSlots, ACallOfAnOpenLoopKeepsTheTimeItWasDue) {
  CallSlots slots(2);
  const uint32_t id = slots.begin(100);
  uint64_t late_ns = 0;
  slots.sent(500, [&](const CallTimes& times) { late_ns = times.sent_ns - times.intended_ns; });
  EXPECT_EQ(late_ns, 400U);
  slots.sent(900, [](const CallTimes&) { ADD_FAILURE() << "sent twice"; });
  EXPECT_EQ(slots.end(id)->intended_ns, 100U);
}

TEST(CallSlots, AnAnswerCountsOnce) {
  CallSlots slots(1);
  const uint32_t id = slots.begin(0);
  slots.sent(1, kIgnore);
  EXPECT_TRUE(slots.end(id));
  EXPECT_FALSE(slots.end(id)) << "twice";
  const uint32_t next = slots.begin(0);
  slots.sent(2, kIgnore);
  EXPECT_NE(next, id);
  EXPECT_FALSE(slots.end(id)) << "late: the place has another call";
  EXPECT_TRUE(slots.end(next));
}

TEST(CallSlots, KnowsNoIdThatItDidNotGive) {
  CallSlots slots(2);
  EXPECT_FALSE(slots.end(0));
  EXPECT_FALSE(slots.end(UINT32_MAX)) << "the handshake's";
  const uint32_t id = slots.begin(0);
  EXPECT_FALSE(slots.end(id)) << "not sent yet";
}

TEST(CallSlots, ForgetsItsCallsButNotItsSequence) {
  CallSlots slots(2);
  const uint32_t sent = slots.begin(10);
  slots.sent(11, kIgnore);
  const uint32_t unsent = slots.begin(20);
  uint64_t intended = 0;
  slots.for_each([&](const CallTimes& times) { intended += times.intended_ns; });
  EXPECT_EQ(intended, 30U) << "those that are not sent yet included";
  slots.reset();
  EXPECT_EQ(slots.in_flight(), 0U);
  slots.for_each([](const CallTimes&) { ADD_FAILURE() << "still there"; });
  slots.sent(12, [](const CallTimes&) { ADD_FAILURE() << "sent after all"; });
  EXPECT_FALSE(slots.end(sent));
  EXPECT_NE(slots.begin(0), sent);
  EXPECT_NE(slots.begin(0), unsent);
}

TEST(CallSlots, TheSequenceWrapsAroundWithinItsPlace) {
  CallSlots slots(1);
  for (uint32_t i = 0; i < (1U << (32 - CallSlots::kSlotBits)) + 3; ++i) {
    const uint32_t id = slots.begin(1);
    slots.sent(1, kIgnore);
    ASSERT_EQ(id & ((1U << CallSlots::kSlotBits) - 1), 0U);
    ASSERT_TRUE(slots.end(id));
  }
}

}  // namespace
}  // namespace zerogate
