#include "gateway/host/admin_beacon.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace zerogate {
namespace {

std::string unix_sockets() {
  std::ostringstream text;
  text << std::ifstream("/proc/net/unix").rdbuf();
  return text.str();
}

class AdminBeaconTest : public ::testing::Test {
 protected:
  /// Of this test alone: gateways and other tests may run beside it.
  static BeaconScope scope(const std::string& config, bool container = false) {
    return {fmt::format("pid:[{}]", getpid()), container, config};
  }
  static std::optional<std::string> find(const BeaconScope& scope, bool config_only = false) {
    return find_beacon(unix_sockets(), scope, config_only);
  }
};

TEST_F(AdminBeaconTest, IsFoundByItsConfigurationFileWhileItIsThere) {
  {
    const AdminBeacon one(scope("/etc/one.yaml"), "127.0.0.1:9464");
    const AdminBeacon two(scope("/etc/two.yaml"), "unix:/run/with a space/admin.sock");
    EXPECT_EQ(find(scope("/etc/one.yaml"), true), "127.0.0.1:9464");
    EXPECT_EQ(find(scope("/etc/two.yaml"), true), "unix:/run/with a space/admin.sock");
    EXPECT_EQ(find(scope("/etc/three.yaml")), std::nullopt);
  }
  EXPECT_EQ(find(scope("/etc/one.yaml")), std::nullopt);
}

TEST_F(AdminBeaconTest, OfTwoOfTheSameFileNoneIsMeant) {
  const AdminBeacon one(scope("/etc/one.yaml"), "127.0.0.1:9464");
  const AdminBeacon two(scope("/etc/one.yaml"), "127.0.0.1:9465");
  EXPECT_EQ(find(scope("/etc/one.yaml", true)), std::nullopt);
}

// Of an older process that is about to end.
TEST_F(AdminBeaconTest, ANameThatIsTakenStaysTheOthers) {
  const AdminBeacon one(scope("/etc/one.yaml"), "127.0.0.1:9464");
  { const AdminBeacon again(scope("/etc/one.yaml"), "127.0.0.1:9464"); }
  EXPECT_EQ(find(scope("/etc/one.yaml"), true), "127.0.0.1:9464");
}

TEST_F(AdminBeaconTest, WithoutAFileItIsTheOnlyOneOfAContainerOnly) {
  const AdminBeacon one(scope(""), "127.0.0.1:9464");
  EXPECT_EQ(find(scope("")), std::nullopt) << "a host may have several services";
  EXPECT_EQ(find(scope("", true)), "127.0.0.1:9464");
  EXPECT_EQ(find(scope("/etc/image.yaml", true)), "127.0.0.1:9464") << "of the image's variable";
  EXPECT_EQ(find(scope("/etc/image.yaml", true), true), std::nullopt) << "a flag says which";
  const AdminBeacon two(scope("/etc/two.yaml"), "127.0.0.1:9465");
  EXPECT_EQ(find(scope("", true)), std::nullopt) << "which of the two is not known";
}

TEST_F(AdminBeaconTest, AnotherProcessesNamespaceIsAnotherMachine) {
  const AdminBeacon one(scope("/etc/one.yaml"), "127.0.0.1:9464");
  EXPECT_EQ(find({"pid:[1]", true, "/etc/one.yaml"}), std::nullopt);
}

TEST_F(AdminBeaconTest, ANameThatIsTooLongIsNotToldAtAll) {
  const AdminBeacon one(scope("/etc/one.yaml"), "unix:/" + std::string(90, 'x'));
  EXPECT_EQ(find(scope("/etc/one.yaml", true)), std::nullopt);
}

TEST_F(AdminBeaconTest, TheFilesNameIsInFullAndLinksAreNotFollowed) {
  const BeaconScope relative = BeaconScope::here("etc/../zerogate.yaml");
  EXPECT_EQ(relative.config, std::filesystem::current_path() / "zerogate.yaml");
  EXPECT_EQ(BeaconScope::here("").config, "");
  EXPECT_TRUE(relative.processes.starts_with("pid:["));
}

TEST_F(AdminBeaconTest, WhatIsNoBeaconIsPassedOver) {
  const BeaconScope here = scope("/x");
  for (const char* text : {"", "\n\n", "Num RefCount Path", "0: 1 2 3 @zerogate", " @zerogate/"}) {
    EXPECT_EQ(find_beacon(text, here, false), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace zerogate
