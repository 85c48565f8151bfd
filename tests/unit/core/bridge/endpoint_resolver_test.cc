// Names on a virtual clock: what a name server says, and which addresses a backend has then.
#include "core/bridge/endpoint_resolver.h"

#include <gmock/gmock.h>

#include <optional>

#include "core/base/random.h"
#include "core/io/event_loop.h"
#include "core/log/log.h"
#include "core/testing/manual_clock.h"
#include "tests/unit/core/bridge/fake_name_server.h"

namespace zerogate::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class EndpointResolverTest : public ::testing::Test {
 protected:
  EndpointResolverTest() { log::set_level(log::Level::off); }

  void start(const std::vector<std::string>& urls = {"tcp://orders:1"}) {
    for (const std::string& url : urls) {
      options_.urls.push_back(ServerUrl::parse(url).value());
    }
    const ResolverContext context{loop_.uv(), timers_, server_, std::make_shared<StateLog>()};
    resolver_.emplace(context, options_, [this] { ++changes_; });
    server_.step();
  }
  void pass_ms(uint64_t ms) {
    for (uint64_t i = 0; i < ms; i += kStepMs) {
      clock_.advance_ms(kStepMs);
      timers_.run_due();
      server_.step();
    }
  }
  /// Until the next answers have come.
  void look_up() { pass_ms(options_.resolve_ms); }
  /// What the name has, and with '?' what was missing in the last answer.
  std::vector<std::string> found() const {
    std::vector<std::string> all;
    for (const EndpointResolver::Found& each : resolver_->found()) {
      all.push_back(each.address.display() + (each.missing ? "?" : ""));
    }
    return all;
  }

  static constexpr uint64_t kStepMs = 10;
  ManualClock clock_;
  TimerQueue timers_{clock_};
  EventLoop loop_;  // never run: owed log lines want one
  FakeNameServer server_;
  BackendOptions options_;
  std::optional<EndpointResolver> resolver_;
  int changes_ = 0;
};

TEST_F(EndpointResolverTest, AddressesNeedNoLookUp) {
  start({"tcp://10.0.0.1:1", "zmq://[::1]:2", "ipc:///run/orders"});
  EXPECT_THAT(found(), ElementsAre("10.0.0.1:1", "[::1]:2", "unix:/run/orders"));
  EXPECT_TRUE(resolver_->settled());
  look_up();
  EXPECT_EQ(server_.asked, 0);
  EXPECT_EQ(resolver_->error(), "");
}

TEST_F(EndpointResolverTest, EveryAddressOfBothFamiliesIsFoundAndFollowed) {
  server_.has("orders", {"::1", "10.0.0.2", "10.0.0.1"});
  start();
  EXPECT_TRUE(resolver_->settled());
  EXPECT_THAT(found(), ElementsAre("10.0.0.1:1", "10.0.0.2:1", "[::1]:1"));
  EXPECT_EQ(changes_, 1);
  server_.has("orders", {"10.0.0.2", "10.0.0.1", "10.0.0.3", "::1"});
  look_up();
  EXPECT_THAT(found(), ElementsAre("10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1", "[::1]:1"));
  EXPECT_EQ(changes_, 2);
}

// An answer that another worker got a moment ago will do, except at the start.
TEST_F(EndpointResolverTest, TheFirstAnswerIsFreshAndLaterOnesAreShared) {
  server_.has("orders", {"10.0.0.1"});
  start();
  EXPECT_EQ(server_.max_age_ms, 0u);
  look_up();
  EXPECT_EQ(server_.max_age_ms, options_.resolve_ms / 2);
}

TEST_F(EndpointResolverTest, AnotherOrderIsNoChange) {
  server_.has("orders", {"10.0.0.1", "10.0.0.2"});
  start();
  server_.has("orders", {"10.0.0.2", "10.0.0.1"});
  look_up();
  EXPECT_EQ(changes_, 1);
}

