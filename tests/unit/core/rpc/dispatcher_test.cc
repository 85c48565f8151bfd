#include "core/rpc/dispatcher.h"

#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/log/log.h"
#include "core/rpc/connect_service.h"
#include "tests/unit/core/rpc/call_fixture.h"

namespace zerogate {
namespace {

using wire::ErrorKey;

/// Keeps its calls.
struct Keeper final : Service {
  void serve(const Request& request, Call call) override {
    functions.emplace_back(request.function);
    arguments.emplace_back(request.argument);
    unknown.push_back(request.unknown);
    calls.push_back(std::move(call));
  }
  std::vector<std::string> functions, arguments;
  std::vector<bool> unknown;
  std::vector<Call> calls;
};

class DispatcherTest : public CallTest {
 protected:
  DispatcherTest() { router_.add("first", keeper_); }

  IncomingRequest incoming(ByteView function, ByteView argument = "\xc0", Wire wire = Wire::t3) {
    return {path_of("0001", wire), {function, argument}, uv_hrtime()};
  }
  const std::string& last_body() const { return sink_.answers.back().body; }

  Router router_{labels_};
  Dispatcher dispatcher_{router_, calls_};
  Keeper keeper_;
};

TEST_F(DispatcherTest, HandsARequestToItsService) {
  dispatcher_.dispatch(incoming("first", "\x2a"));
  ASSERT_EQ(keeper_.calls.size(), 1u);
  EXPECT_EQ(keeper_.functions[0], "first");
  EXPECT_EQ(keeper_.arguments[0], "\x2a");
  EXPECT_EQ(calls_.in_flight(), 1u);
  EXPECT_TRUE(sink_.answers.empty());
  std::move(keeper_.calls[0]).reply("\xc3");
  EXPECT_EQ(last_body(), "\xc3");
  EXPECT_EQ(ended(Outcome::ok), 1u) << "under the function's own label";
}

TEST_F(DispatcherTest, AnUnknownFunctionIsAnsweredInZerosWords) {
  dispatcher_.dispatch(incoming("frist"));
  EXPECT_EQ(last_body(), error_body(ErrorKey::function_not_found, "Function `frist` not found!"));
  EXPECT_EQ(ended(labels_.other(), Wire::t3, Outcome::not_found), 1u);
  EXPECT_TRUE(keeper_.calls.empty());
}

TEST_F(DispatcherTest, AtLevelDebugAFewLinesSayWhoCallsUnknownFunctions) {
  std::vector<std::string> lines;
  const auto call_at = [&](log::Level level, uint64_t received_ns) {
    log::set_level(level);
    IncomingRequest request = incoming("frist");
    request.received_ns = received_ns;
    dispatcher_.dispatch(request);
  };
  log::configure(log::Level::info, log::Format::logfmt,
                 [&lines](std::string_view line) { lines.emplace_back(line); });
  call_at(log::Level::info, 100 * kNsPerSecond);
  EXPECT_TRUE(lines.empty());
  for (uint64_t call = 0; call < Dispatcher::kUnknownLines + 3; ++call) {
    call_at(log::Level::debug, 100 * kNsPerSecond + call);
  }
  ASSERT_EQ(lines.size(), Dispatcher::kUnknownLines);
  EXPECT_NE(
      lines[0].find("level=debug event=\"unknown function\" function=frist protocol=tcp peer="),
      std::string::npos)
      << lines[0];
  EXPECT_EQ(lines[0].find("suppressed"), std::string::npos);
  call_at(log::Level::debug, 110 * kNsPerSecond);
  log::configure(log::Level::info, log::Format::logfmt);
  ASSERT_EQ(lines.size(), Dispatcher::kUnknownLines + 1);
  EXPECT_NE(lines.back().find(" suppressed=3"), std::string::npos) << lines.back();
}

TEST_F(DispatcherTest, AFullTableRefuses) {
  for (uint32_t i = 0; i < kCapacity; ++i) {
    dispatcher_.dispatch(incoming("first"));
  }
  EXPECT_TRUE(sink_.answers.empty());
  dispatcher_.dispatch(incoming("first"));
  EXPECT_EQ(last_body(), error_body(ErrorKey::server_exception,
                                    "the gateway is overloaded: too many calls in flight"));
  EXPECT_EQ(ended(Outcome::overloaded), 1u);
  EXPECT_EQ(keeper_.calls.size(), kCapacity);
  dispatcher_.dispatch(incoming("unknown"));
  EXPECT_EQ(ended(labels_.other(), Wire::t3, Outcome::not_found), 1u)
      << "what would fail anyway is not put down to the load";
  keeper_.calls.pop_back();
  dispatcher_.dispatch(incoming("first"));
  EXPECT_EQ(keeper_.calls.size(), kCapacity) << "there is room again";
}

TEST_F(DispatcherTest, ADrainRefusesTheNewAndLetsTheOldGoOn) {
  EXPECT_FALSE(dispatcher_.draining());
  dispatcher_.dispatch(incoming("first"));
  dispatcher_.drain();
  EXPECT_TRUE(dispatcher_.draining());
  const std::string refusal =
      error_body(ErrorKey::server_exception, "the gateway is shutting down");
  dispatcher_.dispatch(incoming("first"));
  EXPECT_EQ(last_body(), refusal);
  EXPECT_EQ(ended(Outcome::unavailable), 1u);
  dispatcher_.dispatch(incoming("unknown"));
  EXPECT_EQ(last_body(), refusal) << "the next gateway may well have it";
  EXPECT_EQ(keeper_.calls.size(), 1u);
  std::move(keeper_.calls[0]).reply("\xc3");
  EXPECT_EQ(last_body(), "\xc3");
  EXPECT_EQ(ended(Outcome::ok), 1u);
}

TEST_F(DispatcherTest, ARefusalCountsUnderTheFunctionsLabelWhenItIsKnown) {
  router_.add("second", keeper_);
  dispatcher_.refuse(incoming("second", "\xc0", Wire::w5), Outcome::invalid,
                     ErrorKey::server_exception, "too large");
  EXPECT_EQ(ended(second_, Wire::w5, Outcome::invalid), 1u);
  EXPECT_EQ(last_body(), error_body(ErrorKey::server_exception, "too large"));
  dispatcher_.refuse(incoming(""), Outcome::invalid, ErrorKey::server_exception, "no name");
  EXPECT_EQ(ended(labels_.other(), Wire::t3, Outcome::invalid), 1u);
}

TEST_F(DispatcherTest, AnotherRouterCountsFromTheNextRequestOn) {
  dispatcher_.dispatch(incoming("first"));
  Router none(labels_);
  dispatcher_.set_router(none);
  dispatcher_.dispatch(incoming("first"));
  EXPECT_EQ(ended(labels_.other(), Wire::t3, Outcome::not_found), 1u);
  std::move(keeper_.calls[0]).reply("\xc3");
  EXPECT_EQ(ended(Outcome::ok), 1u) << "what is under way goes on";
}

TEST_F(DispatcherTest, TellsServicesOfNamesWithoutALabel) {
  router_.add("unlabelled", keeper_);
  dispatcher_.dispatch(incoming("first"));
  dispatcher_.dispatch(incoming("unlabelled"));
  EXPECT_EQ(keeper_.unknown, (std::vector<bool>{false, true}));
  keeper_.calls.clear();
}

TEST_F(DispatcherTest, WhetherAnyBytesAreTakenTheServiceSays) {
  struct : Service {
    void serve(const Request&, Call) override {}
    bool takes_any_bytes() const override { return true; }
  } taker;
  router_.add("second", taker);
  EXPECT_FALSE(dispatcher_.takes_any_bytes("first"));
  EXPECT_TRUE(dispatcher_.takes_any_bytes("second"));
  EXPECT_FALSE(dispatcher_.takes_any_bytes("third")) << "that no service has";
}

TEST_F(DispatcherTest, ConnectIsAnsweredAsEveryZeroClientExpects) {
  ConnectService connect;
  router_.add(ConnectService::kName, connect);
  dispatcher_.dispatch(incoming("connect"));
  EXPECT_EQ(last_body(),
            "\xa9"
            "connected");
}

}  // namespace
}  // namespace zerogate
