// The counts of a connection, look by look, and what is made of them.
#include "core/listener/partial_message.h"

#include <gtest/gtest.h>

namespace zerogate {
namespace {

constexpr uint64_t kHandshake = 107;  // of a DEALER
constexpr uint64_t kPing = 9;
constexpr uint64_t kBegun = 5'000;  // of a message: more than ZMTP's own can be

class PartialMessageTest : public ::testing::Test {
 protected:
  /// A look, ten seconds after the last one.
  uint64_t look() { return partial_.stands_still_ms(received_, read_, now_ms_ += 10'000); }
  void expect_never_still(int looks) {
    for (int i = 0; i < looks; ++i) {
      EXPECT_EQ(look(), 0u) << "look " << i;
    }
  }

  uint64_t received_ = 0;
  uint64_t read_ = 0;
  uint64_t now_ms_ = 1'000'000;
  PartialMessage partial_;
};

TEST_F(PartialMessageTest, ABeginningAndThenNothingStandsStill) {
  received_ = kHandshake + kBegun;
  EXPECT_EQ(look(), 0u) << "it has just come";
  EXPECT_EQ(look(), 10'000u);
  EXPECT_EQ(look(), 20'000u);
  ++received_;
  EXPECT_EQ(look(), 0u) << "it moves";
  EXPECT_EQ(look(), 10'000u);
}

TEST_F(PartialMessageTest, SoDoesOneAfterManyWholeMessages) {
  for (int i = 0; i < 10; ++i) {
    received_ = kHandshake + (read_ += 70'000);
    expect_never_still(2);
  }
  received_ += kBegun;
  EXPECT_EQ(look(), 0u);
  EXPECT_EQ(look(), 10'000u);
}

TEST_F(PartialMessageTest, AConnectionWithoutAMessageDoesNot) {
  expect_never_still(2);
  received_ = kHandshake;
  expect_never_still(10);
}

TEST_F(PartialMessageTest, OneThatWasReadLaterDoesNot) {
  expect_never_still(1);  // before the handshake
  received_ = kHandshake + kBegun;
  expect_never_still(1);
  read_ = kBegun;
  expect_never_still(10);
  received_ += kBegun + kPing;  // together: what is the PING's does not show
  expect_never_still(1);
  read_ += kBegun;
  expect_never_still(10);
}

TEST_F(PartialMessageTest, APeersOwnPingsAreNoMessage) {
  received_ = kHandshake;
  for (int i = 0; i < 1'000; ++i) {
    received_ += kPing;
    expect_never_still(6);  // between two of them, too
  }
  received_ += kBegun;
  EXPECT_EQ(look(), 0u);
  EXPECT_EQ(look(), 10'000u);
}

TEST_F(PartialMessageTest, ASlowMessageMovesAsLongAsAnythingComes) {
  received_ = kHandshake + kBegun;
  for (int i = 0; i < 1'000; ++i) {
    ++received_;
    expect_never_still(1);
  }
  read_ = kBegun + 1'000;
  expect_never_still(10);
}

// What was read on a connection that had the same identity before is counted to that one.
TEST_F(PartialMessageTest, MoreReadThanReceivedIsNoMessage) {
  received_ = kHandshake;
  read_ = kBegun;
  expect_never_still(10);
}

}  // namespace
}  // namespace zerogate
