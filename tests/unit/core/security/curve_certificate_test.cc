// CURVE keys in the files of pyzmq and czmq.
#include "core/security/curve_certificate.h"

#include <gmock/gmock.h>

#include "core/security/curve_clients.h"

namespace zerogate {
namespace {

using ::testing::HasSubstr;

// With each character that has a meaning in such files.
constexpr const char* kPublic = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";
constexpr const char* kSecret = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs";
constexpr const char* kHashed = "Y#e@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{#ID";

CurveCertificate parsed(std::string_view text) {
  const auto certificate = parse_curve_certificate(text);
  EXPECT_TRUE(certificate) << certificate.error();
  return certificate ? certificate.value() : CurveCertificate{};
}

TEST(CurveCertificate, ReadsWhatPyzmqWrites) {
  const std::string text =
      "#   ****  Generated on 2026-11-27 23:00:00 by pyzmq  ****\n"
      "#   ZeroMQ CURVE **Secret** Certificate\n"
      "#   DO NOT PROVIDE THIS FILE TO OTHER USERS nor change its permissions.\n\n"
      "metadata\n"
      "curve\n"
      "    public-key = \"" +
      std::string(kPublic) +
      "\"\n"
      "    secret-key = \"" +
      kSecret + "\"\n";
  EXPECT_EQ(parsed(text), (CurveCertificate{kPublic, kSecret}));
}

TEST(CurveCertificate, ReadsWhatCzmqWrites) {
  const std::string text =
      "#   ****  Generated on 2026-11-27 23:00:00 by CZMQ  ****\r\n"
      "#   ZeroMQ CURVE Public Certificate\r\n"
      "metadata\r\n"
      "    name = \"alice\"\r\n"
      "curve\r\n"
      "    public-key = \"" +
      std::string(kPublic) + "\"   # hers\r\n";
  EXPECT_EQ(parsed(text), (CurveCertificate{kPublic, ""}));
}

TEST(CurveCertificate, AHashBetweenTheQuotesIsPartOfTheKey) {
  EXPECT_EQ(parsed("public-key = \"" + std::string(kHashed) + "\"\n").public_key, kHashed);
  EXPECT_EQ(parsed("public-key='" + std::string(kHashed) + "'").public_key, kHashed);
  EXPECT_EQ(parsed("public-key = " + std::string(kHashed)).public_key, kHashed);
}

TEST(CurveCertificate, WhatIsNoKeyIsNamedByItsLineAndNotRepeated) {
  const auto broken = parse_curve_certificate("curve\n  secret-key = \"geheim\"\n");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error(), "line 2: secret-key is no key of 40 characters in Z85");
  const auto empty = parse_curve_certificate("metadata\ncurve\n# public-key = \"x\"\n");
  ASSERT_FALSE(empty);
  EXPECT_THAT(empty.error(), HasSubstr("no public-key and no secret-key"));
}

TEST(CurveCertificate, AKeyIsZ85OfThirtyTwoBytes) {
  EXPECT_TRUE(is_curve_key(kPublic));
  EXPECT_TRUE(is_curve_key(std::string(40, '0')));
  EXPECT_FALSE(is_curve_key(std::string(39, '0')));
  EXPECT_FALSE(is_curve_key(std::string(41, '0')));
  EXPECT_FALSE(is_curve_key(std::string(39, '0') + "\""));
  EXPECT_FALSE(is_curve_key(std::string(40, '#'))) << "more than four bytes can say";
}

TEST(CurveCertificate, WhatIsWrittenReadsTheSame) {
  for (const CurveCertificate& written :
       {CurveCertificate{kPublic, kSecret}, CurveCertificate{kHashed, ""}}) {
    EXPECT_EQ(parsed(curve_certificate_text(written)), written);
  }
}

TEST(CurveCertificate, AKeyAloneIsEnough) {
  const CurveCertificate secret{"", kSecret};
  EXPECT_EQ(parsed("secret-key = '" + std::string(kSecret) + "'"), secret);
  EXPECT_EQ(curve_certificate_text(secret),
            "#   ZeroMQ CURVE **Secret** Certificate\n\nmetadata\ncurve\n    secret-key = \"" +
                std::string(kSecret) + "\"\n");
  EXPECT_EQ(curve_certificate_text({kPublic, ""}),
            "#   ZeroMQ CURVE **Public** Certificate\n\nmetadata\ncurve\n    public-key = \"" +
                std::string(kPublic) + "\"\n");
}

TEST(CurveCertificate, ALineIsAKeyByItsWholeName) {
  const std::string key = kPublic;
  for (const char* other : {"public-key-of = \"x\"", "public-keys=x", "public-key x", "public-key",
                            "my-public-key = x"}) {
    EXPECT_EQ(parsed(other + ("\npublic-key\t=\t\"" + key + "\"")).public_key, key) << other;
  }
}

TEST(CurveCertificate, AQuoteNeedNotBeClosed) {
  EXPECT_EQ(parsed("public-key = \"" + std::string(kPublic)).public_key, kPublic);
  const auto empty = parse_curve_certificate("\n\npublic-key = \"\n");
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error(), "line 3: public-key is no key of 40 characters in Z85");
}

TEST(CurveCertificate, FiveCharactersSayFourBytesAtMost) {
  const std::string zeros(35, '0');
  EXPECT_TRUE(is_curve_key(zeros + "%nSc0")) << "2^32 - 1";
  EXPECT_FALSE(is_curve_key(zeros + "%nSc1"));
  EXPECT_FALSE(is_curve_key("%nSc1" + zeros));
}

TEST(CurveClients, AKeyHasTheNameOfItsFile) {
  CurveClients clients;
  EXPECT_EQ(clients.name_of(kPublic), std::nullopt) << "before any was named";
  const uint64_t before = clients.version();
  clients.set({"/etc/keys", {{kPublic, "alice"}}});
  EXPECT_NE(clients.version(), before);
  EXPECT_EQ(clients.name_of(kPublic), "alice");
  EXPECT_EQ(clients.name_of(kHashed), std::nullopt);
  clients.set({"any", {}});
  EXPECT_EQ(clients.name_of(kHashed), kHashed);
}

}  // namespace
}  // namespace zerogate
