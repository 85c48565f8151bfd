// The names of endpoints, and when they are shown in full.
#include "core/base/endpoint_name.h"

#include <gtest/gtest.h>

namespace zerogate {
namespace {

TEST(EndpointNameTest, AnAddressStandsBehindATlsName) {
  const Address v4{"10.0.0.2", 5559, ""}, v6{"fe80::1%e@1", 5559, ""};
  EXPECT_EQ(tls_endpoint_name("a.test", v4), "a.test@10.0.0.2:5559");
  EXPECT_EQ(tls_endpoint_name("", v4), "tls@10.0.0.2:5559");
  for (const Address& address : {v4, v6}) {
    EXPECT_EQ(address_of(tls_endpoint_name("a.test", address)), address.display());
    EXPECT_EQ(address_of(address.display()), address.display());
  }
  EXPECT_EQ(address_of("unix:/run/a@b"), "unix:/run/a@b");
}

TEST(EndpointNameTest, TheAddressAloneIsShownWhileOneHasIt) {
  ShownEndpoints shown;
  shown.add("a.test@1.1.1.1:1");
  shown.add("a.test@1.1.1.1:1");
  shown.add("b.test@1.1.1.2:1");
  EXPECT_EQ(shown.name_of("a.test@1.1.1.1:1"), "1.1.1.1:1");
  EXPECT_EQ(shown.name_of("b.test@1.1.1.2:1"), "1.1.1.2:1");
  EXPECT_EQ(shown.name_of("gone@1.1.1.3:1"), "1.1.1.3:1");
  shown.add("1.1.1.1:1");
  EXPECT_EQ(shown.name_of("a.test@1.1.1.1:1"), "a.test@1.1.1.1:1");
  EXPECT_EQ(shown.name_of("1.1.1.1:1"), "1.1.1.1:1");
  EXPECT_EQ(shown.name_of("gone@1.1.1.1:1"), "gone@1.1.1.1:1");
}

}  // namespace
}  // namespace zerogate
