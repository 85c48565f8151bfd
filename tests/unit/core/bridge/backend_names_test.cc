// A backend whose addresses come and go with its name's: what becomes of connections and calls.
#include <gmock/gmock.h>

#include "tests/unit/core/bridge/backend_fixture.h"

namespace zerogate::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class BackendNamesTest : public BackendTest {
 protected:
  BackendNamesTest() { options_.resolve_ms = 1'000; }

  void make_named(const std::vector<size_t>& addresses, std::string_view scheme = "tcp") {
    say(addresses);
    options_.urls = {ServerUrl::parse(std::string(scheme) + "://orders:1").value()};
    backend_ = std::make_unique<Backend>(context_, options_, metrics_);
    names_.step();
    for (const size_t address : addresses) {
      network_.serve(name(address));
    }
  }
  void say(const std::vector<size_t>& addresses) {
    std::vector<std::string> all;
    for (const size_t address : addresses) {
      all.push_back("10.0.0." + std::to_string(address));
    }
    names_.has("orders", all);
  }
  void look_up() { pass_ms(options_.resolve_ms); }
  /// True when a call is taken by this endpoint.
  void expect_call_at(size_t endpoint) {
    const size_t number = call();
    ASSERT_EQ(network_.requests(name(endpoint)), 1u) << answer(number);
    for (FakeConnection* connection : network_.to(name(endpoint))) {
      if (!connection->sent.empty()) {
        connection->answer();
      }
    }
    EXPECT_EQ(answer(number), "\x01");
  }
  /// The first address loses its name with calls under way, which have these time-outs.
  template <class... Timeouts>
  FakeConnection& move_away_with(std::string_view scheme, Timeouts... timeouts_ms) {
    context_.on_dirty = [this](Backend&) { dirty_ = true; };
    make_named({1}, scheme);
    (call("f", timeouts_ms), ...);
    say({2});
    look_up();
    network_.serve(name(2));
    look_up();
    pass_ms(1);
    dirty_ = false;
    return *network_.to(name(1))[0];
  }
  /// flush() is wanted since the last time.
  bool is_dirty() { return std::exchange(dirty_, false); }
  const EndpointMetrics* metrics(size_t endpoint) const {
    for (const auto& each : metrics_->endpoints()) {
      if (each->endpoint == name(endpoint)) {
        return each.get();
      }
    }
    return nullptr;
  }

 private:
  bool dirty_ = false;
};

// No other call may come for hours, and nothing else would take it away.
TEST_F(BackendNamesTest, TheOldAddressLeavesWhenItsLastCallIsAnswered) {
  FakeConnection& old = move_away_with("tcp", 60'000);
  old.answer();
  EXPECT_TRUE(is_dirty());
  pass_ms(1);
  EXPECT_TRUE(network_.to(name(1)).empty());
}

TEST_F(BackendNamesTest, TheOldAddressLeavesWhenItsLastCallIsAnsweredLate) {
  FakeConnection& old = move_away_with("zmq", 2'500);
  pass_ms(500);
  EXPECT_FALSE(is_dirty());
  old.answer();
  EXPECT_TRUE(is_dirty());
}

TEST_F(BackendNamesTest, TheOldAddressLeavesWhenItsLastCallIsForgotten) {
  move_away_with("zmq", 2'500);
  pass_ms(500 + kTimeoutMs + EndpointSet::kSweepMs);
  EXPECT_TRUE(is_dirty());
}

TEST_F(BackendNamesTest, TheOldAddressLeavesWhenItsLastCallIsGivenUp) {
  options_.in_flight = 2;
  FakeConnection& old = move_away_with("zmq", 2'500, 60'000);
  old.answer("\x01", 1);
  EXPECT_FALSE(is_dirty());
  pass_ms(500);
  EXPECT_TRUE(is_dirty());
}

TEST_F(BackendNamesTest, TheOldAddressServesUntilTheNewOneCan) {
  make_named({1});
  say({2});
  for (int i = 0; i < 20; ++i) {
    look_up();
    expect_call_at(1);
  }
  wait_for_attempt(2);
  network_.serve(name(2));
  expect_call_at(2);
  pass_ms(1);
  EXPECT_TRUE(network_.to(name(1)).empty());
}

TEST_F(BackendNamesTest, WhenTheOldAddressHasLeftTheNewOneIsTriedSoon) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    backend_.reset();
    context_.seed = seed;
    make_named({1});
    say({2});
    while (metrics(1) != nullptr) {
      network_.kill(name(2));
      pass_ms(1);
    }
    pass_ms(Endpoint::kBackoffMinMs * 3 / 2);
    ASSERT_EQ(network_.to(name(2)).size(), 1u) << "seed " << seed;
  }
}

// As long as a move may take. A call that it still works on is answered, those that wait are not.
TEST_F(BackendNamesTest, TheOldAddressServesNoLongerThanHalfAMinuteWhileTheNewOneCannot) {
  std::vector<std::string> lines;
  make_named({1});
  say({2});
  look_up();
  look_up();
  log::configure(log::Level::info, log::Format::logfmt,
                 [&lines](std::string_view line) { lines.emplace_back(line); });
  pass_ms(EndpointSet::kLeaveMs - 10);
  const size_t under_way = call("f", 60'000);
  const size_t waiting = call("f", 60'000);
  ASSERT_EQ(network_.requests(name(1)), 1u);
  EXPECT_FALSE(answered(waiting));
  pass_ms(10);
  log::configure(log::Level::off, log::Format::logfmt);
  EXPECT_THAT(answer(waiting), HasSubstr("(10.0.0.2:1)"));
  EXPECT_THAT(lines, Contains(HasSubstr("\"endpoint gone\" backend=b endpoint=10.0.0.1:1")));
  EXPECT_FALSE(answered(under_way));
  network_.to(name(1))[0]->answer();
  EXPECT_TRUE(answered(under_way));
  pass_ms(1);
  EXPECT_EQ(metrics(1), nullptr);
  EXPECT_NE(metrics(2), nullptr) << "it is tried on";
}

TEST_F(BackendNamesTest, AnAddressThatItsNameHasLostGetsNoNewConnection) {
  make_named({1});
  say({2});
  look_up();
  const size_t before = network_.to(name(1)).size();
  network_.kill(name(1));
  pass_ms(5'000);
  EXPECT_EQ(before, 1u);
  EXPECT_TRUE(network_.to(name(1)).empty());
  EXPECT_EQ(network_.to(name(2)).size(), 1u);
}

TEST_F(BackendNamesTest, ANameThatDoesNotExistAnyMoreKeepsItsConnectionsAndGetsNoNewOnes) {
  make_named({1});
  names_.has_no("orders");
  pass_ms(2 * EndpointSet::kLeaveMs);
  expect_call_at(1);
  network_.kill(name(1));
  pass_ms(5'000);
  EXPECT_TRUE(network_.to(name(1)).empty());
  const size_t refused = call();
  EXPECT_THAT(answer(refused), HasSubstr("backend 'b' unavailable: no such name (orders)"));
  say({1});
  look_up();
  network_.serve(name(1));
  expect_call_at(1);
}

// It moves to where no server listens, and is lost before the old address has left.
TEST_F(BackendNamesTest, ANameThatMovesAndThenDoesNotExistAnyMoreKeepsItsConnections) {
  make_named({1});
  say({2});
  pass_ms(7'000);
  network_.kill(name(2));
  names_.has_no("orders");
  pass_ms(2 * EndpointSet::kLeaveMs);
  expect_call_at(1);
  say({2});
  pass_ms(EndpointSet::kLeaveMs - 1'000);
  expect_call_at(1);
  pass_ms(3'000);
  EXPECT_TRUE(network_.to(name(1)).empty()) << "its time begins again with the first address";
}

TEST_F(BackendNamesTest, AnAddressThatLeavesHasItsWholeTimeAfterAnotherHasLeft) {
  make_named({1});
  say({2});
  pass_ms(EndpointSet::kLeaveMs / 2);
  wait_for_attempt(2);
  network_.serve(name(2));
  say({3});
  pass_ms(EndpointSet::kLeaveMs - 1'000);
  expect_call_at(2);
  pass_ms(5'000);
  EXPECT_TRUE(network_.to(name(2)).empty());
}

TEST_F(BackendNamesTest, AnAddressThatIsBackAndLeavesAgainHasItsWholeTime) {
  make_named({1});
  say({2});
  pass_ms(EndpointSet::kLeaveMs - 5'000);
  say({1, 2});
  look_up();
  say({2});
  pass_ms(EndpointSet::kLeaveMs - 1'000);
  expect_call_at(1);
  pass_ms(5'000);
  EXPECT_TRUE(network_.to(name(1)).empty());
}

TEST_F(BackendNamesTest, AFailedLookUpTakesNoAddressAway) {
  make_named({1});
  names_.fails("orders");
  pass_ms(2 * EndpointSet::kLeaveMs);
  network_.kill(name(1));
  pass_ms(100);
  network_.serve(name(1));
  expect_call_at(1);
}

TEST_F(BackendNamesTest, RotatingAnswersMakeNoConnection) {
  const std::vector<std::vector<size_t>> answers = {{1, 2, 3}, {3, 1, 2}, {1, 2}, {2, 3}, {3, 1}};
  make_named({1, 2, 3});
  const int made = network_.made;
  for (int i = 0; i < 100; ++i) {
    say(answers[i % answers.size()]);
    look_up();
  }
  EXPECT_EQ(network_.made, made);
}

TEST_F(BackendNamesTest, OneThatIsMissingServesOnAndGetsConnectionsAgainWhenItIsBack) {
  make_named({1, 2});
  say({2});
  look_up();
  network_.kill(name(2));
  expect_call_at(1);
  network_.kill(name(1));
  pass_ms(500);
  EXPECT_TRUE(network_.to(name(1)).empty());
  say({1, 2});
  look_up();
  EXPECT_EQ(network_.to(name(1)).size(), 1u);
}

// ::1 of a server that listens on IPv4 only.
TEST_F(BackendNamesTest, AnAddressThatNeverAnswersIsHiddenWhileAnotherServes) {
  make_named({1});
  say({1, 2});
  look_up();
  network_.kill(name(2));
  pass_ms(1);
  ASSERT_NE(metrics(2), nullptr);
  EXPECT_EQ(metrics(2)->hidden.value(), 1u);
  EXPECT_EQ(metrics(1)->hidden.value(), 0u);
}

TEST_F(BackendNamesTest, TheFirstAddressesAreHiddenTooOnceTheNameHasAnother) {
  make_named({});
  say({2, 3});
  look_up();
  network_.kill(name(2));
  network_.kill(name(3));
  say({1, 2, 3});
  look_up();
  network_.serve(name(1));
  for (const size_t dead : {2, 3}) {
    ASSERT_NE(metrics(dead), nullptr);
    EXPECT_EQ(metrics(dead)->hidden.value(), 1u) << dead;
  }
}

TEST_F(BackendNamesTest, ANameServerThatNeverAnswersHoldsNeitherReadinessNorTheOtherUrl) {
  names_.has("orders", {"10.0.0.1"});
  options_.urls = {ServerUrl::parse("tcp://dead:1").value(),
                   ServerUrl::parse("tcp://orders:1").value()};
  backend_ = std::make_unique<Backend>(context_, options_, metrics_);
  names_.step();
  network_.serve(name(1));
  expect_call_at(1);
  EXPECT_FALSE(backend_->settled());
  pass_ms(options_.connect_timeout_ms);
  EXPECT_TRUE(backend_->settled());
}

TEST_F(BackendNamesTest, AnErrorNamesTheName) {
  names_.has_no("orders");
  options_.urls = {ServerUrl::parse("tcp://orders:1").value()};
  backend_ = std::make_unique<Backend>(context_, options_, metrics_);
  EXPECT_THAT(answer(call()), HasSubstr("it has not been looked up yet (orders)"));
  names_.step();
  EXPECT_THAT(answer(call()), HasSubstr("no such name (orders)"));
}

}  // namespace
}  // namespace zerogate::testing
