#include "core/security/tls_context.h"

#include <gmock/gmock.h>

#include "tests/unit/core/security/authority.h"

namespace zerogate {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Part = TlsFault::Part;

/// The fault of a listener with this material.
TlsFault fault_of(const TlsMaterial& material) {
  const auto made = TlsContext::make(TlsSide::listener, material);
  const auto* fault = std::get_if<TlsFault>(&made);
  EXPECT_NE(fault, nullptr);
  return fault != nullptr ? *fault : TlsFault{};
}

TEST(TlsContext, KnowsHowLongItsCertificateHolds) {
  const Authority authority;
  const auto context =
      make_context(TlsSide::listener, authority.material({.begins_s = -100, .ends_s = 500}));
  ASSERT_NE(context, nullptr);
  EXPECT_EQ(context->validity()->not_after_s - context->validity()->not_before_s, 600);
}

TEST(TlsContext, NamesThePartThatIsAtFault) {
  const Authority authority;
  TlsMaterial material = authority.material({});
  const auto with = [&](std::string TlsMaterial::*member, const std::string& text) {
    TlsMaterial changed = material;
    changed.*member = text;
    return fault_of(changed);
  };
  const TlsFault certificate = with(&TlsMaterial::certificate, "nonsense");
  EXPECT_EQ(certificate.part, Part::certificate);
  EXPECT_EQ(certificate.message,
            "is no certificate in PEM; it begins with -----BEGIN CERTIFICATE-----");
  const TlsFault key = with(&TlsMaterial::key, "nonsense");
  EXPECT_EQ(key.part, Part::key);
  EXPECT_EQ(key.message,
            "is no private key in PEM without a passphrase; make one, or take the passphrase off "
            "with openssl pkey");
  EXPECT_EQ(with(&TlsMaterial::authorities, "").part, Part::authorities);
  const TlsFault other = with(&TlsMaterial::key, authority.issue({}).key);
  EXPECT_EQ(other.part, Part::key);
  EXPECT_NE(other.message.find("not the key"), std::string::npos);
}

TEST(TlsContext, RefusesWhatNoHandshakeCouldUse) {
  const Authority authority;
  for (const char* curve : {"secp256k1", "brainpoolP256r1"}) {
    const TlsFault fault = fault_of(authority.material({.curve = curve}));
    EXPECT_EQ(fault.part, Part::key) << curve;
    EXPECT_NE(fault.message.find("elliptic curve that TLS does not use"), std::string::npos);
  }
  for (const char* curve : {"P-384", "P-521"}) {
    EXPECT_NE(make_context(TlsSide::listener, authority.material({.curve = curve})), nullptr);
  }
}

TEST(TlsContext, RefusesAChainOfWhichOnePartCouldNotBeShown) {
  const Authority root;
  const Authority weak("weak CA", {.issuer = &root, .curve = "prime192v1"});
  TlsMaterial material = root.material({});
  material.certificate += weak.pem();
  const TlsFault fault = fault_of(material);
  EXPECT_EQ(fault.part, Part::certificate);
  EXPECT_EQ(fault.message.find("certificate 2 in it cannot be used: its key is too short"), 0U);
}

TEST(TlsContext, SaysThatAChainIsInTheWrongOrder) {
  const Authority authority;
  TlsMaterial material = authority.material({});
  material.certificate = authority.pem() + material.certificate;
  const TlsFault fault = fault_of(material);
  EXPECT_EQ(fault.part, Part::certificate);
  EXPECT_NE(fault.message.find("put this first"), std::string::npos);
}

TEST(TlsContext, RefusesACertificateThatHasExpiredOrIsNotYetValid) {
  const Authority authority;
  const TlsFault late = fault_of(authority.material({.begins_s = -200, .ends_s = -100}));
  EXPECT_EQ(late.part, Part::certificate);
  EXPECT_NE(late.message.find("has expired"), std::string::npos);
  const TlsFault early = fault_of(authority.material({.begins_s = 100, .ends_s = 200}));
  EXPECT_NE(early.message.find("not valid before"), std::string::npos);
}

TEST(TlsContext, RefusesCasOfWhichNoneIsValidNow) {
  const Authority authority;
  const Authority old("old CA", {.begins_s = -200, .ends_s = -100});
  const Authority next("next CA", {.begins_s = 100, .ends_s = 200});
  TlsMaterial material = authority.material({});
  for (const std::string& cas : {old.pem(), next.pem(), next.pem() + old.pem()}) {
    material.authorities = cas;
    const TlsFault fault = fault_of(material);
    EXPECT_EQ(fault.part, Part::authorities);
    EXPECT_NE(fault.message.find("is valid now"), std::string::npos) << fault.message;
    EXPECT_EQ(fault.message.find("1970"), std::string::npos) << fault.message;
  }
  material.authorities = old.pem() + authority.pem() + next.pem();
  EXPECT_NE(make_context(TlsSide::listener, material), nullptr);
}

TEST(TlsContext, RefusesAFileOfWhichOneCertificateCannotBeRead) {
  const Authority authority;
  const Authority other("another CA");
  const std::string cut = other.pem().substr(0, other.pem().size() / 2);
  const std::string swapped = [&] {
    std::string text = other.pem();
    text[text.size() / 2] = '!';
    return text;
  }();
  for (const std::string& broken : {cut, swapped}) {
    TlsMaterial material = authority.material({});
    material.authorities = authority.pem() + broken;
    const TlsFault of_cas = fault_of(material);
    EXPECT_EQ(of_cas.part, Part::authorities);
    EXPECT_NE(of_cas.message.find("certificate 2"), std::string::npos) << of_cas.message;
    material = authority.material({});
    material.certificate += broken;
    EXPECT_EQ(fault_of(material).part, Part::certificate);
  }
  TlsMaterial material = authority.material({});
  material.authorities = "# ours\n" + material.key + authority.pem() + "\n# the end\n";
  EXPECT_NE(make_context(TlsSide::listener, material), nullptr);
}

std::vector<TlsDoubt> doubts(TlsSide side, const TlsMaterial& material) {
  const auto context = make_context(side, material);
  EXPECT_NE(context, nullptr);
  return context != nullptr ? context->doubts() : std::vector<TlsDoubt>();
}

auto doubt(Part part, bool is_note, const std::string& text) {
  return AllOf(Field(&TlsDoubt::part, part), Field(&TlsDoubt::is_note, is_note),
               Field(&TlsDoubt::message, HasSubstr(text)));
}

// Peers need not look at purposes, so handshakes may succeed.
TEST(TlsContext, DoubtsACertificateForAnotherPurpose) {
  const Authority ca;
  const TlsMaterial server = ca.material({.purpose = "serverAuth"});
  const TlsMaterial client = ca.material({.purpose = "clientAuth"});
  EXPECT_THAT(doubts(TlsSide::listener, server), IsEmpty());
  EXPECT_THAT(doubts(TlsSide::backend, client), IsEmpty());
  EXPECT_THAT(doubts(TlsSide::listener, ca.material({.purpose = ""})), IsEmpty());
  EXPECT_THAT(doubts(TlsSide::listener, client),
              ElementsAre(doubt(Part::certificate, false, "extendedKeyUsage lacks serverAuth")));
  EXPECT_THAT(doubts(TlsSide::backend, server),
              ElementsAre(doubt(Part::certificate, false, "extendedKeyUsage lacks clientAuth")));
}

TEST(TlsContext, DoubtsAChainThatPeersRefuse) {
  const Authority root;
  const Authority good("good", {.issuer = &root});
  const Authority late("late", {.issuer = &root, .begins_s = -200, .ends_s = -100});
  const Authority none("none", {.issuer = &root, .may_sign = false});
  TlsMaterial material = root.material({});
  const std::string own = material.certificate;
  material.certificate = own + good.pem() + root.pem();
  EXPECT_THAT(doubts(TlsSide::listener, material), IsEmpty());
  material.certificate = own + good.pem() + late.pem();
  EXPECT_THAT(doubts(TlsSide::listener, material),
              ElementsAre(doubt(Part::certificate, false, "certificate 3 in it has expired")));
  material.certificate = own + none.pem();
  EXPECT_THAT(doubts(TlsSide::listener, material),
              ElementsAre(doubt(Part::certificate, false, "certificate 2 in it is no CA")));
}

TEST(TlsContext, TellsThatWhatIsTrustedIsNoCa) {
  const Authority ca;
  TlsMaterial material = ca.material({});
  material.authorities = ca.pem() + ca.issue({}).certificate + ca.issue({}).certificate;
  EXPECT_THAT(
      doubts(TlsSide::listener, material),
      ElementsAre(doubt(Part::authorities, true, "certificate 2 in it, as 1 more, is no CA")));
}

TEST(TlsContext, RefusesCasOfWhichNoneLetsAPeerIn) {
  const Authority ca;
  TlsMaterial material = ca.material({});
  material.authorities = ca.issue({.purpose = "serverAuth"}).certificate;
  EXPECT_THAT(doubts(TlsSide::backend, material),
              ElementsAre(doubt(Part::authorities, true, "no CA")));
  const TlsFault fault = fault_of(material);
  EXPECT_EQ(fault.part, Part::authorities);
  EXPECT_THAT(fault.message,
              HasSubstr("lets in clients, for whom extendedKeyUsage says clientAuth"));
  // Clients may come without a certificate, or there are others.
  const auto useless =
      doubt(Part::authorities, false, "certificate 1 in it does not let in clients");
  material.clients = TlsClients::optional;
  EXPECT_THAT(doubts(TlsSide::listener, material), ElementsAre(useless));
  material.clients = TlsClients::required;
  material.authorities += ca.pem();
  EXPECT_THAT(doubts(TlsSide::listener, material), ElementsAre(useless));
}

TEST(TlsContext, ABackendNeedsNoCertificateOfItsOwn) {
  const Authority authority;
  EXPECT_NE(make_context(TlsSide::backend, {.authorities = authority.pem()}), nullptr);
}

TEST(TlsContext, AKeyWithAPassphraseIsRefusedAndNotAskedFor) {
  const Authority authority;
  TlsMaterial material = authority.material({});
  const KeyPtr key(PEM_read_bio_PrivateKey(bio_of(material.key).get(), nullptr, nullptr, nullptr));
  const BioPtr locked(BIO_new(BIO_s_mem()));
  ASSERT_EQ(PEM_write_bio_PrivateKey(locked.get(), key.get(), EVP_aes_128_cbc(), nullptr, 0,
                                     nullptr, const_cast<char*>("secret")),
            1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(locked.get(), &text);
  material.key.assign(text, static_cast<size_t>(size));
  const TlsFault fault = fault_of(material);
  EXPECT_EQ(fault.part, Part::key);
  EXPECT_THAT(fault.message, HasSubstr("is no private key in PEM without a passphrase"));
}

TEST(TlsContext, RefusesAKeyThatIsTooShort) {
  const TlsFault fault = fault_of(Authority().material({.curve = Authority::kShortRsa}));
  EXPECT_EQ(fault.part, Part::certificate);
  EXPECT_EQ(fault.message.find("cannot be used: its key is too short"), 0U) << fault.message;
}

TEST(TlsContext, RefusesAKeyThatSignsNothing) {
  const TlsFault fault = fault_of(Authority().material({.curve = Authority::kX25519}));
  EXPECT_EQ(fault.part, Part::key);
  EXPECT_EQ(fault.message, "cannot be used: it is of a kind that TLS does not know");
}

TEST(TlsContext, DoubtsACertificateThatMayNotSignHandshakes) {
  const Authority ca;
  const TlsMaterial material = ca.material({.usage = "nonRepudiation"});
  EXPECT_THAT(
      doubts(TlsSide::listener, material),
      ElementsAre(doubt(Part::certificate, false,
                        "is not for servers: its keyUsage does not let it sign handshakes; peers "
                        "that look at that refuse it: ask its CA for one with digitalSignature")));
  EXPECT_THAT(doubts(TlsSide::backend, material),
              ElementsAre(doubt(Part::certificate, false, "is not for clients: its keyUsage")));
  EXPECT_THAT(doubts(TlsSide::listener, ca.material({.usage = "digitalSignature"})), IsEmpty());
}

TEST(TlsContext, CountsTheCasThatLetNoPeerInFromTheFirst) {
  const Authority ca;
  const auto useless = [&] { return ca.issue({.purpose = "serverAuth"}).certificate; };
  TlsMaterial material = ca.material({});
  material.authorities = ca.pem() + useless() + useless() + useless();
  EXPECT_THAT(doubts(TlsSide::listener, material),
              ElementsAre(doubt(Part::authorities, false,
                                "certificate 2 in it, as 2 more, does not let in clients")));
}

TEST(TlsContext, AnswersHowLongACertificateInPemHolds) {
  const Authority authority;
  const Authority other("another CA", {.begins_s = -10, .ends_s = 10});
  const std::string own = authority.issue({.begins_s = -100, .ends_s = 500}).certificate;
  const auto validity = validity_of(own + other.pem());
  ASSERT_TRUE(validity);
  EXPECT_EQ(validity->not_after_s - validity->not_before_s, 600);
  EXPECT_FALSE(validity_of("nonsense"));
}

}  // namespace
}  // namespace zerogate
