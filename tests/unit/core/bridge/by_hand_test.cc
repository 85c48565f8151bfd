// Orders by themselves. What endpoints make of them: endpoint_by_hand_test.cc.
#include "core/bridge/by_hand.h"

#include <gmock/gmock.h>

#include <string>

#include "tests/unit/core/base/beside.h"

namespace zerogate::testing {
namespace {

TEST(ByHandTest, AnOrderKeepsItsTimeWhenOnlyTheReasonChanges) {
  ByHand by_hand;
  ASSERT_TRUE(by_hand.set("b", "e", {HandState::drain, "one", 5}));
  ASSERT_TRUE(by_hand.set("b", "e", {HandState::drain, "two", 9}));
  EXPECT_EQ(by_hand.find("b", "e"), (HandOrder{HandState::drain, "two", 5}));
  ASSERT_TRUE(by_hand.set("b", "e", {HandState::disabled, "", 11}));
  EXPECT_EQ(by_hand.find("b", "e").since_ns, 11u);
  EXPECT_EQ(by_hand.list().size(), 1u);
  ASSERT_TRUE(by_hand.set("b", "e", {}));
  EXPECT_EQ(by_hand.find("b", "e"), HandOrder{});
}

TEST(ByHandTest, BoundsAndText) {
  ByHand by_hand;
  EXPECT_FALSE(by_hand.set("b", "e", {HandState::drain, std::string(201, 'x'), 1}));
  EXPECT_TRUE(by_hand.set("b", "0", {HandState::drain, std::string(200, 'x'), 1}));
  EXPECT_EQ(by_hand.set("b", "e", {HandState::drain, "a\nb", 1}).error(),
            "the reason has a character that cannot be printed");
  EXPECT_FALSE(by_hand.set("b", "e", {HandState::drain, "\xff", 1}));
  EXPECT_FALSE(by_hand.set("b", "e", {HandState::drain, "\u202elive", 1}));
  for (size_t i = 0; i < ByHand::kMaxOrders; ++i) {
    ASSERT_TRUE(by_hand.set("b", std::to_string(i), {HandState::drain, "", 1}));
  }
  EXPECT_FALSE(by_hand.set("b", "one more", {HandState::drain, "", 1}));
  EXPECT_TRUE(by_hand.set("b", "7", {HandState::disabled, "", 1}));
}

TEST(ByHandTest, IsGivenInOneThreadAndLookedUpInOthers) {
  ByHand by_hand;
  const auto give = [&] { EXPECT_TRUE(by_hand.set("b", "e", {HandState::drain, "", 1})); };
  beside(give, [&] { by_hand.standing_for("b", "e"); });
  beside(give, [&] { by_hand.list(); });
  beside(give, give);
  EXPECT_EQ(by_hand.list().size(), 1u);
}

}  // namespace
}  // namespace zerogate::testing
