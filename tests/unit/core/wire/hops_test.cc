#include "core/wire/hops.h"

#include <gtest/gtest.h>

#include <string>

namespace zerogate::wire {
namespace {

TEST(Hops, FlagAndIdCarryThem) {
  for (uint8_t hops = 1; hops <= kMaxHops; ++hops) {
    EXPECT_EQ(hops_of_flag(flag_of_hops(hops)), hops);
    EXPECT_EQ(hops_of_id(std::string(kHopsIdPrefix) + id_byte_of_hops(hops) + "1234"), hops);
  }
}

TEST(Hops, ClientsOfZeroHaveNone) {
  for (int flag = 0; flag < kHopsFlag; ++flag) {
    EXPECT_EQ(hops_of_flag(static_cast<uint8_t>(flag)), 0);
  }
  EXPECT_EQ(hops_of_id(""), 0);
  EXPECT_EQ(hops_of_id("0123456789abcdef"), 0);
  EXPECT_EQ(hops_of_id("zerogate-id"), 0);
  EXPECT_EQ(hops_of_id("zerogate-id\xff"), 0);
}

TEST(Hops, GatewaysThatDoNotCountHaveOne) { EXPECT_EQ(hops_of_id("zerogate-id:0000"), 1); }

}  // namespace
}  // namespace zerogate::wire
