#include "gateway/control/certificates.h"

#include <gmock/gmock.h>
#include <prometheus/metric_family.h>

#include <map>
#include <memory>
#include <string>

#include "tests/unit/core/base/beside.h"
#include "tests/unit/core/security/authority.h"

namespace zerogate::testing {
namespace {

using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class CertificateMetricsTest : public ::testing::Test {
 protected:
  std::shared_ptr<const TlsMaterial> material(long lasts_s) const {
    return std::make_shared<TlsMaterial>(
        authority_.material({.begins_s = -100, .ends_s = lasts_s - 100}));
  }
  /// How long each certificate lives as a whole, by its use.
  static std::map<std::string, double> lives_of(const Certificates& certificates) {
    std::map<std::string, double> lives;
    for (const auto& family : certificates.Collect()) {
      for (const auto& metric : family.metric) {
        if (family.name == "zerogate_tls_certificate_not_after_timestamp_seconds") {
          lives[metric.label.at(0).value] += metric.gauge.value;
        } else if (family.name == "zerogate_tls_certificate_not_before_timestamp_seconds") {
          lives[metric.label.at(0).value] -= metric.gauge.value;
        }
      }
    }
    return lives;
  }

  const Authority authority_;
};

TEST_F(CertificateMetricsTest, EachUseHasItsOwn) {
  Config config;
  Certificates certificates(config);
  EXPECT_TRUE(lives_of(certificates).empty());
  config.tls_material = material(1'000);
  config.admin_tls_material = material(2'000);
  config.redis_tls_material = material(3'000);
  config.backends.emplace_back();
  config.backends[0].name = "orders";
  config.backends[0].tls_material = material(4'000);
  certificates.set(config);
  EXPECT_THAT(lives_of(certificates),
              UnorderedElementsAre(Pair("listen.tls", 1'000), Pair("admin", 2'000),
                                   Pair("redis", 3'000), Pair("backends.orders", 4'000)));
}

TEST_F(CertificateMetricsTest, AreScrapedWhileTheyAreRenewed) {
  Config config;
  config.tls_material = material(1'000);
  Certificates certificates(config);
  beside([&] { certificates.set(config); }, [&] { certificates.Collect(); });
}

}  // namespace
}  // namespace zerogate::testing
