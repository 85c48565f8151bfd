// Which certificate a session of GnuTLS is shown. Real handshakes: tests/interop/test_admin_tls.py.
#include "gateway/http/server_certificate.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/unit/core/base/beside.h"
#include "tests/unit/core/security/authority.h"

namespace zerogate::testing {
namespace {

class ServerCertificateTest : public ::testing::Test {
 protected:
  /// A session is shown so many certificates; an error of GnuTLS is below 0.
  static int ask(ServerCertificate& certificate) {
    gnutls_session_t session = nullptr;
    gnutls_init(&session, GNUTLS_SERVER);
    certificate.use_for(session);
    gnutls_pcert_st* chain = nullptr;
    unsigned length = 0, ocsp_length = 0, flags = 0;
    gnutls_ocsp_data_st* ocsp = nullptr;
    gnutls_privkey_t key = nullptr;
    const int error = ServerCertificate::answer(session, nullptr, &chain, &length, &ocsp,
                                                &ocsp_length, &key, &flags);
    gnutls_deinit(session);
    if (error != 0) {
      return error;
    }
    // GnuTLS does so, as the flags say.
    EXPECT_EQ(flags, unsigned{GNUTLS_CERT_RETR_DEINIT_ALL});
    for (unsigned i = 0; i < length; ++i) {
      gnutls_pcert_deinit(&chain[i]);
    }
    gnutls_free(chain);
    gnutls_privkey_deinit(key);
    return static_cast<int>(length);
  }
  /// With so many certificates of CAs behind the own one.
  std::shared_ptr<TlsMaterial> material(const Authority::Wish& wish = {}, int authorities = 0) {
    auto made = std::make_shared<TlsMaterial>(authority_.material(wish));
    for (int i = 0; i < authorities; ++i) {
      made->certificate += authority_.pem();
    }
    return made;
  }

  const Authority authority_;
};

TEST_F(ServerCertificateTest, TheWholeChainIsShown) {
  ServerCertificate certificate(material({}, 2));
  EXPECT_EQ(ask(certificate), 3);
}

// A file of all CAs there are behind the own one: no client needs them.
TEST_F(ServerCertificateTest, OfALongFileTheFirstAreShown) {
  ServerCertificate certificate(material({}, 150));
  EXPECT_EQ(ask(certificate), 16);
}

TEST_F(ServerCertificateTest, TheOneInForceByThenIsShown) {
  ServerCertificate certificate(material());
  certificate.set(material({}, 1));
  EXPECT_EQ(ask(certificate), 2);
  certificate.set(nullptr);
  EXPECT_EQ(ask(certificate), 2);
}

TEST_F(ServerCertificateTest, WhatGnuTlsCannotUseFailsTheHandshake) {
  ServerCertificate certificate(material({.curve = "brainpoolP256r1"}));
  EXPECT_LT(ask(certificate), 0);
  const auto without_key = material();
  without_key->key = "no key";
  certificate.set(without_key);
  EXPECT_LT(ask(certificate), 0);
  certificate.set(material());
  EXPECT_EQ(ask(certificate), 1);
}

TEST_F(ServerCertificateTest, OlderTlsIsSpokenWhereItIsAllowed) {
  auto older = material();
  older->allow_tls12 = true;
  EXPECT_NE(ServerCertificate(older).priorities().find(":+VERS-TLS1.2"), std::string::npos);
  EXPECT_EQ(ServerCertificate(material()).priorities().find(":+VERS-TLS1.2"), std::string::npos);
}

TEST_F(ServerCertificateTest, IsRenewedInOneThreadAndShownInAnother) {
  ServerCertificate certificate(material());
  const auto renewed = material({}, 1);
  beside([&] { certificate.set(renewed); }, [&] { ask(certificate); });
  EXPECT_EQ(ask(certificate), 2);
}

}  // namespace
}  // namespace zerogate::testing
