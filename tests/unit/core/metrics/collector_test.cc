#include "core/metrics/collector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <uv.h>

#include <atomic>
#include <limits>
#include <set>
#include <thread>
#include <vector>

#include "core/log/log.h"
#include "core/metrics/shown_bounds.h"
#include "tests/unit/core/metrics/collector_fixture.h"

namespace zerogate {
namespace {

using ::testing::HasSubstr;

TEST_F(CollectorTest, RequestsAreTheSumOfTheWorkersBySeries) {
  first.begin(Protocol::tcp);
  first.end(1, Wire::t3, Outcome::ok);
  second.begin(Protocol::tcp);
  second.end(1, Wire::t3, Outcome::ok);
  second.begin(Protocol::zmq);
  second.end(labels.other(), Wire::w5, Outcome::not_found);
  EXPECT_EQ(value("zerogate_requests_total",
                  {{"protocol", "tcp"}, {"wire", "T3"}, {"function", "echo"}, {"outcome", "ok"}}),
            2);
  EXPECT_EQ(
      value(
          "zerogate_requests_total",
          {{"protocol", "zmq"}, {"wire", "W5"}, {"function", "_other"}, {"outcome", "not_found"}}),
      1);
}

TEST_F(CollectorTest, OfCallsThatNeverCameThereIsOnlyWhatDashboardsNeed) {
  // 3 functions with _other, each with ok of one wire of each protocol.
  EXPECT_EQ(family("zerogate_requests_total").metric.size(), 3 * 2U + 2U);
  for (const ClientMetric& metric : family("zerogate_requests_total").metric) {
    EXPECT_EQ(metric.counter.value, 0);
    const LabelMap map = labels_of(metric);
    EXPECT_EQ(map.at("protocol"), map.at("wire")[0] == 'T' ? "tcp" : "zmq");
    EXPECT_THAT(map.at("wire"), ::testing::AnyOf("T3", "W5"));
    EXPECT_TRUE(map.at("outcome") == "ok" ||
                (map.at("function") == "_other" && map.at("outcome") == "not_found"));
  }
  EXPECT_EQ(family("zerogate_request_duration_seconds").metric.size(), 0U);
  for (const char* name : {"zerogate_requests_in_flight", "zerogate_connections",
                           "zerogate_connections_accepted_total", "zerogate_received_bytes_total",
                           "zerogate_sent_bytes_total"}) {
    for (const char* protocol : {"tcp", "zmq"}) {
      EXPECT_EQ(value(name, {{"protocol", protocol}}), 0) << name << protocol;
    }
  }
  for (const char* outcome : {"ok", "error", "timeout", "unavailable", "overloaded"}) {
    EXPECT_EQ(value("zerogate_redis_commands_total", {{"outcome", outcome}}), 0) << outcome;
  }
  EXPECT_EQ(family("zerogate_redis_command_duration_seconds").metric.size(), 1U);
}

TEST_F(CollectorTest, ThePoolForBlockingWorkIsShown) {
  blocking.threads = 4;
  blocking.running = 3;
  blocking.waiting = 2;
  blocking.finished = 10;
  blocking.refused = 1;
  EXPECT_EQ(value("zerogate_blocking_threads"), 4);
  EXPECT_EQ(value("zerogate_blocking_busy"), 3);
  EXPECT_EQ(value("zerogate_blocking_queued"), 2);
  EXPECT_EQ(value("zerogate_blocking_finished_total"), 10);
  EXPECT_EQ(value("zerogate_blocking_refused_total"), 1);
}

TEST_F(CollectorTest, WhatTheLogHasDroppedIsShown) {
  const double before = value("zerogate_log_dropped_total").value();
  log::count_dropped();
  log::count_dropped();
  EXPECT_EQ(value("zerogate_log_dropped_total"), before + 2);
}

// Of each array of counters: a value counted for one label is shown for that one, and by itself.
TEST_F(CollectorTest, EachReasonAndResultCountsByItself) {
  for (const Protocol protocol : {Protocol::tcp, Protocol::zmq}) {
    for (size_t i = 0; i < kRejectedNames.size(); ++i) {
      first.of(protocol).rejected[i].add(100 * index_of(protocol) + i + 1);
    }
    for (size_t i = 0; i < kMalformedNames.size(); ++i) {
      second.of(protocol).malformed[i].add(100 * index_of(protocol) + i + 1);
    }
  }
  for (size_t i = 0; i < kCurveResultNames.size(); ++i) {
    first.of(Protocol::zmq).curve[i].add(i + 1);
    second.of(Protocol::zmq).curve[i].add(10);
  }
  for (size_t i = 0; i < kTlsResultNames.size(); ++i) {
    first.of(TlsSide::listener).handshakes[i].add(i + 1);
    second.of(TlsSide::backend).handshakes[i].add(i + 21);
  }
  for (size_t i = 0; i < kMemoryUseNames.size(); ++i) {
    first.memory[i].set(i + 1);
    second.memory[i].set(10);
  }
  const auto expect = [this](const char* family, LabelMap wanted, const char* label,
                             std::string_view name, double count) {
    wanted[label] = name;
    EXPECT_EQ(value(family, wanted), count) << family << ' ' << name;
  };
  for (const Protocol protocol : {Protocol::tcp, Protocol::zmq}) {
    const LabelMap of = {{"protocol", std::string(name_of(protocol))}};
    const auto base = static_cast<double>(100 * index_of(protocol) + 1);
    for (size_t i = 0; i < kRejectedNames.size(); ++i) {
      expect("zerogate_connections_rejected_total", of, "reason", kRejectedNames[i],
             base + static_cast<double>(i));
    }
    for (size_t i = 0; i < kMalformedNames.size(); ++i) {
      expect("zerogate_malformed_total", of, "reason", kMalformedNames[i],
             base + static_cast<double>(i));
    }
  }
  for (size_t i = 0; i < kCurveResultNames.size(); ++i) {
    expect("zerogate_curve_handshakes_total", {}, "result", kCurveResultNames[i],
           static_cast<double>(i + 11));
  }
  for (size_t i = 0; i < kTlsResultNames.size(); ++i) {
    expect("zerogate_tls_handshakes_total", {{"side", "listener"}}, "result", kTlsResultNames[i],
           static_cast<double>(i + 1));
    expect("zerogate_tls_handshakes_total", {{"side", "backend"}}, "result", kTlsResultNames[i],
           static_cast<double>(i + 21));
  }
  for (size_t i = 0; i < kMemoryUseNames.size(); ++i) {
    expect("zerogate_memory_budget_bytes", {}, "use", kMemoryUseNames[i],
           static_cast<double>(i + 11));
  }
}

TEST_F(CollectorTest, TlsConnectionsAndTheTimeOfTheirHandshakesAreShown) {
  EXPECT_FALSE(has_family("zerogate_tls_handshake_duration_seconds"));
  first.of(TlsSide::listener).on_handshake(TlsResult::ok, 50'000);
  second.of(TlsSide::listener).on_handshake(TlsResult::ok, 50'000);
  second.of(TlsSide::listener).on_handshake(TlsResult::timeout, 1);
  first.of(TlsSide::listener).on_end();
  EXPECT_EQ(value("zerogate_tls_connections", {{"side", "listener"}}), 1);
  EXPECT_EQ(value("zerogate_tls_connections", {{"side", "backend"}}), 0);
  EXPECT_EQ(family("zerogate_tls_handshake_duration_seconds").metric.size(), 1u);
  EXPECT_EQ(find("zerogate_tls_handshake_duration_seconds", {{"side", "listener"}})
                ->histogram.sample_count,
            2u);
}

TEST_F(CollectorTest, KeepAlivesAndTheLimitOfMemoryAreSummed) {
  first.of(Protocol::zmq).keep_alives.add(2);
  second.of(Protocol::zmq).keep_alives.add(3);
  first.memory_limit.set(100);
  second.memory_limit.set(200);
  EXPECT_EQ(value("zerogate_keep_alive_frames_total"), 5);
  EXPECT_EQ(value("zerogate_memory_budget_limit_bytes"), 300);
}

TEST_F(CollectorTest, AWireThatWasUsedHasItsFailuresAtZero) {
  first.begin(Protocol::zmq);
  second.begin(Protocol::zmq);
  first.end(1, Wire::w1, Outcome::ok);
  second.end(1, Wire::w1, Outcome::invalid);
  const auto of = [&](const char* function, const char* wire, const char* outcome) {
    return value(
        "zerogate_requests_total",
        {{"protocol", "zmq"}, {"wire", wire}, {"function", function}, {"outcome", outcome}});
  };
  EXPECT_EQ(of("echo", "W1", "ok"), 1);
  EXPECT_EQ(of("echo", "W1", "invalid"), 1);
  for (const char* failure : {"error", "timeout", "unavailable", "overloaded"}) {
    EXPECT_EQ(of("echo", "W1", failure), 0) << failure;
    EXPECT_EQ(of("echo", "W5", failure), std::nullopt) << failure;
  }
  EXPECT_EQ(of("echo", "W1", "abandoned"), std::nullopt);
  EXPECT_EQ(of("echo", "W2", "ok"), std::nullopt);
}

TEST_F(CollectorTest, EveryWireCountsByItself) {
  for (size_t w = 0; w < kWireNames.size(); ++w) {
    const auto wire = static_cast<Wire>(w);
    for (size_t i = 0; i <= w; ++i) {
      first.begin(protocol_of(wire));
      first.end(labels.other(), wire, Outcome::abandoned);
    }
  }
  for (size_t w = 0; w < kWireNames.size(); ++w) {
    const std::string wire(kWireNames[w]);
    EXPECT_EQ(value("zerogate_requests_total", {{"protocol", wire[0] == 'T' ? "tcp" : "zmq"},
                                                {"wire", wire},
                                                {"function", "_other"},
                                                {"outcome", "abandoned"}}),
              w + 1)
        << wire;
  }
  EXPECT_EQ(value("zerogate_requests_in_flight", {{"protocol", "tcp"}}), 0);
  EXPECT_EQ(value("zerogate_requests_in_flight", {{"protocol", "zmq"}}), 0);
}

TEST_F(CollectorTest, ALearnedFunctionHasSeriesOfItsOwnFromThenOn) {
  const LabelMap series = {
      {"protocol", "zmq"}, {"wire", "W2"}, {"function", "get_user"}, {"outcome", "ok"}};
  EXPECT_EQ(value("zerogate_requests_total", series), std::nullopt);
  const FunctionLabel label = labels.learn("get_user").value();
  EXPECT_EQ(value("zerogate_requests_total", series), std::nullopt);  // nobody spoke W2 yet
  EXPECT_EQ(
      value("zerogate_requests_total",
            {{"protocol", "zmq"}, {"wire", "W5"}, {"function", "get_user"}, {"outcome", "ok"}}),
      0);
  second.begin(Protocol::zmq);
  second.end(label, Wire::w2, Outcome::ok);
  second.duration(label, Protocol::zmq).observe(1);
  EXPECT_EQ(value("zerogate_requests_total", series), 1);
  EXPECT_EQ(
      find("zerogate_request_duration_seconds", {{"protocol", "zmq"}, {"function", "get_user"}})
          ->histogram.sample_count,
      1U);
}

TEST_F(CollectorTest, ThereIsRoomForEveryLabel) {
  for (size_t i = 0; labels.known() < FunctionLabels::kMaxNames; ++i) {
    ASSERT_TRUE(labels.learn("f" + std::to_string(i)).has_value());
  }
  for (FunctionLabel label = 0; label < FunctionLabels::kLabels; ++label) {
    first.begin(Protocol::tcp);
    first.end(label, Wire::t3, Outcome::abandoned);
    first.duration(label, Protocol::zmq).observe(1);
  }
  EXPECT_EQ(value("zerogate_requests_in_flight", {{"protocol", "tcp"}}), 0);
  std::set<std::string> shown;
  for (const ClientMetric& metric : family("zerogate_request_duration_seconds").metric) {
    shown.insert(labels_of(metric).at("function"));
  }
  EXPECT_EQ(shown.size(), FunctionLabels::kMaxNames + 1);
}

// The counters of a label go on; what is shown begins again with its next function.
TEST_F(CollectorTest, AForgottenFunctionsSeriesEndAndTheNextOnesBeginAtNought) {
  const FunctionLabel label = labels.learn("old").value();
  const auto call = [&] {
    first.begin(Protocol::tcp);
    first.end(label, Wire::t3, Outcome::ok);
    first.duration(label, Protocol::tcp).observe(1'000);
  };
  call();
  call();
  auto base = std::make_shared<LabelBase>();
  base->requests[index_of(Wire::t3)][index_of(Outcome::ok)] = 2;
  base->durations[index_of(Protocol::tcp)].add(first.duration(label, Protocol::tcp));
  labels.retire(label);
  labels.release(label, base);
  const auto requests = [&](const std::string& function) {
    return value("zerogate_requests_total",
                 {{"protocol", "tcp"}, {"wire", "T3"}, {"function", function}, {"outcome", "ok"}});
  };
  EXPECT_EQ(requests("old"), std::nullopt);
  EXPECT_EQ(requests("_other"), 0);
  EXPECT_EQ(value("zerogate_requests_in_flight", {{"protocol", "tcp"}}), 0);
  ASSERT_EQ(labels.learn("new"), label);
  EXPECT_EQ(requests("new"), 0);
  call();
  EXPECT_EQ(requests("new"), 1);
  const auto* duration =
      find("zerogate_request_duration_seconds", {{"protocol", "tcp"}, {"function", "new"}});
  EXPECT_EQ(duration->histogram.sample_count, 1u);
  EXPECT_EQ(value("zerogate_requests_in_flight", {{"protocol", "tcp"}}), 0);
}

TEST_F(CollectorTest, InFlightIsWhatHasNoOutcomeYet) {
  for (int i = 0; i < 3; ++i) {
    first.begin(Protocol::tcp);
  }
  second.begin(Protocol::tcp);
  second.begin(Protocol::zmq);
  second.end(0, Wire::w5, Outcome::abandoned);
  first.end(0, Wire::t3, Outcome::timeout);
  EXPECT_EQ(value("zerogate_requests_in_flight", {{"protocol", "tcp"}}), 3);
  EXPECT_EQ(value("zerogate_requests_in_flight", {{"protocol", "zmq"}}), 0);
}

TEST_F(CollectorTest, InFlightIsNeverNegativeWhileAWorkerWorks) {
  std::atomic<bool> stop{false};
  std::thread worker([&] {
    while (!stop) {
      first.begin(Protocol::tcp);
      first.end(0, Wire::t3, Outcome::ok);
    }
  });
  for (int i = 0; i < 100; ++i) {
    const double in_flight = value("zerogate_requests_in_flight", {{"protocol", "tcp"}}).value();
    // Everything begun between the two reads counts as in flight, and a negative number would be
    // about 2^64.
    EXPECT_LT(in_flight, 1e12);
  }
  stop = true;
  worker.join();
}

TEST_F(CollectorTest, DurationsAreCumulativeAndInSeconds) {
  first.duration(1, Protocol::zmq).observe(50'000);           // first bucket
  second.duration(1, Protocol::zmq).observe(60'000);          // second bucket
  second.duration(1, Protocol::zmq).observe(20'000'000'000);  // +Inf
  const ClientMetric* metric =
      find("zerogate_request_duration_seconds", {{"protocol", "zmq"}, {"function", "echo"}});
  ASSERT_NE(metric, nullptr);
  const ClientMetric::Histogram& histogram = metric->histogram;
  ASSERT_EQ(histogram.bucket.size(), Histogram::kBuckets);
  EXPECT_DOUBLE_EQ(histogram.bucket[0].upper_bound, 50e-6);
  EXPECT_EQ(histogram.bucket[0].cumulative_count, 1U);
  EXPECT_EQ(histogram.bucket[1].cumulative_count, 2U);
  EXPECT_DOUBLE_EQ(histogram.bucket[Histogram::kBuckets - 2].upper_bound, 10);
  EXPECT_EQ(histogram.bucket[Histogram::kBuckets - 2].cumulative_count, 2U);
  EXPECT_EQ(histogram.bucket.back().upper_bound, std::numeric_limits<double>::infinity());
  EXPECT_EQ(histogram.bucket.back().cumulative_count, 3U);
  EXPECT_EQ(histogram.sample_count, 3U);
  EXPECT_DOUBLE_EQ(histogram.sample_sum, 20.00011);
}

TEST_F(CollectorTest, ManyHistogramsHaveFewBoundsAndTheSameCounts) {
  for (size_t i = 0; labels.known() < FunctionLabels::kMaxNames; ++i) {
    ASSERT_TRUE(labels.learn("f" + std::to_string(i)).has_value());
  }
  first.duration(0, Protocol::zmq).observe(60'000);       // a bucket that is left out later
  first.duration(0, Protocol::zmq).observe(240'000'000);  // up to the bound of the alerts
  const auto call = [&](FunctionLabel label) {
    second.duration(label, Protocol::tcp).observe(20'000'000'000);
  };
  for (FunctionLabel label = 0; label < kMostWithAllBounds - 1; ++label) {
    call(label);
  }
  const auto bounds = [&] {
    std::set<double> found;
    for (const ClientMetric& metric : family("zerogate_request_duration_seconds").metric) {
      for (const auto& bucket : metric.histogram.bucket) {
        found.insert(bucket.upper_bound);
      }
    }
    return found;
  };
  EXPECT_EQ(bounds().size(), Histogram::kBuckets);
  call(kMostWithAllBounds - 1);
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(bounds(), (std::set<double>{0.0005, 0.002, 0.01, 0.05, 0.25, 1, 10, inf}));
  const ClientMetric::Histogram histogram =
      find("zerogate_request_duration_seconds", {{"protocol", "zmq"}, {"function", labels.name(0)}})
          ->histogram;
  std::vector<uint64_t> counts;
  for (const auto& bucket : histogram.bucket) {
    counts.push_back(bucket.cumulative_count);
  }
  EXPECT_EQ(counts, (std::vector<uint64_t>{1, 1, 1, 1, 2, 2, 2, 2}));
  EXPECT_EQ(histogram.sample_count, 2U);
}

TEST_F(CollectorTest, TransportCountersBelongToTheirProtocol) {
  ListenerMetrics& zmq = second.of(Protocol::zmq);
  zmq.connections.add(5);
  zmq.connections.sub(2);
  zmq.accepted.add(5);
  zmq.received_bytes.add(1000);
  zmq.sent_bytes.add(70);
  const LabelMap label = {{"protocol", "zmq"}};
  EXPECT_EQ(value("zerogate_connections", label), 3);
  EXPECT_EQ(value("zerogate_connections_accepted_total", label), 5);
  EXPECT_EQ(value("zerogate_received_bytes_total", label), 1000);
  EXPECT_EQ(value("zerogate_sent_bytes_total", label), 70);
  EXPECT_EQ(value("zerogate_connections", {{"protocol", "tcp"}}), 0);
}

TEST_F(CollectorTest, OnlyReasonsThatAProtocolCanHaveAreShown) {
  const auto malformed = [&](const char* protocol, const char* reason) {
    return value("zerogate_malformed_total", {{"protocol", protocol}, {"reason", reason}});
  };
  EXPECT_EQ(malformed("tcp", "bad_length"), 0);
  EXPECT_EQ(malformed("zmq", "bad_length"), std::nullopt);
  EXPECT_EQ(malformed("zmq", "bad_frames"), 0);
  EXPECT_EQ(malformed("tcp", "bad_frames"), std::nullopt);
  for (const char* reason : {"too_large", "bad_msgpack", "too_deep", "bad_name"}) {
    for (const char* protocol : {"tcp", "zmq"}) {
      EXPECT_EQ(malformed(protocol, reason), 0) << reason;
    }
  }
  for (const std::string_view reason : kRejectedNames) {
    EXPECT_EQ(value("zerogate_connections_rejected_total",
                    {{"protocol", "tcp"}, {"reason", std::string(reason)}}),
              0)
        << reason;
  }
}

TEST_F(CollectorTest, AnUnexpectedReasonIsShownOnceItHappens) {
  first.of(Protocol::zmq).count(Malformed::truncated);
  first.of(Protocol::zmq).count(Rejected::stalled);
  EXPECT_EQ(value("zerogate_malformed_total", {{"protocol", "zmq"}, {"reason", "truncated"}}), 1);
  EXPECT_EQ(
      value("zerogate_connections_rejected_total", {{"protocol", "zmq"}, {"reason", "stalled"}}),
      1);
}

TEST_F(CollectorTest, LoopLagIsThatOfAllLoops) {
  EXPECT_EQ(family("zerogate_loop_lag_seconds").metric.at(0).histogram.sample_count, 0U);
  first.loop.lag.observe(1'000);
  second.loop.lag.observe(3'000'000'000);
  const ClientMetric::Histogram histogram =
      family("zerogate_loop_lag_seconds").metric.at(0).histogram;
  EXPECT_EQ(histogram.sample_count, 2U);
  EXPECT_DOUBLE_EQ(histogram.sample_sum, 3.000001);
}

TEST_F(CollectorTest, TheLoopThatIsBusyForLongestIsShown) {
  EXPECT_EQ(value("zerogate_loop_busy_seconds"), 0);
  first.loop.busy_since_ns.set(uv_hrtime() - 60'000'000'000);
  second.loop.busy_since_ns.set(uv_hrtime());
  const double busy_s = value("zerogate_loop_busy_seconds").value();
  EXPECT_GE(busy_s, 60);
  EXPECT_LT(busy_s, 90);
  first.loop.busy_since_ns.set(0);
  EXPECT_LT(value("zerogate_loop_busy_seconds").value(), 30);
  second.loop.busy_since_ns.set(uv_hrtime() + 60'000'000'000);  // begun after our own clock read
  EXPECT_EQ(value("zerogate_loop_busy_seconds"), 0);
}

TEST_F(CollectorTest, LimitsAreTheSumOfTheWorkersShares) {
  first.in_flight_limit.set(100);
  second.in_flight_limit.set(100);
  first.of(Protocol::tcp).connections_limit.set(7);
  second.of(Protocol::tcp).connections_limit.set(7);
  EXPECT_EQ(value("zerogate_requests_in_flight_limit"), 200);
  EXPECT_EQ(value("zerogate_connections_limit", {{"protocol", "tcp"}}), 14);
  EXPECT_EQ(value("zerogate_connections_limit", {{"protocol", "zmq"}}), 0);
}

TEST_F(CollectorTest, FunctionLabelsAreShownBesideTheirLimit) {
  EXPECT_EQ(value("zerogate_function_labels"), 2);
  labels.learn("save_order");
  EXPECT_EQ(value("zerogate_function_labels"), 3);
  EXPECT_EQ(value("zerogate_function_labels_limit"), FunctionLabels::kMaxNames);
}

TEST_F(CollectorTest, RedisCommandsAreSummed) {
  first.redis.ok.add(2);
  second.redis.ok.add(3);
  second.redis.unavailable.add();
  second.redis.duration.observe(1'000'000);
  first.redis.reply_too_large.add();
  second.redis.reply_too_large.add();
  second.redis.no_memory_for_reply.add();
  EXPECT_EQ(value("zerogate_redis_commands_total", {{"outcome", "ok"}}), 5);
  EXPECT_EQ(value("zerogate_redis_commands_total", {{"outcome", "unavailable"}}), 1);
  EXPECT_EQ(value("zerogate_redis_replies_refused_total", {{"reason", "too_large"}}), 2);
  EXPECT_EQ(value("zerogate_redis_replies_refused_total", {{"reason", "memory"}}), 1);
  EXPECT_EQ(family("zerogate_redis_command_duration_seconds").metric[0].histogram.sample_count, 1U);
}

TEST_F(CollectorTest, RedisIsUpWhenEveryWorkersIs) {
  EXPECT_EQ(value("zerogate_redis_up"), 0);
  first.redis.up.set(1);
  EXPECT_EQ(value("zerogate_redis_up"), 0);
  second.redis.up.set(1);
  EXPECT_EQ(value("zerogate_redis_up"), 1);
}

TEST_F(CollectorTest, WithoutWorkersRedisIsDownAndNothingCrashes) {
  const Collector empty({}, blocking, {"v", "r"});
  const std::string page = prometheus::TextSerializer().Serialize(empty.Collect());
  EXPECT_THAT(page, HasSubstr("zerogate_redis_up 0\n"));
}

TEST_F(CollectorTest, TextHasBuildProcessAndExactBuckets) {
  const std::string page = text();
  EXPECT_THAT(page,
              HasSubstr("zerogate_build_info{version=\"1.2.3\",revision=\"0123456789ab\"} 1"));
  EXPECT_THAT(page, HasSubstr("process_start_time_seconds "));
  EXPECT_THAT(page, HasSubstr("le=\"5e-05\"} 0"));
  EXPECT_THAT(page, HasSubstr("le=\"0.00025\"} 0"));
  EXPECT_THAT(page, HasSubstr("le=\"10\"} 0"));
  EXPECT_THAT(page, HasSubstr("le=\"+Inf\"} 0"));
}

TEST_F(CollectorTest, PromtoolHasNothingToSay) {
  if (!has_promtool()) {
    GTEST_SKIP() << "no promtool";
  }
  EXPECT_EQ(promtool(text()), "");
}

}  // namespace
}  // namespace zerogate