TEST_F(EndpointResolverTest, ANameThatMovesLosesItsOldAddressAfterTheSecondAnswer) {
  server_.has("orders", {"10.0.0.1"});
  start();
  server_.has("orders", {"10.0.0.2"});
  look_up();
  EXPECT_THAT(found(), ElementsAre("10.0.0.1:1?", "10.0.0.2:1"));
  look_up();
  EXPECT_THAT(found(), ElementsAre("10.0.0.2:1"));
}

TEST_F(EndpointResolverTest, OneAnswerThatLacksAnAddressDoesNotRemoveIt) {
  server_.has("orders", {"10.0.0.1", "10.0.0.2"});
  start();
  for (int i = 0; i < 20; ++i) {
    server_.has("orders", {i % 2 != 0 ? "10.0.0.1" : "10.0.0.2"});
    look_up();
    EXPECT_EQ(found().size(), 2u) << i;
  }
}

TEST_F(EndpointResolverTest, TheLogHasWhenANameIsLostAndWhenItIsFoundAgain) {
  std::vector<std::string> lines;
  log::configure(log::Level::info, log::Format::logfmt,
                 [&lines](std::string_view line) { lines.emplace_back(line); });
  server_.fails("orders");
  start();
  server_.has("orders", {"10.0.0.1"});
  look_up();
  log::configure(log::Level::off, log::Format::logfmt);
  EXPECT_THAT(lines, ElementsAre(HasSubstr("event=\"name not resolved\""),
                                 HasSubstr("event=\"name resolved\"")));
}

// Consul tells three at random.
TEST_F(EndpointResolverTest, RandomSubsetsSoonChangeNothingMore) {
  Random random(5);
  const auto answer = [&] {
    std::vector<std::string> some;
    while (some.size() < 3) {
      some.push_back("10.0.0." + std::to_string(1 + random.below(12)));
    }
    server_.has("orders", some);
  };
  answer();
  start();
  int gone = 0;
  for (int i = 0; i < 600; ++i) {
    const size_t before = found().size();
    answer();
    look_up();
    if (i > 100) {
      gone += found().size() < before;
    }
  }
  EXPECT_EQ(found().size(), 12u);
  EXPECT_LE(gone, 5);
}

TEST_F(EndpointResolverTest, PatienceHasAnEnd) {
  server_.has("orders", {"10.0.0.1"});
  start();
  for (uint32_t away = 1; away <= EndpointResolver::kRemembered; ++away) {
    server_.has("orders", {"10.0.0.2"});
    for (uint32_t i = 0; i < away; ++i) {
      look_up();
    }
    server_.has("orders", {"10.0.0.1"});
    look_up();
  }
  server_.has("orders", {"10.0.0.3"});
  for (uint32_t i = 0; i <= EndpointResolver::kMaxPatience; ++i) {
    look_up();
  }
  EXPECT_THAT(found(), ElementsAre("10.0.0.3:1"));
}

TEST_F(EndpointResolverTest, ANameThatDoesNotExistHasNoAddress) {
  server_.has("orders", {"10.0.0.1"});
  start();
  server_.has_no("orders");
  look_up();
  EXPECT_THAT(found(), IsEmpty());
  EXPECT_EQ(resolver_->error(), "no such name (orders)");
  server_.has("orders", {"10.0.0.1"});
  look_up();
  EXPECT_THAT(found(), ElementsAre("10.0.0.1:1"));
  EXPECT_EQ(resolver_->error(), "");
}

TEST_F(EndpointResolverTest, ALookUpThatFailsChangesNothing) {
  server_.has("orders", {"10.0.0.1"});
  start();
  server_.fails("orders");
  for (int i = 0; i < 100; ++i) {
    look_up();
  }
  EXPECT_THAT(found(), ElementsAre("10.0.0.1:1"));
  EXPECT_EQ(changes_, 1);
  EXPECT_EQ(resolver_->error(), "") << "it has an address";
}

