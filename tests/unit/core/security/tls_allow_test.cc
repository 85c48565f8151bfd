#include "core/security/tls_allow.h"

#include <gtest/gtest.h>

#include "tests/unit/core/security/authority.h"

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

TEST(TlsAllow, AStarOfADnsNameIsOneWholeLabel) {
  const auto names = [](const char* dns) {
    return TlsNames{.uris = {}, .dns = {dns}, .subject = {}};
  };
  EXPECT_TRUE(lets_in("dns:*.example.com", names("a.example.com")));
  EXPECT_FALSE(lets_in("dns:*.example.com", names(".example.com")));
  EXPECT_FALSE(lets_in("dns:*.example.com", names("example.com")));
  EXPECT_FALSE(lets_in("dns:*.example.com", names("b.a.example.com")));
  EXPECT_FALSE(lets_in("dns:*.example.com", names("localhost")));
  EXPECT_FALSE(lets_in("dns:a.example.com", names("b.example.com")));
}

TEST(TlsAllow, OneOfSeveralPatternsOrDnsNamesIsEnough) {
  const TlsNames names{.uris = {}, .dns = {"a.test", "b.test"}, .subject = {}};
  EXPECT_TRUE(lets_in("dns:b.test", names));
  EXPECT_TRUE(TlsAllow({"dns:c.test", "dns:a.test"}).allows(names));
  EXPECT_FALSE(TlsAllow({"dns:c.test", "dns:d.test"}).allows(names));
}

TEST(TlsAllow, AnEmptySegmentIsTheSameOnBothSides) {
  EXPECT_TRUE(lets_in("spiffe://prod/", with_uri("spiffe://prod/")));
  EXPECT_TRUE(lets_in("spiffe://prod", with_uri("spiffe://prod")));
  EXPECT_FALSE(lets_in("spiffe://prod/", with_uri("spiffe://prod")));
  EXPECT_FALSE(lets_in("spiffe://prod", with_uri("spiffe://prod/")));
}

TEST(TlsAllow, APatternHasAtMost2048Bytes) {
  const std::string longest = "spiffe://prod/" + std::string(2048 - 14, 'a');
  EXPECT_TRUE(lets_in(longest, with_uri(longest)));
  const Status longer = TlsAllow::check(longest + "a");
  ASSERT_FALSE(longer.ok());
  EXPECT_NE(longer.error().find("is too long; write \"*\", spiffe://domain/path or dns:name"),
            std::string::npos)
      << longer.error();
}

TlsNames names_of(const Authority::Wish& wish) {
  const std::string pem = Authority().issue(wish).certificate;
  const BioPtr bio = bio_of(pem);
  return TlsNames::of(X509Ptr(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)).get());
}

TEST(TlsNames, AreTheUrisAndDnsNamesOfACertificate) {
  const TlsNames names =
      names_of({.names = "DNS:A.Test,URI:spiffe://Prod/a,IP:10.0.0.1,DNS:b.test,email:a@b.test"});
  EXPECT_EQ(names.uris, std::vector<std::string>{"spiffe://Prod/a"});
  EXPECT_EQ(names.dns, (std::vector<std::string>{"a.test", "b.test"}));
  EXPECT_EQ(names.subject, "somebody");
  EXPECT_EQ(names.display(), "spiffe://Prod/a");
}

TEST(TlsNames, ACertificateWithoutThemIsShownByItsSubject) {
  const TlsNames names = names_of({.names = ""});
  EXPECT_TRUE(names.uris.empty() && names.dns.empty());
  EXPECT_EQ(names.display(), "CN=somebody");
  const X509Ptr bare(X509_new());
  EXPECT_EQ(TlsNames::of(bare.get()).display(), "without a name");
}

TEST(TlsNames, OfTwoUrisNoneIsShown) {
  TlsNames names = with_uri("spiffe://prod/a");
  names.uris.emplace_back("spiffe://prod/b");
  EXPECT_EQ(names.display(), "without a name");
  names.dns = {"a.test", "b.test"};
  EXPECT_EQ(names.display(), "dns:a.test");
}

}  // namespace
}  // namespace zerogate
