// Certificates whose files change while the gateway runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/log/log.h"
#include "gateway/runtime/reloader.h"
#include "tests/unit/core/security/tls_folder.h"

namespace zerogate {
namespace {

using ::testing::HasSubstr;

class CertificatesTest : public ::testing::Test {
 protected:
  CertificatesTest() {
    log::configure(log::Level::info, log::Format::logfmt,
                   [this](std::string_view line) { log_ += line; });
    folder_.write_pair();
    Config config;
    config.listen_tls = Address{"127.0.0.1", 0, ""};
    config.tls_cert = folder_.path("tls.crt");
    config.tls_key = folder_.path("tls.key");
    config.tls_ca = folder_.path("ca.crt");
    config.tls_allow = {"*"};
    config.tls_watch_ms = 0;  // the test says when
    ReloadParts parts;
    parts.load = [this] { return next_; };
    parts.apply = [this](const Config& next) {
      applied_.push_back(next);
      pending_ = slow_;
    };
    parts.pending = [this] { return pending_; };
    reloader_ = std::make_unique<Reloader>(config, std::move(parts));
    EXPECT_TRUE(reloader_->renew_certificates());
    applied_.clear();
  }
  ~CertificatesTest() override {
    reloader_.reset();
    log::configure(log::Level::info, log::Format::logfmt);
  }

  double metric(const std::string& name, const std::string& label) {
    for (const auto& family : reloader_->certificates()->Collect()) {
      for (const auto& metric : family.metric) {
        if (family.name == name && metric.label.front().value == label) {
          return metric.gauge.value + metric.counter.value;
        }
      }
    }
    return -1;
  }
  double refused() { return metric("zerogate_tls_reloads_total", "refused"); }

  const TlsFolder folder_;
  std::string log_;
  std::variant<Config, ConfigErrors> next_;
  std::vector<Config> applied_;
  bool slow_ = false;  ///< what is applied waits for its backends
  bool pending_ = false;
  std::unique_ptr<Reloader> reloader_;
};

TEST_F(CertificatesTest, WhatIsNewIsTakenOver) {
  const double before =
      metric("zerogate_tls_certificate_not_after_timestamp_seconds", "listen.tls");
  folder_.write_pair({.ends_s = 2 * Authority::kLifetimeS});
  EXPECT_TRUE(reloader_->renew_certificates());
  ASSERT_EQ(applied_.size(), 1u);
  EXPECT_NE(applied_.front().tls_material, nullptr);
  EXPECT_NEAR(metric("zerogate_tls_certificate_not_after_timestamp_seconds", "listen.tls"),
              before + Authority::kLifetimeS, 120);
  EXPECT_EQ(metric("zerogate_tls_reloads_total", "ok"), 2);
}

TEST_F(CertificatesTest, WhileTheyAreTakenOverTheRoutesOfTheLastReloadAreInForce) {
  Config next = reloader_->in_force();
  next.handlers = {"echo"};
  next_ = next;
  EXPECT_TRUE(reloader_->reload().ok());
  folder_.write_pair();
  slow_ = true;
  EXPECT_TRUE(reloader_->renew_certificates());
  EXPECT_TRUE(pending_);
  EXPECT_EQ(reloader_->in_force().handlers, next.handlers);
}

TEST_F(CertificatesTest, WhatSaysTheSameIsNoChange) {
  EXPECT_FALSE(reloader_->renew_certificates());
  EXPECT_TRUE(applied_.empty());
}

TEST_F(CertificatesTest, APairThatDoesNotMatchIsRefusedOnce) {
  folder_.write("tls.key", folder_.authority.issue({}).key);
  EXPECT_FALSE(reloader_->renew_certificates());
  EXPECT_FALSE(reloader_->renew_certificates());
  EXPECT_TRUE(applied_.empty());
  EXPECT_EQ(refused(), 1);
  log::configure(log::Level::info, log::Format::logfmt, [](std::string_view) {});  // and flushes
  EXPECT_THAT(log_, HasSubstr("tls.key: "));
  folder_.write_pair();
  EXPECT_TRUE(reloader_->renew_certificates());
}

TEST_F(CertificatesTest, WhatIsDoubtfulInThemIsToldOnceAndTakenOver) {
  folder_.write_pair({.purpose = "clientAuth"});
  EXPECT_TRUE(reloader_->renew_certificates());
  EXPECT_FALSE(reloader_->renew_certificates());
  EXPECT_EQ(applied_.size(), 1u);
  log::configure(log::Level::info, log::Format::logfmt, [](std::string_view) {});  // and flushes
  const std::string doubt = "extendedKeyUsage lacks serverAuth";
  const size_t told = log_.find(doubt);
  ASSERT_NE(told, std::string::npos) << log_;
  EXPECT_EQ(log_.find(doubt, told + 1), std::string::npos);
  const size_t line_begins = log_.rfind("level=", told);
  const std::string line = log_.substr(line_begins, told - line_begins);
  EXPECT_THAT(line, HasSubstr("warn"));
  EXPECT_THAT(line, HasSubstr("tls.cert: "));
  EXPECT_THAT(line, HasSubstr(folder_.path("tls.crt")));
}

TEST_F(CertificatesTest, ASymlinkThatIsSwappedIsAChange) {
  const Authority::Pair next = folder_.authority.issue({});
  folder_.write("next.crt", next.certificate);
  folder_.write("next.key", next.key);
  for (const std::string file : {"tls.crt", "tls.key"}) {
    std::filesystem::remove(folder_.path(file));
    std::filesystem::create_symlink("next" + file.substr(3), folder_.path(file));
  }
  EXPECT_TRUE(reloader_->renew_certificates());
  EXPECT_EQ(applied_.front().tls_material->certificate, next.certificate);
}

}  // namespace
}  // namespace zerogate
