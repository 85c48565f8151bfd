#include "core/base/address.h"

#include <gtest/gtest.h>

namespace zerogate {
namespace {

Address parsed(std::string_view text) {
  auto address = Address::parse(text);
  EXPECT_TRUE(address.ok()) << text << ": " << (address.ok() ? "" : address.error());
  return address.ok() ? address.value() : Address{};
}

TEST(Address, TakesHostsAndPorts) {
  EXPECT_EQ(parsed("127.0.0.1:5559").host, "127.0.0.1");
  EXPECT_EQ(parsed("127.0.0.1:5559").port, 5559);
  EXPECT_EQ(parsed("localhost:0").port, 0);
  EXPECT_EQ(parsed("my_service-1.example:65535").host, "my_service-1.example");
  EXPECT_FALSE(parsed("a:1").is_path());
}

TEST(Address, HostsAreTheSameInEitherCaseAndInterfacesAreNot) {
  EXPECT_EQ(parsed("Orders.Example:1"), parsed("orders.example:1"));
  EXPECT_EQ(parsed("Orders.Example:1").display(), "orders.example:1");
  EXPECT_EQ(parsed("[FE80::A%Eth0]:1").display(), "[fe80::a%Eth0]:1");
  EXPECT_EQ(parsed("unix:/run/Z.sock").path, "/run/Z.sock");
}

TEST(Address, TakesIpv6InBrackets) {
  EXPECT_EQ(parsed("[::]:5559").host, "::");
  EXPECT_EQ(parsed("[fe80::1%eth0]:1").host, "fe80::1%eth0");
  EXPECT_EQ(parsed("[::1]:5559").port, 5559);
}

TEST(Address, AnIpv6AddressHasOneText) {
  EXPECT_EQ(parsed("[0:0:0:0:0:0:0:0]:1"), parsed("[::]:1"));
  EXPECT_EQ(parsed("[0::0001]:1").display(), "[::1]:1");
  EXPECT_EQ(parsed("[FE80:0::A%Eth0]:1").host, "fe80::a%Eth0");
  EXPECT_EQ(parsed("[::FFFF:127.0.0.1]:1").host, "::ffff:127.0.0.1");
}

TEST(Address, TakesLocalSockets) {
  for (const auto* text :
       {"unix:/run/z.sock", "unix:///run/z.sock", "ipc:/run/z.sock", "ipc:///run/z.sock"}) {
    const Address address = parsed(text);
    EXPECT_TRUE(address.is_path());
    EXPECT_EQ(address.path, "/run/z.sock");
    EXPECT_EQ(address.host, "");
  }
}

TEST(Address, DisplaysWhatItParses) {
  for (const auto* text : {"127.0.0.1:5559", "[::1]:80", "localhost:0", "unix:/run/z.sock"}) {
    EXPECT_EQ(parsed(text).display(), text);
  }
  EXPECT_EQ(parsed("ipc:/run/z.sock").display(), "unix:/run/z.sock");
  EXPECT_EQ(parsed("ipc:////run/z.sock").display(), "unix:/run/z.sock");
}

TEST(Address, SocketPathsFitTheKernel) {
  const std::string longest = "/" + std::string(106, 'x');
  EXPECT_EQ(parsed("unix:" + longest).path, longest);
  const auto refused = Address::parse("unix:" + longest + "x");
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().find("has a path of 108 bytes; a socket's path has at most 107"),
            std::string::npos)
      << refused.error();
}

TEST(Address, AZoneIsOfVisibleCharacters) {
  using namespace std::string_view_literals;
  for (const std::string_view text : {"[fe80::1%a b]:1"sv, "[fe80::1%\n]:1"sv, "[::1\0x]:1"sv,
                                      "[fe80::1%\xc3\xb6]:1"sv, "[fe80::1%\x7f]:1"sv}) {
    EXPECT_FALSE(Address::parse(text).ok()) << text;
  }
  EXPECT_EQ(parsed("[fe80::1%!~]:1").host, "fe80::1%!~");
}

struct Refused {
  std::string_view text;
  std::string_view error;
};

class AddressRefuses : public ::testing::TestWithParam<Refused> {};

TEST_P(AddressRefuses, WithItsMend) {
  const auto address = Address::parse(GetParam().text);
  ASSERT_FALSE(address.ok());
  EXPECT_EQ(address.error(), GetParam().error);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, AddressRefuses,
    ::testing::Values(
        Refused{"", "'' has no port; write host:port, as in 127.0.0.1:5559"},
        Refused{"127.0.0.1", "'127.0.0.1' has no port; write host:port, as in 127.0.0.1:5559"},
        Refused{"5559", "'5559' has no port; write host:port, as in 127.0.0.1:5559"},
        Refused{"a:", "'a:' has no port from 0 to 65535; write host:port, as in 127.0.0.1:5559"},
        Refused{"a:65536",
                "'a:65536' has no port from 0 to 65535; write host:port, as in 127.0.0.1:5559"},
        Refused{"a:-1",
                "'a:-1' has no port from 0 to 65535; write host:port, as in 127.0.0.1:5559"},
        Refused{"a:1x",
                "'a:1x' has no port from 0 to 65535; write host:port, as in 127.0.0.1:5559"},
        Refused{":5559",
                "':5559' has no host; write 0.0.0.0:port for every interface, or [::]:port"},
        Refused{"*:5559",
                "'*:5559' has no host; write 0.0.0.0:port for every interface, or [::]:port"},
        Refused{"256.0.0.1:1",
                "'256.0.0.1:1' has a host that is neither a name nor an address; "
                "write host:port, as in 127.0.0.1:5559"},
        Refused{"a b:1",
                "'a b:1' has a host that is neither a name nor an address; "
                "write host:port, as in 127.0.0.1:5559"},
        Refused{"::1:5559",
                "'::1:5559' is not host:port; write an IPv6 address in brackets, as in [::1]:5559"},
        Refused{"[::1]", "'[::1]' is not [address]:port; write an IPv6 address as in [::1]:5559"},
        Refused{"[::1", "'[::1' is not [address]:port; write an IPv6 address as in [::1]:5559"},
        Refused{"[1.2.3.4]:1",
                "'[1.2.3.4]:1' has no IPv6 address in its brackets; write it as in [::1]:5559"},
        Refused{"tcp://a:1",
                "'tcp://a:1' is a URL; leave out what stands up to ://, "
                "as in 127.0.0.1:5559"},
        Refused{"/run/z.sock", "'/run/z.sock' is a path; write unix: in front of it"},
        Refused{"unix:run/z",
                "'unix:run/z' has no absolute path; write an absolute path, "
                "as in unix:/run/zerogate.sock"},
        Refused{"unix://run/z",
                "'unix://run/z' has no absolute path; write an absolute path, "
                "as in unix:/run/zerogate.sock"},
        Refused{"ipc:/run/",
                "'ipc:/run/' names a directory; write an absolute path, "
                "as in unix:/run/zerogate.sock"},
        Refused{std::string_view("unix:/a\0b", 9),
                "'unix:/a\\x00b' has a NUL byte in its path; write an absolute path, "
                "as in unix:/run/zerogate.sock"}));

TEST(Address, ANameIsOfLettersDigitsAndThreeSigns) {
  EXPECT_EQ(parsed("az.AZ-09_:1").host, "az.az-09_");
  for (const char wrong : {'`', '{', '@', '[', '/', ';', '+', '\x7f'}) {
    EXPECT_FALSE(Address::parse(std::string("a") + wrong + ":1").ok()) << wrong;
  }
}

TEST(Address, ANameHasAtMost253Bytes) {
  const std::string longest(253, 'a');
  EXPECT_EQ(parsed(longest + ":1").host, longest);
  EXPECT_FALSE(Address::parse(longest + "a:1").ok());
}

}  // namespace
}  // namespace zerogate
