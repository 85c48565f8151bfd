#include "core/security/tls_allow.h"

#include <gtest/gtest.h>

namespace zerogate {
namespace {

TlsNames with_uri(const std::string& uri) { return {.uris = {uri}, .dns = {}, .subject = {}}; }
bool lets_in(const std::string& pattern, const TlsNames& names) {
  EXPECT_TRUE(TlsAllow::check(pattern).ok()) << pattern;
  return TlsAllow({pattern}).allows(names);
}

TEST(TlsAllow, AStarStandsForCharactersOfOneSegment) {
  const std::string pattern = "spiffe://prod/ns/*/sa/gateway-*";
  EXPECT_TRUE(lets_in(pattern, with_uri("spiffe://prod/ns/shop/sa/gateway-1")));
  EXPECT_TRUE(lets_in(pattern, with_uri("spiffe://prod/ns/shop/sa/gateway-")));
  EXPECT_FALSE(lets_in(pattern, with_uri("spiffe://prod/ns/shop/x/sa/gateway-1")));
  EXPECT_FALSE(lets_in(pattern, with_uri("spiffe://prod/ns//sa/gateway-1")));
  EXPECT_FALSE(lets_in(pattern, with_uri("spiffe://prod/ns/shop/sa/gateway-1/")));
  EXPECT_FALSE(lets_in(pattern, with_uri("spiffe://test/ns/shop/sa/gateway-1")));
  EXPECT_FALSE(lets_in("spiffe://prod/*", with_uri("spiffe://prod/")));
  EXPECT_FALSE(lets_in("spiffe://prod/a", with_uri("spiffe://prod/a/b")));
  EXPECT_FALSE(lets_in("spiffe://prod/a", with_uri("spiffe://prod/A")));
}

TEST(TlsAllow, AUriIsTheOnlyOne) {
  TlsNames two = with_uri("spiffe://prod/a");
  two.uris.emplace_back("spiffe://prod/b");
  EXPECT_FALSE(lets_in("spiffe://prod/a", two));
  EXPECT_TRUE(lets_in("*", two));
  EXPECT_FALSE(lets_in("spiffe://prod/a", TlsNames{}));
}

TEST(TlsAllow, AUriThatIsAWorkloadsNameIsNoDnsName) {
  const TlsNames names{.uris = {}, .dns = {"orders.example.com"}, .subject = "spiffe://prod/a"};
  EXPECT_TRUE(lets_in("dns:Orders.example.com", names));
  EXPECT_TRUE(lets_in("dns:*.example.com", names));
  EXPECT_FALSE(lets_in("dns:*.com", names));
  EXPECT_FALSE(lets_in("dns:example.com", names));
  EXPECT_FALSE(lets_in("spiffe://prod/a", names));
}

TEST(TlsAllow, NobodyIsAllowedByAnEmptyList) {
  EXPECT_FALSE(TlsAllow().allows(with_uri("spiffe://prod/a")));
}

TEST(TlsAllow, RefusesPatternsThatSayNothing) {
  for (const char* wrong : {"", "gateway", "spiffe://", "spiffe://*/a", "dns:", "dns:*", "dns:a.*",
                            "dns:a/b", "https://a/b", "spiffe:///a"}) {
    EXPECT_FALSE(TlsAllow::check(wrong).ok()) << wrong;
  }
}

}  // namespace
}  // namespace zerogate
