#include "core/metrics/backend_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "tests/unit/core/base/beside.h"

namespace zerogate {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr size_t kOk = index_of(Outcome::ok), kTimeout = index_of(Outcome::timeout);

/// The sum of the counters of that name, whatever is live.
uint64_t counted(const BackendTotals& totals, const std::string& endpoint, size_t outcome = kOk) {
  uint64_t sum = 0;
  for (const EndpointTotals& one : totals.endpoints) {
    if (one.endpoint == endpoint) {
      sum += one.requests[outcome];
    }
  }
  return sum;
}
uint64_t counted(const BackendMetricsList& list, const std::string& backend,
                 const std::string& endpoint) {
  uint64_t sum = 0;
  for (const BackendTotals& one : list.totals()) {
    if (one.backend == backend) {
      sum += counted(one, endpoint);
    }
  }
  return sum;
}

TEST(BackendMetricsTest, TotalsAreTheNumbersOfTheMoment) {
  BackendMetrics backend("orders");
  const auto endpoint = backend.add("a:1");
  endpoint->requests[kOk].add(3);
  endpoint->requests[kTimeout].add();
  endpoint->connections.set(4);
  endpoint->in_flight.set(2);
  endpoint->up.set(1);
  backend.queue.set(5);
  backend.retries.add(6);
  backend.duration.observe(50'000);
  const BackendTotals totals = backend.totals();
  EXPECT_EQ(totals.backend, "orders");
  EXPECT_TRUE(totals.live);
  EXPECT_EQ(totals.queue, 5U);
  EXPECT_EQ(totals.retries, 6U);
  EXPECT_EQ(totals.duration.buckets[0], 1U);
  ASSERT_EQ(totals.endpoints.size(), 1U);
  EXPECT_EQ(totals.endpoints[0].endpoint, "a:1");
  EXPECT_TRUE(totals.endpoints[0].live);
  EXPECT_EQ(totals.endpoints[0].requests[kOk], 3U);
  EXPECT_EQ(totals.endpoints[0].requests[kTimeout], 1U);
  EXPECT_EQ(totals.endpoints[0].connections, 4U);
  EXPECT_EQ(totals.endpoints[0].in_flight, 2U);
  EXPECT_EQ(totals.endpoints[0].up, 1U);
}

TEST(BackendMetricsTest, AnEndpointThatHasGoneKeepsItsCountersOnly) {
  BackendMetrics backend("orders");
  const auto endpoint = backend.add("a:1");
  endpoint->requests[kOk].add(3);
  endpoint->connections.set(4);
  endpoint->up.set(1);
  backend.remove(endpoint);
  EXPECT_THAT(backend.endpoints(), IsEmpty());
  const BackendTotals totals = backend.totals();
  ASSERT_EQ(totals.endpoints.size(), 1U);
  EXPECT_FALSE(totals.endpoints[0].live);
  EXPECT_EQ(totals.endpoints[0].requests[kOk], 3U);
  EXPECT_EQ(totals.endpoints[0].connections, 0U);
  EXPECT_EQ(totals.endpoints[0].up, 0U);
}

TEST(BackendMetricsTest, AnEndpointThatComesBackGoesOnWhereItEnded) {
  BackendMetrics backend("orders");
  for (uint64_t round = 1; round <= 3; ++round) {
    const auto endpoint = backend.add("a:1");
    endpoint->requests[kOk].add(10);
    EXPECT_EQ(endpoint->requests[kOk].value(), 10 * round);
    EXPECT_EQ(endpoint->connections.value(), 0U);
    endpoint->connections.set(4);
    EXPECT_EQ(counted(backend.totals(), "a:1"), 10 * round);
    EXPECT_EQ(backend.totals().endpoints.size(), 1U);
    backend.remove(endpoint);
    EXPECT_EQ(counted(backend.totals(), "a:1"), 10 * round);
  }
}

TEST(BackendMetricsTest, OfTwoOfOneNameTheOneThatStaysInherits) {
  BackendMetrics backend("orders");
  const auto old = backend.add("a:1"), young = backend.add("a:1");
  old->requests[kOk].add(5);
  young->requests[kOk].add(1);
  backend.remove(old);
  EXPECT_THAT(backend.endpoints(), ElementsAre(young));
  EXPECT_EQ(young->requests[kOk].value(), 6U);
  EXPECT_EQ(counted(backend.totals(), "a:1"), 6U);
}

TEST(BackendMetricsTest, RemovingTwiceOrAStrangerDoesNothing) {
  BackendMetrics backend("orders");
  const auto endpoint = backend.add("a:1");
  endpoint->requests[kOk].add(5);
  backend.remove(endpoint);
  backend.remove(endpoint);
  backend.remove(std::make_shared<EndpointMetrics>("b:1"));
  EXPECT_EQ(counted(backend.totals(), "a:1"), 5U);
  EXPECT_EQ(backend.totals().endpoints.size(), 1U);
}

TEST(BackendMetricsTest, OnlySoManyEndpointsAreRemembered) {
  BackendMetrics backend("orders");
  const auto stays = backend.add("stays");
  stays->requests[kOk].add(7);
  for (size_t i = 0; i < BackendMetrics::kMaxGone + 10; ++i) {
    const auto endpoint = backend.add(std::to_string(i));
    endpoint->requests[kOk].add();
    backend.remove(endpoint);
  }
  const BackendTotals totals = backend.totals();
  EXPECT_EQ(totals.endpoints.size(), BackendMetrics::kMaxGone + 1);
  EXPECT_EQ(counted(totals, "9"), 0U);
  EXPECT_EQ(counted(totals, "10"), 1U);
  EXPECT_EQ(counted(totals, "stays"), 7U);
}

class BackendMetricsListTest : public ::testing::Test {
 protected:
  std::shared_ptr<BackendMetrics> add(const std::string& name) {
    auto backend = std::make_shared<BackendMetrics>(name);
    list.add(backend);
    return backend;
  }
  BackendMetricsList list;
};

TEST_F(BackendMetricsListTest, ABackendThatHasGoneIsNotLive) {
  const auto backend = add("orders");
  backend->add("a:1")->requests[kOk].add(3);
  backend->queue.set(2);
  EXPECT_TRUE(list.totals().at(0).live);
  list.remove(backend);
  list.remove(backend);
  ASSERT_EQ(list.totals().size(), 1U);
  const BackendTotals totals = list.totals()[0];
  EXPECT_FALSE(totals.live);
  EXPECT_EQ(totals.queue, 0U);
  ASSERT_EQ(totals.endpoints.size(), 1U);
  EXPECT_FALSE(totals.endpoints[0].live);
  EXPECT_EQ(counted(list, "orders", "a:1"), 3U);
}

TEST_F(BackendMetricsListTest, TheNextOfThatNameGoesOnWhereItEnded) {
  const auto old = add("orders");
  old->add("a:1")->requests[kOk].add(3);
  old->add("b:1")->requests[kOk].add(4);
  old->retries.add(5);
  old->pipelined.add(6);
  old->resent.add(7);
  old->duration.observe(50'000);
  list.remove(old);
  const auto young = add("orders");
  ASSERT_EQ(list.totals().size(), 1U);
  EXPECT_TRUE(list.totals()[0].live);
  EXPECT_EQ(list.totals()[0].retries, 5U);
  EXPECT_EQ(list.totals()[0].pipelined, 6U);
  EXPECT_EQ(list.totals()[0].resent, 7U);
  EXPECT_EQ(list.totals()[0].duration.buckets[0], 1U);
  EXPECT_EQ(list.totals()[0].duration.sum_ns, 50'000U);
  young->add("a:1")->requests[kOk].add(10);
  EXPECT_EQ(counted(list, "orders", "a:1"), 13U);
  EXPECT_EQ(counted(list, "orders", "b:1"), 4U);
}

TEST_F(BackendMetricsListTest, WhenTheNewOneIsThereBeforeTheOldOneGoesItInherits) {
  const auto old = add("orders");
  const auto old_endpoint = old->add("a:1");
  old_endpoint->requests[kOk].add(3);
  old->add("b:1")->requests[kOk].add(4);
  const auto young = add("orders");
  const auto endpoint = young->add("a:1");
  endpoint->requests[kOk].add(10);
  old_endpoint->requests[kOk].add(1);  // it drains
  old->retries.add(2);
  EXPECT_EQ(counted(list, "orders", "a:1"), 14U);
  list.remove(old);
  EXPECT_EQ(list.totals().size(), 1U);
  EXPECT_EQ(counted(list, "orders", "a:1"), 14U);
  EXPECT_EQ(counted(list, "orders", "b:1"), 4U);
  EXPECT_EQ(endpoint->requests[kOk].value(), 14U);
  EXPECT_EQ(young->retries.value(), 2U);
  // What belongs to the old one is taken down only now, and counts nowhere.
  old->remove(old_endpoint);
  EXPECT_EQ(counted(list, "orders", "a:1"), 14U);
}

TEST_F(BackendMetricsListTest, EndpointsThatHaveGoneFromBothAreOne) {
  const auto old = add("orders");
  old->add("a:1")->requests[kOk].add(3);
  const auto young = add("orders");
  const auto endpoint = young->add("a:1");
  endpoint->requests[kOk].add(10);
  young->remove(endpoint);
  list.remove(old);
  EXPECT_EQ(counted(list, "orders", "a:1"), 13U);
  EXPECT_EQ(young->totals().endpoints.size(), 1U);
  EXPECT_EQ(young->add("a:1")->requests[kOk].value(), 13U);
}

TEST_F(BackendMetricsListTest, TheSameOneMayComeBack) {
  const auto backend = add("orders");
  backend->add("a:1")->requests[kOk].add(3);
  backend->duration.observe(1);
  list.remove(backend);
  list.add(backend);
  EXPECT_EQ(list.totals().size(), 1U);
  EXPECT_TRUE(list.totals()[0].live);
  EXPECT_EQ(list.totals()[0].duration.buckets[0], 1U);
  EXPECT_EQ(counted(list, "orders", "a:1"), 3U);
}

TEST_F(BackendMetricsListTest, OtherNamesInheritNothing) {
  const auto old = add("orders");
  old->add("a:1")->requests[kOk].add(3);
  list.remove(old);
  const auto users = add("users");
  EXPECT_EQ(users->add("a:1")->requests[kOk].value(), 0U);
}

TEST_F(BackendMetricsListTest, OnlySoManyBackendsAreRemembered) {
  for (size_t i = 0; i < BackendMetricsList::kMaxGone + 10; ++i) {
    list.remove(add(std::to_string(i)));
  }
  const auto totals = list.totals();
  ASSERT_EQ(totals.size(), BackendMetricsList::kMaxGone);
  EXPECT_EQ(totals.front().backend, "10");
}

// Under the thread sanitizer too. A reader must never see a counter go back, whatever goes and
// comes meanwhile.
TEST_F(BackendMetricsListTest, CountersNeverGoBackForAReaderWhileBackendsAreReplaced) {
  std::atomic<bool> stop{false};
  std::atomic<int> scrapes{0};
  std::thread reader([&] {
    uint64_t last = 0;
    while (!stop) {
      const uint64_t now = counted(list, "orders", "a:1");
      if (now < last) {
        ADD_FAILURE() << now << " after " << last;
      }
      last = now;
      ++scrapes;
    }
  });
  uint64_t expected = 0;
  auto backend = add("orders");
  auto endpoint = backend->add("a:1");
  for (int round = 0; round < 5'000 || scrapes < 500; ++round) {
    endpoint->requests[kOk].add(3);
    expected += 3;
    if (round % 3 == 0) {
      backend->remove(endpoint);
      endpoint = backend->add("a:1");
    } else if (round % 3 == 1) {  // as a reload does
      const auto young = add("orders");
      const auto young_endpoint = young->add("a:1");
      endpoint->requests[kOk].add(1);
      young_endpoint->requests[kOk].add(1);
      expected += 2;
      list.remove(backend);
      backend = young;
      endpoint = young_endpoint;
    } else {
      list.remove(backend);
      backend = add("orders");
      endpoint = backend->add("a:1");
    }
  }
  stop = true;
  reader.join();
  EXPECT_EQ(counted(list, "orders", "a:1"), expected);
}

TEST_F(BackendMetricsListTest, EndpointsAreLookedAtWhileTheyComeAndGo) {
  const auto old = add("orders");
  old->add("a:1");
  testing::beside([&] { old->remove(old->add("b:1")); }, [&] { old->endpoints(); });
  testing::beside([&] { old->add("c:1"); }, [&] { old->totals(); });
  std::vector<std::shared_ptr<BackendMetrics>> leaving = {add("orders"), add("orders")};
  const auto all = leaving;
  const auto leave = [&] {
    list.remove(leaving.back());
    leaving.pop_back();
  };
  testing::beside(leave, [&] {
    for (const auto& each : all) {
      each->endpoints();
    }
  });
}

}  // namespace
}  // namespace zerogate
