#include "gateway/admin/admin_access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace zerogate {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kToken = "0123456789abcdef";

TEST(AdminAccess, NamesThatAPageOfTheInternetCannotHave) {
  const AdminAccess access =
      AdminAccess::make({.hosts = {"Gate.example.com", "*.lan"}, .own_name = "gw.example"}).value();
  for (const char* host : {"",
                           "127.0.0.1",
                           "127.0.0.1:9464",
                           "10.1.2.3:80",
                           "[::1]",
                           "[::1]:9464",
                           "[fe80::1%eth0]:1",
                           "localhost",
                           "LOCALHOST:9464",
                           "localhost.",
                           "zerogate",
                           "zerogate:9464",
                           "zerogate.default.svc:9464",
                           "zerogate.default.svc.cluster.local",
                           "host.docker.internal",
                           "gw.example:9464",
                           "gate.example.com",
                           "GATE.EXAMPLE.COM:1",
                           "a.lan",
                           "a.b.lan:9464"}) {
    EXPECT_TRUE(access.knows_host(host)) << host;
  }
  for (const char* host : {"evil.example", "evil.example:9464", "gate.example.com.evil.example",
                           "127.0.0.1.evil.example", "10.0.0.1.nip.io", "svc.evil.example",
                           "notlan.example", "1.2.3.4.5", "evil.example.", "127.1.", "0x7f.1"}) {
    EXPECT_FALSE(access.knows_host(host)) << host;
  }
  EXPECT_TRUE(AdminAccess::make({.hosts = {"*"}}).value().knows_host("evil.example"));
  EXPECT_TRUE(AdminAccess::make({.is_local = true}).value().knows_host("evil.example"));
}

TEST(AdminAccess, WithoutATokenNoneIsNeeded) {
  EXPECT_FALSE(AdminAccess::make({}).value().needs_token());
}

TEST(AdminAccess, TheTokenHasToBeTheSame) {
  const AdminAccess access = AdminAccess::make({.token = kToken}).value();
  EXPECT_TRUE(access.needs_token());
  EXPECT_TRUE(access.has_token("Bearer 0123456789abcdef").value());
  EXPECT_TRUE(access.has_token("bearer  0123456789abcdef ").value());
  for (const char* header :
       {"", "Bearer", "Bearer ", "0123456789abcdef", "Basic 0123456789abcdef",
        "Bearer 0123456789abcde", "Bearer 0123456789abcdef0", "Bearer 0123456789ABCDEF",
        "Bearer 0123456789abcdef0123456789abcdef"}) {
    EXPECT_FALSE(access.has_token(header).value()) << header;
  }
}

TEST(AdminAccess, TheFileIsReadAgain) {
  const std::string file = ::testing::TempDir() + "zerogate-token-test";
  const auto write = [&](const std::string& text) { std::ofstream(file) << text; };
  EXPECT_THAT(
      AdminAccess::make({.token_file = file + "-none"}).error(),
      HasSubstr("-none': cannot be read: No such file or directory; name a file with the token"));
  write("short\n");
  EXPECT_THAT(AdminAccess::make({.token_file = file}).error(),
              AllOf(StartsWith("admin_token_file: '"), HasSubstr("16 to 1024 visible"),
                    Not(HasSubstr("short"))));
  write(std::string(kToken) + "\n");
  const AdminAccess access = AdminAccess::make({.token_file = file}).value();
  EXPECT_TRUE(access.has_token("Bearer 0123456789abcdef").value());
  write("fedcba9876543210\r\n");
  EXPECT_FALSE(access.has_token("Bearer 0123456789abcdef").value());
  EXPECT_TRUE(access.has_token("Bearer fedcba9876543210").value());
  std::remove(file.c_str());
  EXPECT_FALSE(access.has_token("Bearer fedcba9876543210").ok());
}

}  // namespace
}  // namespace zerogate
