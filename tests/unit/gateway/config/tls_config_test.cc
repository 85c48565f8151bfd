// What a configuration says of TLS, with the files that it names.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "gateway/config/show_config.h"
#include "tests/unit/core/security/tls_folder.h"
#include "tests/unit/gateway/config/config_fixture.h"

namespace zerogate {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TlsConfigTest : public ConfigTest {
 protected:
  TlsConfigTest() { folder_.write_pair(); }

  /// A listener's configuration whose `tls` has these keys.
  static std::string listener(const std::string& tls) {
    return "listen: {tls: 127.0.0.1:5561}\ntls:\n" + tls;
  }
  std::string pair() const {
    return fmt::format("  cert: {}\n  key: {}\n", folder_.path("tls.crt"), folder_.path("tls.key"));
  }
  std::string ca() const { return fmt::format("  ca: {}\n", folder_.path("ca.crt")); }
  std::string one_error(const std::string& text) {
    const auto lines = errors(text);
    EXPECT_EQ(lines.size(), 1u);
    return lines.empty() ? "" : lines.front();
  }

  const TlsFolder folder_;
};

TEST_F(TlsConfigTest, AListenerHasWhatItsFilesSay) {
  const Config config = good(listener(pair() + ca() + "  allow: [\"spiffe://prod/*\"]\n"));
  ASSERT_NE(config.tls_material, nullptr);
  EXPECT_EQ(config.tls_material->authorities, folder_.authority.pem());
  EXPECT_EQ(config.tls_material->allow, TlsAllow({"spiffe://prod/*"}));
  EXPECT_FALSE(config.tls_material->allow_tls12);
  EXPECT_THAT(config.warnings, ElementsAre());
}

TEST_F(TlsConfigTest, WhatIsMissingIsAskedFor) {
  EXPECT_THAT(errors(listener("  watch: off\n")),
              ElementsAre(AllOf(HasSubstr("zerogate.yaml:1: listen.tls"), HasSubstr("cert: FILE")),
                          HasSubstr("key: FILE"), HasSubstr("ca: FILE"),
                          HasSubstr("allow: [\"spiffe://domain/path\"]")));
  EXPECT_THAT(one_error(listener(pair() + ca())),
              AllOf(HasSubstr("which clients may speak?"), HasSubstr("\"*\"")));
  EXPECT_THAT(one_error(listener(pair() + "  clients: none\n  allow: [\"*\"]\n")),
              HasSubstr("never asks for"));
  good(listener(pair() + "  clients: none\n"));
}

TEST_F(TlsConfigTest, AFaultNamesLineFileAndFix) {
  const std::string rest = ca() + "  allow: [\"*\"]\n";
  folder_.write("tls.key", folder_.authority.issue({}).key);
  EXPECT_THAT(one_error(listener(pair() + rest)),
              AllOf(HasSubstr("zerogate.yaml:4: tls.key"), HasSubstr(folder_.path("tls.key")),
                    HasSubstr("not the key of the certificate")));
  folder_.write_pair({.begins_s = -200, .ends_s = -100});
  EXPECT_THAT(one_error(listener(pair() + rest)),
              AllOf(HasSubstr("zerogate.yaml:3: tls.cert"), HasSubstr("has expired")));
  folder_.write_pair({.begins_s = 100, .ends_s = 200});
  EXPECT_THAT(one_error(listener(pair() + rest)), HasSubstr("not valid before"));
  folder_.write_pair();
  folder_.write("ca.crt", "nonsense");
  EXPECT_THAT(one_error(listener(pair() + rest)),
              AllOf(HasSubstr("zerogate.yaml:5: tls.ca"), HasSubstr("no certificate")));
  folder_.write("ca.crt", Authority("old CA", {.begins_s = -200, .ends_s = -100}).pem());
  EXPECT_THAT(one_error(listener(pair() + rest)),
              AllOf(HasSubstr("zerogate.yaml:5: tls.ca"), HasSubstr("no certificate in it is valid "
                                                                    "now")));
  EXPECT_THAT(errors(listener("  cert: /nowhere\n  key: /nowhere\n  clients: none\n")),
              Contains(AllOf(HasSubstr("zerogate.yaml:3: tls.cert: '/nowhere'"),
                             HasSubstr("cannot be read"))));
}

TEST_F(TlsConfigTest, AKeyThatEveryoneCanReadIsAWarning) {
  chmod(folder_.path("tls.key").c_str(), 0644);
  const Config config = good(listener(pair() + "  clients: none\n"));
  EXPECT_THAT(config.warnings,
              Contains(AllOf(HasSubstr("zerogate.yaml:4: tls.key"), HasSubstr("chmod o-r"))));
}

TEST_F(TlsConfigTest, TheAdminPortHasAPairOfItsOwn) {
  const std::string files = fmt::format("admin_tls: {{cert: {}, key: {}}}\n",
                                        folder_.path("tls.crt"), folder_.path("tls.key"));
  const Config config = good(files);
  ASSERT_NE(config.admin_tls_material, nullptr);
  EXPECT_EQ(config.admin_tls_material->clients, TlsClients::none);
  EXPECT_EQ(to_yaml(good(to_yaml(config))), to_yaml(config));
  EXPECT_EQ(good("admin: 127.0.0.1:1\n").admin_tls_material, nullptr);
  const Config off = good("admin: off\n" + files);
  EXPECT_EQ(off.admin_tls_material, nullptr);
  EXPECT_THAT(off.warnings, Contains(HasSubstr("admin_tls.cert: does nothing while admin is off")));
}

TEST_F(TlsConfigTest, AnAdminPortsFaultNamesLineFileAndFix) {
  folder_.write("tls.key", folder_.authority.issue({}).key);
  EXPECT_THAT(one_error(fmt::format("admin_tls:\n  cert: {}\n  key: {}\n", folder_.path("tls.crt"),
                                    folder_.path("tls.key"))),
              AllOf(HasSubstr("zerogate.yaml:3: admin_tls.key: "), HasSubstr("not the key")));
}

TEST_F(TlsConfigTest, AllowTakesNamesOfCertificatesOnly) {
  EXPECT_THAT(one_error(listener(pair() + ca() + "  allow: [gateway]\n")),
              HasSubstr("is no name of a certificate"));
}

TEST_F(TlsConfigTest, ABackendIsReachedOverTls) {
  const Config config =
      good(fmt::format("backends:\n  b:\n    url: tls://orders:5561\n    tls: {{ca: {}, cert: {}, "
                       "key: {}, name: o}}\n",
                       folder_.path("ca.crt"), folder_.path("tls.crt"), folder_.path("tls.key")));
  const BackendOptions& backend = config.backends.front();
  EXPECT_TRUE(backend.urls.front().tls);
  EXPECT_EQ(backend.tls_name, "o");
  ASSERT_NE(backend.tls_material, nullptr);
  const std::string yaml = to_yaml(config);
  EXPECT_THAT(yaml, HasSubstr("url: [tls://orders:5561]"));
  EXPECT_THAT(yaml, HasSubstr("    tls:\n      ca: "));
  EXPECT_EQ(to_yaml(good(yaml)), yaml);
}

TEST_F(TlsConfigTest, ABackendsKeysFitTogether) {
  EXPECT_THAT(one_error("backends:\n  b: {url: tcp://a:1, tls: {name: a}}\n"),
              AllOf(HasSubstr("zerogate.yaml:2: backends.b"), HasSubstr("by tls://")));
  EXPECT_THAT(one_error("backends:\n  b: {url: tls://a:1, tls: {cert: /x}}\n"),
              HasSubstr("key: FILE"));
  EXPECT_THAT(one_error("backends:\n  b: {url: tls://a:1, tls: {certificate: /x}}\n"),
              HasSubstr("unknown key 'backends.b.tls.certificate'"));
}

TEST_F(TlsConfigTest, AListenerOverTlsAloneIsEnough) {
  good(fmt::format(
      "listen: {{tcp: null, zmq: null, tls: 127.0.0.1:5561}}\ntls:\n{}  clients: none\n", pair()));
}

}  // namespace
}  // namespace zerogate
