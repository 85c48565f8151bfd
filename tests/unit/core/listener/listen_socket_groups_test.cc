// Groups: of sockets that share an address, and of users that may connect. And names without an
// address.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/listener/listen_socket.h"

namespace zerogate {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;
namespace fs = std::filesystem;

class ListenGroupTest : public ::testing::TestWithParam<const char*> {
 protected:
  ListenGroupTest() {
    char name[] = "/tmp/zerogate-test-XXXXXX";
    folder_ = mkdtemp(name);
  }
  ~ListenGroupTest() override { fs::remove_all(folder_); }

  Address address() const {
    const bool is_unix = GetParam() == std::string_view("unix");
    return is_unix ? Address{"", 0, folder_ + "/socket"} : Address{"127.0.0.1", 0, ""};
  }

  std::string folder_;
};
INSTANTIATE_TEST_SUITE_P(Of, ListenGroupTest, ::testing::Values("tcp", "unix"),
                         [](const auto& tried) { return std::string(tried.param); });

TEST_P(ListenGroupTest, OneAloneHasNothingToBalance) {
  const auto sockets = ListenSocket::open_group(address(), 1);
  ASSERT_TRUE(sockets) << sockets.error();
  ASSERT_EQ(sockets.value().size(), 1u);
  EXPECT_EQ(sockets.value()[0].member().balancer, nullptr);
}

TEST_P(ListenGroupTest, TwoAreAsManyAndKnowTheirPlaces) {
  const auto sockets = ListenSocket::open_group(address(), 2);
  ASSERT_TRUE(sockets) << sockets.error();
  ASSERT_EQ(sockets.value().size(), 2u);
  const AcceptMember& first = sockets.value()[0].member();
  const AcceptMember& second = sockets.value()[1].member();
  ASSERT_NE(first.balancer, nullptr);
  EXPECT_EQ(first.balancer, second.balancer);
  EXPECT_EQ(first.index, 0u);
  EXPECT_EQ(second.index, 1u);
  EXPECT_EQ(sockets.value()[0].bound().display(), sockets.value()[1].bound().display());
}

TEST_P(ListenGroupTest, AnAddressThatOthersHoldIsNotShared) {
  const auto there = ListenSocket::open_group(address(), 2);
  ASSERT_TRUE(there) << there.error();
  for (const uint32_t count : {1, 2}) {
    const auto sockets = ListenSocket::open_group(there.value().front().bound(), count);
    ASSERT_FALSE(sockets) << count;
    EXPECT_THAT(sockets.error(), HasSubstr("is another gateway running?"));
  }
}

// The zone of an address is looked up on this machine alone.
TEST(ListenNameTest, ANameWithoutAnAddressIsToldWithWhatWouldMendIt) {
  const auto socket = ListenSocket::open({"fe80::1%nosuch", 4'242, ""}, false);
  ASSERT_FALSE(socket);
  EXPECT_THAT(socket.error(), StartsWith("cannot listen on [fe80::1%nosuch]:4242: "));
  EXPECT_THAT(socket.error(), EndsWith("; write a numeric address or a known name"));
}

TEST(UserGroupTest, IsANameThatIsKnownOrANumberAsAWhole) {
  EXPECT_TRUE(is_group("0"));
  EXPECT_TRUE(is_group("4294967295"));
  EXPECT_FALSE(is_group("4294967296"));
  EXPECT_FALSE(is_group("0 "));
  EXPECT_FALSE(is_group("-1"));
  EXPECT_FALSE(is_group(""));
  EXPECT_FALSE(is_group("no group has this name"));
}

}  // namespace
}  // namespace zerogate