TEST_F(EndpointResolverTest, OneNameThatIsDeadDelaysNoOther) {
  server_.has("orders", {"10.0.0.1"});
  start({"tcp://dead:1", "tcp://orders:1"});
  EXPECT_THAT(found(), ElementsAre("10.0.0.1:1"));
  EXPECT_FALSE(resolver_->settled());
  pass_ms(options_.connect_timeout_ms);
  EXPECT_TRUE(resolver_->settled());
  EXPECT_THAT(resolver_->error(), HasSubstr("has not answered within 1000 ms (dead)"));
  server_.has("orders", {"10.0.0.1", "10.0.0.2"});
  look_up();
  EXPECT_THAT(found(), ElementsAre("10.0.0.1:1", "10.0.0.2:1"));
}

TEST_F(EndpointResolverTest, AddressesStandBesideNames) {
  server_.has("orders", {"10.0.0.1"});
  start({"tcp://10.0.0.9:1", "tcp://orders:1"});
  look_up();
  EXPECT_THAT(found(), ElementsAre("10.0.0.9:1", "10.0.0.1:1"));
  EXPECT_EQ(resolver_->error(), "");
}

// A backend waits for it with its first calls.
TEST_F(EndpointResolverTest, TheFirstAnswerOfANameIsToldWhateverItIs) {
  server_.has_no("nobody");
  server_.fails("broken");
  start({"tcp://nobody:1", "tcp://broken:1", "tcp://dead:1"});
  EXPECT_EQ(changes_, 2);
  pass_ms(options_.connect_timeout_ms);
  EXPECT_EQ(changes_, 3) << "the third one is not waited for any more";
  EXPECT_EQ(resolver_->error(), "no such name (nobody)") << "it was answered in time";
}

TEST_F(EndpointResolverTest, ALookUpIsSlowAfterFiveSeconds) {
  options_.resolve_ms = 1'000;
  clock_.advance_ms(100'000);
  start();
  pass_ms(EndpointResolver::kSlowMs - kStepMs);
  EXPECT_EQ(resolver_->error(), "the name server has not answered within 1000 ms (orders)");
  pass_ms(kStepMs);
  EXPECT_EQ(resolver_->error(), "the name server does not answer (orders)");
}

TEST_F(EndpointResolverTest, OnlyWhatIsBackSoonMakesANamePatient) {
  for (const bool soon : {true, false}) {
    server_.has("orders", {"10.0.0.1"});
    start();
    server_.has("orders", {"10.0.0.2"});
    for (uint32_t i = 0; i < EndpointResolver::kRemembered + (soon ? 0 : 1); ++i) {
      look_up();
    }
    server_.has("orders", {"10.0.0.1", "10.0.0.2"});
    look_up();
    server_.has("orders", {"10.0.0.2"});
    look_up();
    look_up();
    EXPECT_EQ(found().size(), soon ? 2u : 1u);
    resolver_.reset();
    options_.urls.clear();
  }
}

TEST_F(EndpointResolverTest, ALookUpThatNeverEndsIsNotRepeatedAndItsAnswerStillCounts) {
  start();
  pass_ms(100'000);
  EXPECT_EQ(server_.asked, 1);
  EXPECT_EQ(resolver_->error(), "the name server does not answer (orders)");
  const int before = changes_;
  server_.has("orders", {"10.0.0.1"});
  server_.step();
  EXPECT_THAT(found(), ElementsAre("10.0.0.1:1"));
  EXPECT_EQ(changes_, before + 1);
  EXPECT_EQ(resolver_->error(), "");
}

TEST_F(EndpointResolverTest, AHangingNameServerTakesNothingAway) {
  server_.has("orders", {"10.0.0.1"});
  start();
  server_.hangs("orders");
  pass_ms(100'000);
  EXPECT_THAT(found(), ElementsAre("10.0.0.1:1"));
}

TEST_F(EndpointResolverTest, TheErrorIsOfTheNameThatHasIt) {
  server_.has("orders", {"10.0.0.1"});
  server_.fails("dead");
  start({"tcp://dead:1", "tcp://orders:1"});
  look_up();
  EXPECT_EQ(resolver_->error(), "the name server has failed (dead)");
}

}  // namespace
}  // namespace zerogate::testing
