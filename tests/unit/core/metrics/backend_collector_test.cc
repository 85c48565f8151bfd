// How the zerogate_backend_* families add up the workers' backends.
#include <gmock/gmock.h>

#include "tests/unit/core/metrics/collector_fixture.h"

namespace zerogate {
namespace {

class BackendCollectorTest : public CollectorTest {
 protected:
  std::shared_ptr<BackendMetrics> add(WorkerMetrics& worker, const std::string& name) {
    auto backend = std::make_shared<BackendMetrics>(name);
    worker.backends.add(backend);
    return backend;
  }
  std::optional<double> requests(const std::string& backend, const std::string& endpoint,
                                 const std::string& outcome) {
    return value("zerogate_backend_requests_total",
                 {{"backend", backend}, {"endpoint", endpoint}, {"outcome", outcome}});
  }
  static void count(EndpointMetrics& endpoint, Outcome outcome, uint64_t amount) {
    endpoint.requests[index_of(outcome)].add(amount);
  }

  const std::vector<std::string> names = {
      "zerogate_backend_requests_total",  "zerogate_backend_request_duration_seconds",
      "zerogate_backend_connections",     "zerogate_backend_up",
      "zerogate_backend_in_flight",       "zerogate_backend_queue",
      "zerogate_backend_queue_limit",     "zerogate_backend_retries_total",
      "zerogate_backend_pipelined_total", "zerogate_backend_resent_total",
      "zerogate_backend_depth",           "zerogate_backend_endpoints"};
};

TEST_F(BackendCollectorTest, WithoutBackendsThereAreNoFamilies) {
  for (const std::string& name : names) {
    EXPECT_FALSE(has_family(name)) << name;
  }
}

TEST_F(BackendCollectorTest, ABackendWithoutEndpointsShowsWhatItHas) {
  add(first, "orders");
  EXPECT_EQ(value("zerogate_backend_queue", {{"backend", "orders"}}), 0);
  EXPECT_EQ(value("zerogate_backend_queue_limit", {{"backend", "orders"}}), 0);
  EXPECT_EQ(value("zerogate_backend_retries_total", {{"backend", "orders"}}), 0);
  EXPECT_EQ(family("zerogate_backend_request_duration_seconds").metric.size(), 1U);
  EXPECT_FALSE(has_family("zerogate_backend_requests_total"));
  EXPECT_FALSE(has_family("zerogate_backend_up"));
}

TEST_F(BackendCollectorTest, AnUnresolvedBackendHasNoEndpoint) {
  const auto orders = add(first, "orders");
  const auto same = add(second, "orders");
  EXPECT_EQ(value("zerogate_backend_endpoints", {{"backend", "orders"}}), 0);
  const auto endpoint = orders->add("10.0.0.1:5559");
  same->add("10.0.0.1:5559");
  same->add("10.0.0.2:5559");
  EXPECT_EQ(value("zerogate_backend_endpoints", {{"backend", "orders"}}), 2);
  orders->remove(endpoint);
  EXPECT_EQ(value("zerogate_backend_endpoints", {{"backend", "orders"}}), 2);
}

TEST_F(BackendCollectorTest, EverySeriesIsThereFromTheStart) {
  add(first, "orders")->add("10.0.0.2:5559");
  for (const std::string_view outcome : kOutcomeNames) {
    if (outcome == "limited") {
      continue;  // no call over a rate limit comes as far as a backend
    }
    EXPECT_EQ(requests("orders", "10.0.0.2:5559", std::string(outcome)), 0) << outcome;
  }
  const LabelMap endpoint = {{"backend", "orders"}, {"endpoint", "10.0.0.2:5559"}};
  EXPECT_EQ(value("zerogate_backend_connections", endpoint), 0);
  EXPECT_EQ(value("zerogate_backend_up", endpoint), 0);
}

TEST_F(BackendCollectorTest, WorkersAreSummedByName) {
  const auto one = add(first, "orders"), two = add(second, "orders");
  one->queue_limit.set(1024);
  two->queue_limit.set(1024);
  EXPECT_EQ(value("zerogate_backend_queue_limit", {{"backend", "orders"}}), 2048);
  const auto here = one->add("a:1"), there = two->add("a:1"), other = two->add("b:1");
  count(*here, Outcome::ok, 3);
  count(*there, Outcome::ok, 4);
  count(*there, Outcome::timeout, 1);
  here->connections.set(2);
  there->connections.set(5);
  here->in_flight.set(3);
  there->in_flight.set(1);
  there->up.set(1);
  one->queue.set(7);
  two->queue.set(1);
  for (const auto& [worker, counted] : {std::pair(one, 1), std::pair(two, 10)}) {
    worker->retries.add(2 * counted);
    worker->pipelined.add(3 * counted);
    worker->resent.add(4 * counted);
  }
  one->duration.observe(50'000);
  two->duration.observe(60'000);
  EXPECT_EQ(requests("orders", "a:1", "ok"), 7);
  EXPECT_EQ(requests("orders", "a:1", "timeout"), 1);
  EXPECT_EQ(requests("orders", "b:1", "ok"), 0);
  EXPECT_EQ(value("zerogate_backend_connections", {{"backend", "orders"}, {"endpoint", "a:1"}}), 7);
  EXPECT_EQ(value("zerogate_backend_in_flight", {{"backend", "orders"}, {"endpoint", "a:1"}}), 4);
  EXPECT_EQ(value("zerogate_backend_queue", {{"backend", "orders"}}), 8);
  EXPECT_EQ(value("zerogate_backend_retries_total", {{"backend", "orders"}}), 22);
  EXPECT_EQ(value("zerogate_backend_pipelined_total", {{"backend", "orders"}}), 33);
  EXPECT_EQ(value("zerogate_backend_resent_total", {{"backend", "orders"}}), 44);
  const auto& histogram =
      find("zerogate_backend_request_duration_seconds", {{"backend", "orders"}})->histogram;
  EXPECT_EQ(histogram.bucket[0].cumulative_count, 1U);
  EXPECT_EQ(histogram.sample_count, 2U);
}

TEST_F(BackendCollectorTest, UpWhenOneWorkerSaysSo) {
  const auto here = add(first, "orders")->add("a:1"), there = add(second, "orders")->add("a:1");
  const LabelMap endpoint = {{"backend", "orders"}, {"endpoint", "a:1"}};
  EXPECT_EQ(value("zerogate_backend_up", endpoint), 0);
  there->up.set(1);
  EXPECT_EQ(value("zerogate_backend_up", endpoint), 1);
  here->up.set(1);
  EXPECT_EQ(value("zerogate_backend_up", endpoint), 1);
}

TEST_F(BackendCollectorTest, EndpointsOfTwoBackendsAreTwoSeries) {
  count(*add(first, "orders")->add("a:1"), Outcome::ok, 1);
  count(*add(first, "users")->add("a:1"), Outcome::ok, 2);
  EXPECT_EQ(requests("orders", "a:1", "ok"), 1);
  EXPECT_EQ(requests("users", "a:1", "ok"), 2);
}

TEST_F(BackendCollectorTest, WhatHasGoneEverywhereDisappears) {
  const auto orders = add(first, "orders");
  const auto endpoint = orders->add("a:1");
  orders->add("b:1");
  orders->remove(endpoint);
  EXPECT_EQ(requests("orders", "a:1", "ok"), std::nullopt);
  EXPECT_EQ(requests("orders", "b:1", "ok"), 0);
  first.backends.remove(orders);
  for (const std::string& name : names) {
    EXPECT_FALSE(has_family(name)) << name;
  }
}

TEST_F(BackendCollectorTest, CountersDoNotGoBackWhenOnlySomeWorkersHaveReloaded) {
  const auto one = add(first, "orders"), two = add(second, "orders");
  count(*one->add("a:1"), Outcome::ok, 100);
  count(*two->add("a:1"), Outcome::ok, 10);
  first.backends.remove(one);
  EXPECT_EQ(requests("orders", "a:1", "ok"), 110);
  count(*add(first, "orders")->add("a:1"), Outcome::ok, 1);
  EXPECT_EQ(requests("orders", "a:1", "ok"), 111);
  second.backends.remove(two);
  EXPECT_EQ(requests("orders", "a:1", "ok"), 111);
}

// Prometheus takes no page on which a series stands twice.
TEST_F(BackendCollectorTest, NamesAtOneAddressAreSeriesOfTheirOwn) {
  const auto one = add(first, "orders"), two = add(second, "orders");
  const auto a = one->add("a.test@1.1.1.1:1");
  count(*a, Outcome::ok, 10);
  EXPECT_EQ(requests("orders", "1.1.1.1:1", "ok"), 10);
  count(*two->add("b.test@1.1.1.1:1"), Outcome::ok, 5);
  EXPECT_EQ(requests("orders", "a.test@1.1.1.1:1", "ok"), 10);
  EXPECT_EQ(requests("orders", "b.test@1.1.1.1:1", "ok"), 5);
  EXPECT_EQ(requests("orders", "1.1.1.1:1", "ok"), std::nullopt);
  EXPECT_EQ(value("zerogate_backend_endpoints", {{"backend", "orders"}}), 2);
  one->remove(a);
  EXPECT_EQ(requests("orders", "1.1.1.1:1", "ok"), 15) << "the address' counter never goes back";
  EXPECT_EQ(value("zerogate_backend_endpoints", {{"backend", "orders"}}), 1);
}

TEST_F(BackendCollectorTest, PromtoolHasNothingToSay) {
  if (!has_promtool()) {
    GTEST_SKIP() << "no promtool";
  }
  const auto bare = add(first, "no endpoint yet");
  EXPECT_EQ(promtool(text()), "");
  const auto orders = add(second, "say \"hi\"\\\n");
  orders->add("unix:/run/orders");
  orders->duration.observe(1);
  EXPECT_EQ(promtool(text()), "");
}

}  // namespace
}  // namespace zerogate
