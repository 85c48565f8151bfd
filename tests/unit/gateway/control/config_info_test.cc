#include "gateway/control/config_info.h"

#include <gtest/gtest.h>
#include <prometheus/metric_family.h>

#include <string>

#include "tests/unit/core/base/beside.h"

namespace zerogate::testing {
namespace {

TEST(ConfigInfoTest, TheHashIsThatOfTheMomentUntilTheEnd) {
  int changes = 0;
  ConfigInfo info([&changes] { return std::to_string(++changes); });
  for (const char* hash : {"1", "2"}) {
    const auto families = info.Collect();
    ASSERT_EQ(families.size(), 1u);
    EXPECT_EQ(families[0].metric.at(0).label.at(0).value, hash);
  }
  info.end();
  EXPECT_TRUE(info.Collect().empty());
}

TEST(ConfigInfoTest, AScrapeMayComeAtTheEnd) {
  ConfigInfo info([] { return std::string("hash"); });
  beside([&] { info.end(); }, [&] { info.Collect(); });
}

}  // namespace
}  // namespace zerogate::testing
