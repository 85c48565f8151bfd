#include "core/security/tls_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "tests/unit/core/security/tls_folder.h"

namespace zerogate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class TlsFilesTest : public ::testing::Test {
 protected:
  TlsFilesTest() { folder_.write_pair(); }

  std::shared_ptr<const TlsMaterial> read(TlsSide side, TlsMaterial rules = {}) {
    const auto into = [](std::vector<std::string>& heard) {
      return [&heard](std::string_view key, const std::string& message) {
        heard.push_back(std::string(key) + " " + message);
      };
    };
    return read_tls_files({cert_, key_, ca_}, side, std::move(rules),
                          {into(failed_), into(warned_), into(noted_)});
  }

  const TlsFolder folder_;
  std::string cert_ = folder_.path("tls.crt");
  std::string key_ = folder_.path("tls.key");
  std::string ca_ = folder_.path("ca.crt");
  std::vector<std::string> failed_, warned_, noted_;
};

TEST_F(TlsFilesTest, AreReadIntoTheRules) {
  const auto material =
      read(TlsSide::listener, {.clients = TlsClients::optional, .allow = TlsAllow({"dns:a.test"})});
  ASSERT_NE(material, nullptr);
  EXPECT_THAT(material->certificate, StartsWith("-----BEGIN CERTIFICATE-----"));
  EXPECT_THAT(material->key, HasSubstr("PRIVATE KEY-----"));
  EXPECT_EQ(material->authorities, folder_.authority.pem());
  EXPECT_EQ(material->clients, TlsClients::optional);
  EXPECT_FALSE(material->allow.empty());
  EXPECT_THAT(failed_, IsEmpty());
  EXPECT_THAT(warned_, IsEmpty());
  EXPECT_THAT(noted_, IsEmpty());
}

TEST_F(TlsFilesTest, ThatAreNotNamedAreEmpty) {
  cert_ = key_ = "";
  const auto material = read(TlsSide::backend);
  ASSERT_NE(material, nullptr);
  EXPECT_EQ(material->certificate + material->key, "");
  EXPECT_EQ(material->authorities, folder_.authority.pem());
}

TEST_F(TlsFilesTest, EachThatCannotBeReadIsToldOf) {
  cert_ = folder_.path("none.crt");
  ca_ = folder_.path("none.ca");
  EXPECT_EQ(read(TlsSide::listener), nullptr);
  EXPECT_THAT(
      failed_,
      ElementsAre(
          "tls.cert '" + cert_ + "': cannot be read: No such file or directory; name a file in PEM",
          "tls.ca '" + ca_ + "': cannot be read: No such file or directory; name a file in PEM"));
}

TEST_F(TlsFilesTest, TheOneAtFaultIsNamed) {
  folder_.write("tls.key", folder_.authority.issue({}).key);
  EXPECT_EQ(read(TlsSide::listener), nullptr);
  EXPECT_THAT(failed_,
              ElementsAre(StartsWith("tls.key '" + key_ + "': is not the key of the certificate")));
}

TEST_F(TlsFilesTest, WhatMayBeMeantIsNotedAndWhatIsHardlyMeantWarnedOf) {
  folder_.write_pair({.purpose = "clientAuth"});
  folder_.write("ca.crt", folder_.authority.pem() + folder_.authority.issue({}).certificate);
  EXPECT_NE(read(TlsSide::listener), nullptr);
  EXPECT_THAT(failed_, IsEmpty());
  EXPECT_THAT(warned_, ElementsAre(StartsWith("tls.cert '" + cert_ + "': is not for servers")));
  EXPECT_THAT(noted_,
              ElementsAre(StartsWith("tls.ca '" + ca_ + "': certificate 2 in it is no CA")));
}

TEST_F(TlsFilesTest, AKeyThatEveryUserCanReadIsWarnedOf) {
  ASSERT_EQ(chmod(key_.c_str(), 0640), 0);
  EXPECT_NE(read(TlsSide::listener), nullptr);
  EXPECT_THAT(warned_, IsEmpty());
  ASSERT_EQ(chmod(key_.c_str(), 0604), 0);
  EXPECT_NE(read(TlsSide::listener), nullptr);
  EXPECT_THAT(warned_, ElementsAre("tls.key '" + key_ +
                                   "' can be read by every user of this machine; chmod o-r it"));
}

}  // namespace
}  // namespace zerogate
