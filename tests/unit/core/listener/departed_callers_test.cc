#include "core/listener/departed_callers.h"

#include <gtest/gtest.h>

namespace zerogate {
namespace {

TEST(DepartedCallers, AreKnownUntilTheNextTurn) {
  DepartedCallers departed;
  departed.begin_turn(1);
  departed.add({{3, 7}, "10.0.0.7:4031", {.name = "10.0.0.7"}});
  departed.add({{4, 1}, "10.0.0.8:4031", {.name = "client", .proven = true}});
  EXPECT_EQ(departed.find({3, 7}).peer, "10.0.0.7:4031");
  EXPECT_EQ(departed.find({4, 1}).caller.name, "client");
  EXPECT_TRUE(departed.find({4, 1}).caller.proven);
  EXPECT_EQ(departed.find({3, 8}).peer, "gone");
  EXPECT_EQ(departed.find({3, 8}).caller.name, "gone");
  departed.begin_turn(1);
  EXPECT_EQ(departed.find({3, 7}).peer, "10.0.0.7:4031");
  departed.begin_turn(2);
  EXPECT_EQ(departed.find({3, 7}).peer, "gone");
  EXPECT_TRUE(departed.empty());
}

TEST(DepartedCallers, AreNoMoreThanSomeAtATime) {
  DepartedCallers departed;
  for (uint32_t slot = 0; slot <= DepartedCallers::kMaxCallers; ++slot) {
    departed.add({{slot, 1}, "10.0.0.7:4031", {}});
  }
  EXPECT_EQ(departed.find({DepartedCallers::kMaxCallers - 1, 1}).peer, "10.0.0.7:4031");
  EXPECT_EQ(departed.find({DepartedCallers::kMaxCallers, 1}).peer, "gone");
}

}  // namespace
}  // namespace zerogate
