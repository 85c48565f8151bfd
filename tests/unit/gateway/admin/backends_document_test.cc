// GET and POST /backends: the document, and the query of an order.
#include "gateway/admin/backends_document.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "core/base/clock.h"

namespace zerogate {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr int64_t kWallS = 1'764'274'557;  // 2025-11-27T20:15:57Z

TEST(BackendsDocumentTest, AnEndpointWithItsReasonAndSinceWhen) {
  EndpointReport report;
  report.backend = "orders";
  report.endpoint = "10.0.0.2:5559";
  report.status = {EndpointState::disabled, "disabled by hand: deploy 42", 100 * kNsPerSecond};
  report.connections = 1;
  report.in_flight = 2;
  report.requests = 30;
  report.failures = 4;
  const json document = json::parse(backends_json({{report}, {}}, {160 * kNsPerSecond, kWallS}));
  EXPECT_EQ(document["endpoints"][0], (json{{"backend", "orders"},
                                            {"endpoint", "10.0.0.2:5559"},
                                            {"state", "disabled"},
                                            {"reason", "disabled by hand: deploy 42"},
                                            {"since", "2025-11-27T20:14:57Z"},
                                            {"since_seconds", 60},
                                            {"connections", 1},
                                            {"in_flight", 2},
                                            {"requests", 30},
                                            {"failures", 4}}));
}

TEST(BackendsDocumentTest, OneThatIsUpHasNoReason) {
  EndpointReport report;
  report.endpoint = "10.0.0.2:5559";
  report.status = {EndpointState::up, "", 5};
  const json both =
      json::parse(backends_json({{report}, {{"nowhere", "no address"}}}, {9, kWallS}));
  EXPECT_EQ(both["without_endpoints"],
            json::parse(R"([{"backend": "nowhere", "reason": "no address"}])"));
  ASSERT_EQ(both["endpoints"].size(), 1u);
  const json& one = both["endpoints"][0];
  EXPECT_EQ(one["state"], "up");
  EXPECT_TRUE(one["reason"].is_null());
}

TEST(BackendsDocumentTest, AReasonOfAPeersMakingForgesNothing) {
  EndpointReport report;
  report.status = {EndpointState::down, "\u202e\u200b", 5};
  EXPECT_THAT(backends_json({{report}, {}}, {9, kWallS}), HasSubstr(R"("\u202e\u200b")"));
}

TEST(BackendsDocumentTest, AnOrderIsDecoded) {
  const auto order = parse_order(
      "action=drain&backend=orders&endpoint=%2frun%2Forders.sock&reason=new+version%3A+1.2");
  ASSERT_TRUE(order);
  EXPECT_EQ(order.value().action, EndpointOrder::Action::drain);
  EXPECT_EQ(order.value().backend, "orders");
  EXPECT_EQ(order.value().endpoint, "/run/orders.sock");
  EXPECT_EQ(order.value().reason, "new version: 1.2");
}

TEST(BackendsDocumentTest, ABrokenOrderSaysWhatIsMissing) {
  const auto error = [](std::string_view query) {
    const auto order = parse_order(query);
    return order ? std::string("taken") : order.error();
  };
  EXPECT_THAT(error(""), HasSubstr("which?"));
  EXPECT_THAT(error("action=drain&backend=b"), HasSubstr("which?"));
  EXPECT_THAT(error("backend=b&endpoint=e"), HasSubstr("which?"));
  EXPECT_THAT(error("action=kill&backend=b&endpoint=e"), HasSubstr("unknown action 'kill'"));
  EXPECT_THAT(error("action=drain&backend=b&endpoint=e&why=x"), HasSubstr("parameter 'why'"));
  EXPECT_THAT(error("action=drain&backend=%4&endpoint=e"), HasSubstr("hexadecimal"));
  EXPECT_THAT(error("action=drain&backend=%zz&endpoint=e"), HasSubstr("hexadecimal"));
}

}  // namespace
}  // namespace zerogate
