#include "gateway/cli/bench_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace zerogate {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

BenchCommand hello(const std::function<void(BenchCommand&)>& change = {}) {
  BenchCommand command;
  command.url = "tcp://127.0.0.1:5559";
  command.function = "hello_world";
  if (change) {
    change(command);
  }
  return command;
}

LoadOptions options_of(const std::function<void(BenchCommand&)>& change = {}) {
  auto options = load_options(hello(change));
  EXPECT_TRUE(options.ok()) << (options.ok() ? "" : options.error());
  return options.ok() ? std::move(options).value() : LoadOptions{};
}

std::string error_after(const std::function<void(BenchCommand&)>& change) {
  const auto options = load_options(hello(change));
  EXPECT_FALSE(options.ok());
  return options.ok() ? "" : options.error();
}

TEST(BenchOptions, Defaults) {
  const LoadOptions options = options_of();
  EXPECT_EQ(options.connections, 16U);
  EXPECT_EQ(options.depth, 1U);
  EXPECT_EQ(options.rate, 0U);
  EXPECT_EQ(options.duration_ms, 10'000U);
  EXPECT_EQ(options.warmup_ms, 1'000U);
  EXPECT_EQ(options.argument, "\xc0");
  EXPECT_EQ(options.expected, "") << "any result will do";
}

TEST(BenchOptions, AnOpenLoopIsDeeper) {
  EXPECT_EQ(options_of([](auto& c) { c.rate = "20000"; }).depth, 64U);
  EXPECT_EQ(options_of([](auto& c) { c.rate = "20000", c.depth = "2"; }).depth, 2U);
}

TEST(BenchOptions, ReadsEveryWord) {
  const LoadOptions options = options_of([](auto& c) {
    c.url = "ipc:/run/zero.sock";
    c.json = "[1]";
    c.expect = "2";
    c.connections = "8", c.depth = "64", c.rate = "100";
    c.duration = "2m", c.warmup = "0s", c.timeout = "300ms";
  });
  EXPECT_EQ(options.url.protocol, Protocol::zmq);
  EXPECT_EQ(options.argument, "\x91\x01");
  EXPECT_EQ(options.expected, "\x02");
  EXPECT_EQ(options.connections, 8U);
  EXPECT_EQ(options.depth, 64U);
  EXPECT_EQ(options.rate, 100U);
  EXPECT_EQ(options.duration_ms, 120'000U);
  EXPECT_EQ(options.warmup_ms, 0U);
  EXPECT_EQ(options.timeout_ms, 300U);
}

TEST(BenchOptions, NamesTheFlagThatIsWrong) {
  EXPECT_THAT(error_after([](auto& c) { c.connections = "0"; }), HasSubstr("--connections"));
  EXPECT_THAT(error_after([](auto& c) { c.connections = "many"; }), HasSubstr("--connections"));
  EXPECT_THAT(error_after([](auto& c) { c.depth = "10001"; }), HasSubstr("--depth"));
  EXPECT_THAT(error_after([](auto& c) { c.rate = "-1"; }), HasSubstr("--rate"));
  EXPECT_THAT(error_after([](auto& c) { c.duration = "10"; }), HasSubstr("--duration"));
  EXPECT_THAT(error_after([](auto& c) { c.duration = "0s"; }),
              AllOf(HasSubstr("--duration"), HasSubstr("1ms to 24h")));
  EXPECT_THAT(error_after([](auto& c) { c.warmup = "x"; }), HasSubstr("--warmup"));
  EXPECT_THAT(error_after([](auto& c) { c.timeout = "2h"; }), HasSubstr("--timeout"));
  EXPECT_THAT(error_after([](auto& c) { c.json = "{"; }), HasSubstr("argument"));
  EXPECT_THAT(error_after([](auto& c) { c.expect = "{"; }), HasSubstr("--expect"));
  EXPECT_THAT(error_after([](auto& c) { c.url = "http://x"; }), HasSubstr("tcp://host:port"));
}

TEST(BenchOptions, ANameMustFitIntoTheProtocol) {
  const std::string name(81, 'f');
  EXPECT_EQ(options_of([&](auto& c) { c.function = name; }).function, name);
  EXPECT_THAT(error_after([&](auto& c) { c.function = name, c.url = "zmq://127.0.0.1:1"; }),
              HasSubstr("80 bytes"));
}

TEST(BenchOptions, BoundsWhatAllConnectionsHoldTogether) {
  EXPECT_THAT(error_after([](auto& c) { c.connections = "20000", c.depth = "51"; }),
              HasSubstr("1020000"));
  EXPECT_THAT(error_after([](auto& c) {
                c.connections = "1000", c.depth = "1000";
                c.json = "\"" + std::string(2'000, 'x') + "\"";
              }),
              HasSubstr("1GiB"));
}

TEST(BenchOptions, FilesAreOfTlsAlone) {
  EXPECT_THAT(error_after([](auto& c) { c.ca = "/ca.crt"; }), HasSubstr("tls://host:port"));
  const auto tls = [](auto& c) { c.url = "tls://127.0.0.1:5561"; };
  EXPECT_NE(options_of(tls).tls, nullptr) << "the system's CAs";
  EXPECT_THAT(error_after([&](auto& c) { tls(c), c.cert = "/tls.crt"; }), HasSubstr("a pair"));
  EXPECT_THAT(error_after([&](auto& c) { tls(c), c.ca = "/nowhere"; }),
              HasSubstr("cannot be read"));
}

}  // namespace
}  // namespace zerogate
