#include "gateway/admin/status_document.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <string>

namespace zerogate {
namespace {

using nlohmann::json;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

json document_of(const std::vector<MetricFamily>& families) {
  return json::parse(status_json({"run-1", 12.5, true, "ready"}, families));
}
json family_of(const MetricFamily& family) { return document_of({family})["families"]["name"]; }

ClientMetric counter(double value, std::vector<ClientMetric::Label> labels) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.counter.value = value;
  return metric;
}

ClientMetric gauge(double value) {
  ClientMetric metric;
  metric.gauge.value = value;
  return metric;
}

TEST(StatusDocumentTest, TheHead) {
  EXPECT_EQ(document_of({}), (json{{"instance", "run-1"},
                                   {"uptime", 12.5},
                                   {"ready", true},
                                   {"readiness", "ready"},
                                   {"endpoints", json::array()},
                                   {"without_endpoints", json::array()},
                                   {"functions", json::array()},
                                   {"families", json::object()}}));
}

TEST(StatusDocumentTest, FunctionsAreTheLabelsOfRequestsAlsoWithoutCalls) {
  const MetricFamily requests{"zerogate_requests_total",
                              "Help.",
                              MetricType::Counter,
                              {counter(0, {{"function", "b"}, {"outcome", "ok"}}),
                               counter(0, {{"function", "b"}, {"outcome", "error"}}),
                               counter(3, {{"function", "a"}, {"outcome", "ok"}})}};
  const MetricFamily other{"name", "Help.", MetricType::Counter, {counter(3, {{"function", "c"}})}};
  EXPECT_EQ(document_of({requests, other})["functions"], json({"b", "a"}));
}

TEST(StatusDocumentTest, CountersWithoutThoseAtZero) {
  const MetricFamily family{"name",
                            "Help.",
                            MetricType::Counter,
                            {counter(3, {{"function", "a"}, {"outcome", "ok"}}),
                             counter(0, {{"function", "a"}, {"outcome", "error"}}),
                             counter(0.25, {{"function", "b"}, {"outcome", "ok"}})}};
  EXPECT_EQ(family_of(family), (json{{"type", "counter"},
                                     {"labels", {"function", "outcome"}},
                                     {"samples", {{"a", "ok", 3}, {"b", "ok", 0.25}}}}));
}

TEST(StatusDocumentTest, GaugesWithThoseAtZero) {
  const MetricFamily family{"name", "Help.", MetricType::Gauge, {gauge(0)}};
  EXPECT_EQ(family_of(family), (json{{"type", "gauge"},
                                     {"labels", json::array()},
                                     {"samples", json::array({json::array({0})})}}));
}

TEST(StatusDocumentTest, HistogramsPerBucket) {
  MetricFamily family{"name", "Help.", MetricType::Histogram, {}};
  ClientMetric& metric = family.metric.emplace_back();
  metric.label = {{"protocol", "tcp"}};
  metric.histogram = {7, 1.5, {{2, 0.001}, {2, 0.5}, {7, std::numeric_limits<double>::infinity()}}};
  EXPECT_EQ(family_of(family), (json{{"type", "histogram"},
                                     {"labels", {"protocol"}},
                                     {"bounds", {0.001, 0.5}},
                                     {"samples", {{"tcp", 1.5, {2, 0, 5}}}}}));
}

TEST(StatusDocumentTest, AFamilyWithoutSeries) {
  EXPECT_EQ(family_of({"name", "Help.", MetricType::Counter, {}}),
            (json{{"type", "counter"}, {"labels", json::array()}, {"samples", json::array()}}));
}

TEST(StatusDocumentTest, WhatIsNoFiniteNumberIsNull) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const MetricFamily family{
      "name", "Help.", MetricType::Gauge, {gauge(kInfinity), gauge(std::nan(""))}};
  EXPECT_EQ(family_of(family)["samples"], (json{{nullptr}, {nullptr}}));
}

TEST(StatusDocumentTest, WholeNumbersLookLikeThem) {
  const MetricFamily family{
      "name", "Help.", MetricType::Gauge, {gauge(1e15), gauge(-2), gauge(1e300)}};
  const std::string text = status_json({}, {family});
  EXPECT_NE(text.find("[[1000000000000000],[-2],[1e+300]]"), text.npos) << text;
}

TEST(StatusDocumentTest, LabelsThatAreHostile) {
  const std::string name = "\"</script>\xff\n";
  const MetricFamily family{
      "name", "Help.", MetricType::Counter, {counter(1, {{"function", name}})}};
  EXPECT_EQ(family_of(family)["samples"][0][0], "\"</script>\uFFFD\n");
}

}  // namespace
}  // namespace zerogate
