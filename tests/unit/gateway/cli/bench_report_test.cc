#include "gateway/cli/bench_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace zerogate {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

LoadOptions hello_options() {
  LoadOptions options;
  options.url = ServerUrl::parse("tcp://127.0.0.1:5559").value();
  options.function = "hello_world";
  options.connections = 64;
  return options;
}

/// 1,000 calls of 1 ms, one of 2 s, in 4 s.
LoadReport slow_call() {
  LoadReport report;
  for (int i = 0; i < 1'000; ++i) {
    report.latencies.add(1'000'000);
  }
  report.latencies.add(2'000'000'000);
  report.request_bytes = 31;
  report.received_bytes = 21'021;
  report.measured_ns = 4'000'000'000;
  report.cpu_ns = 500'000'000;
  return report;
}

TEST(BenchReport, ShowsThreeDigitsOfALatency) {
  EXPECT_EQ(show_latency(0), "0.00 µs");
  EXPECT_EQ(show_latency(850), "0.85 µs");
  EXPECT_EQ(show_latency(99'940), "99.9 µs");
  EXPECT_EQ(show_latency(812'400), "812 µs");
  EXPECT_EQ(show_latency(999'600), "1.00 ms");
  EXPECT_EQ(show_latency(7'213'000), "7.21 ms");
  EXPECT_EQ(show_latency(1'020'000'000), "1.02 s");
  EXPECT_EQ(show_latency(75'000'000'000), "75.0 s");
}

TEST(BenchReport, TextForPeople) {
  const std::string text = report_as_text(hello_options(), slow_call());
  EXPECT_THAT(text, HasSubstr("hello_world on tcp://127.0.0.1:5559: closed loop, 64 connections"));
  EXPECT_THAT(text, HasSubstr("1,001    250/s"));
  EXPECT_THAT(text, HasSubstr("max 2.00 s"));
  EXPECT_THAT(text, HasSubstr("errors      0"));
  EXPECT_THAT(text, Not(HasSubstr("sent late")));
  EXPECT_THAT(text, Not(HasSubstr("unfinished")));
}

TEST(BenchReport, TextNamesErrorsByKindWithTheFirstOfEach) {
  LoadReport report = slow_call();
  report.count(CallError::exception, 1, "server_exception: boom");
  report.count(CallError::exception, 2'000, "another");
  report.disconnects = 3;
  report.unfinished = 12;
  const std::string text = report_as_text(hello_options(), report);
  EXPECT_THAT(text, HasSubstr("errors      2,001"));
  EXPECT_THAT(text, HasSubstr("2,001: server_exception: boom"));
  EXPECT_THAT(text, Not(HasSubstr("another")));
  EXPECT_THAT(text, Not(HasSubstr("timeout")));
  EXPECT_THAT(text, HasSubstr("ended 3 times"));
  EXPECT_THAT(text, HasSubstr("12 calls"));
}

TEST(BenchReport, TextOfAnOpenLoopTellsHowLateCallsWereSent) {
  LoadOptions options = hello_options();
  options.rate = 20'000;
  LoadReport report = slow_call();
  report.lateness.add(15'000);
  const std::string text = report_as_text(options, report);
  EXPECT_THAT(text, HasSubstr("20,000 calls due per second"));
  EXPECT_THAT(text, HasSubstr("from when a call was due"));
  EXPECT_THAT(text, HasSubstr("sent late   p50 15.0 µs"));
}

TEST(BenchReport, TextSaysWhenTheGeneratorWasTheBottleneck) {
  LoadReport report = slow_call();
  EXPECT_THAT(report_as_text(hello_options(), report), Not(HasSubstr("generator")));
  report.cpu_ns = 3'900'000'000;
  EXPECT_THAT(report_as_text(hello_options(), report), HasSubstr("busy 98 % of the time"));
}

TEST(BenchReport, JsonHasFixedNames) {
  LoadReport report = slow_call();
  report.count(CallError::timeout, 5, "no answer within 5000 ms");
  const auto json = nlohmann::json::parse(report_as_json(hello_options(), report));
  EXPECT_EQ(json["requests"], 1'001);
  EXPECT_DOUBLE_EQ(json["requests_per_second"].get<double>(), 250.25);
  EXPECT_DOUBLE_EQ(json["latency_us"]["max"].get<double>(), 2e6);
  EXPECT_NEAR(json["latency_us"]["p99.9"].get<double>(), 1e3, 10);
  EXPECT_GT(json["latency_us"]["p99.99"].get<double>(), 1.9e6);
  EXPECT_TRUE(json["rate"].is_null());
  EXPECT_FALSE(json.contains("sent_late_us"));
  EXPECT_EQ(json["errors"], 5);
  EXPECT_EQ(json["errors_by_kind"]["timeout"], 5);
  EXPECT_EQ(json["errors_by_kind"]["unsent"], 0);
  EXPECT_EQ(json["error_samples"]["timeout"], "no answer within 5000 ms");
  EXPECT_EQ(json["sent_bytes"], 31 * 1'001);
  EXPECT_EQ(json["received_bytes"], 21'021);
  EXPECT_DOUBLE_EQ(json["client_cpu_seconds"].get<double>(), 0.5);
  EXPECT_DOUBLE_EQ(json["client_busiest_thread"].get<double>(), 0.125);
}

TEST(BenchReport, JsonSurvivesBytesThatAreNoText) {
  LoadReport report;
  report.count(CallError::exception, 1, "\xff\xfe");
  EXPECT_TRUE(nlohmann::json::accept(report_as_json(hello_options(), report)));
}

}  // namespace
}  // namespace zerogate
