// Addresses and ranges of them, as the configuration and peers write them.
#include "core/base/address_range.h"

#include <gmock/gmock.h>

namespace zerogate {
namespace {

using ::testing::HasSubstr;

IpAddress ip(std::string_view text) {
  const auto address = IpAddress::parse(text);
  EXPECT_TRUE(address) << text;
  return address.value_or(IpAddress{});
}

AddressRange range(std::string_view text) {
  const auto parsed = AddressRange::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? parsed.value() : AddressRange{};
}

std::string error_of(std::string_view text) {
  const auto parsed = AddressRange::parse(text);
  EXPECT_FALSE(parsed) << text;
  return parsed ? "" : parsed.error();
}

TEST(AddressRange, ContainsWhatBeginsWithTheSameBits) {
  EXPECT_TRUE(range("10.0.0.0/8").contains(ip("10.255.0.1")));
  EXPECT_FALSE(range("10.0.0.0/8").contains(ip("11.0.0.1")));
  EXPECT_TRUE(range("192.168.4.0/22").contains(ip("192.168.7.255")));
  EXPECT_FALSE(range("192.168.4.0/22").contains(ip("192.168.8.0")));
  EXPECT_TRUE(range("fd00::/8").contains(ip("fd12:3456::1")));
  EXPECT_FALSE(range("fd00::/8").contains(ip("fe80::1")));
  EXPECT_TRUE(range("192.0.2.7").contains(ip("192.0.2.7")));
  EXPECT_FALSE(range("192.0.2.7").contains(ip("192.0.2.8")));
  EXPECT_TRUE(range("::1/128").contains(ip("::1")));
}

TEST(AddressRange, Ipv4IsTheSameBehindASocketForBoth) {
  EXPECT_TRUE(range("10.0.0.0/8").contains(ip("::ffff:10.1.2.3")));
  EXPECT_TRUE(range("0.0.0.0/0").contains(ip("10.1.2.3")));
  EXPECT_FALSE(range("0.0.0.0/0").contains(ip("fd00::1")));
  EXPECT_TRUE(range("::/0").contains(ip("fd00::1")));
  EXPECT_TRUE(range("fe80::/10").contains(ip("fe80::1%eth0"))) << "a zone is no part of it";
}

TEST(AddressRange, ShowsWhatItWasWrittenAs) {
  for (const char* text : {"10.0.0.0/8", "fd00::/8", "192.0.2.7", "::1", "0.0.0.0/0", "::/0"}) {
    EXPECT_EQ(range(text).display(), text);
  }
  EXPECT_EQ(range("10.0.0.7/32").display(), "10.0.0.7");
}

TEST(AddressRange, ErrorsSayWhatWouldFixThem) {
  EXPECT_EQ(error_of("10.1.2.3/8"),
            "'10.1.2.3/8' has bits behind its first 8; write 10.0.0.0/8 for the range, or 10.1.2.3 "
            "for the one address");
  EXPECT_THAT(error_of("fd00::1/64"), HasSubstr("write fd00::/64 for the range"));
  EXPECT_THAT(error_of("10.0.0.0/33"), HasSubstr("no length from 0 to 32"));
  EXPECT_THAT(error_of("10.0.0.0/"), HasSubstr("no length from 0 to 32"));
  EXPECT_THAT(error_of("fd00::/129"), HasSubstr("no length from 0 to 128"));
  for (const char* text : {"", "localhost", "10.0.0/8", "fe80::1%eth0", "/8", "10.0.0.0 /8"}) {
    EXPECT_THAT(error_of(text), HasSubstr("is no address and no range")) << text;
  }
}

TEST(AddressRange, AHostIsAnIpv4AddressOrAnIpv6Network) {
  EXPECT_EQ(ip("::ffff:10.0.0.7").host(), "10.0.0.7");
  EXPECT_EQ(ip("2001:db8:1:2:3:4:5:6").host(), "2001:db8:1:2::/64");
  EXPECT_EQ(ip("::1").host(), "::/64");
}

TEST(AddressRange, OneOfSeveralIsEnough) {
  const AddressRanges ranges = {range("10.0.0.0/8"), range("fd00::/8")};
  EXPECT_TRUE(contains(ranges, ip("fd00::7")));
  EXPECT_FALSE(contains(ranges, ip("127.0.0.1")));
  EXPECT_FALSE(contains({}, ip("127.0.0.1")));
}

TEST(AddressRange, NothingHidesBehindANul) {
  using namespace std::string_view_literals;
  EXPECT_FALSE(IpAddress::parse("10.0.0.1\0x"sv));
  EXPECT_FALSE(IpAddress::parse("::1\0%eth0"sv));
  EXPECT_NE(error_of("10.0.0.1\0/8"sv), "");
}

}  // namespace
}  // namespace zerogate
