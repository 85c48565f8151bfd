// A worker's backends together, over real sockets: how long each lives, and what they share.
#include "core/bridge/bridge.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>

#include "core/log/log.h"
#include "tests/unit/core/base/loopback.h"
#include "tests/unit/core/client/test_peer.h"
#include "tests/unit/core/rpc/call_fixture.h"
#include "tests/unit/core/security/authority.h"

namespace zerogate::testing {
namespace {

using ::testing::HasSubstr;

class BridgeTest : public ::testing::Test {
 protected:
  BridgeTest() {
    log::set_level(log::Level::off);
    options_.memory = &memory_;
    backend_.name = "b";
    backend_.urls = {ServerUrl::parse(fmt::format("tcp://127.0.0.1:{}", port_.number())).value()};
    backend_.connections = 1;
    backend_.in_flight = 1;
    patience_.start(20'000);
  }
  ~BridgeTest() override {
    if (bridge_) {
      bridge_->fail_all();
    }
    EXPECT_EQ(calls_.in_flight(), 0u) << "a call was lost";
  }

  Bridge& bridge() {
    if (!bridge_) {
      bridge_.emplace(loop_, metrics_, std::move(options_));
    }
    return *bridge_;
  }
  void run_until(const std::function<bool()>& condition) {
    while (!condition()) {
      ASSERT_TRUE(patience_.active()) << "it takes for ever";
      uv_run(loop_.uv(), UV_RUN_ONCE);
    }
  }
  void call(Backend& backend, std::string_view argument = "\xc0") {
    Call call = calls_.begin({&sink_, {7, 3}, Wire::t3, RequestId("0001")}, labels_.other(), 1);
    backend.forward({.function = "f", .argument = argument}, std::move(call), 60'000);
  }
  /// A server that answers `connect`, and the first call with `first`, and with `rest` once it may.
  void serve(std::string first, std::string rest) {
    server_ = std::make_unique<TcpPeer>([=, go = go_.get_future().share()](int fd) {
      std::string buffer;
      const wire::t3::Frame connect = read_frame(fd, buffer);
      std::string reply;
      wire::t3::write_frame(reply, connect.id, false,
                            "\xa9"
                            "connected");
      write_all(fd, reply);
      buffer.erase(0, connect.size);
      const wire::t3::Frame request = read_frame(fd, buffer);
      reply.clear();
      wire::t3::write_frame(reply, request.id, false, first + rest);
      write_all(fd, std::string_view(reply).substr(0, reply.size() - rest.size()));
      go.wait();
      write_all(fd, rest);
      buffer.clear();
      read_frame(fd, buffer);  // until the gateway closes
    });
    backend_.urls = {ServerUrl::parse(server_->url()).value()};
  }
  size_t held(MemoryUse use) const { return memory_.held(use); }
  size_t live_backends() const {
    size_t live = 0;
    for (const BackendTotals& totals : metrics_.backends.totals()) {
      live += totals.live;
    }
    return live;
  }
  /// By hand.
  bool disabled() const { return metrics_.backends.totals().at(0).endpoints.at(0).disabled != 0; }

  const LoopbackPort port_;  ///< where nobody listens
  std::unique_ptr<TcpPeer> server_;
  std::promise<void> go_;
  EventLoop loop_;
  Timer patience_{loop_.timers(), [] {}};
  FunctionLabels labels_{{}};
  WorkerMetrics metrics_{labels_};
  AccessLogSettings no_log_;
  CallTable calls_{100, metrics_, no_log_};
  RecordingSink sink_;
  MemoryAccount memory_;
  BridgeOptions options_;
  BackendOptions backend_;
  std::optional<Bridge> bridge_;
};

TEST_F(BridgeTest, ABackendLivesAsLongAsARouteHasIt) {
  auto backend = bridge().get(backend_);
  bridge().end_of_turn();
  EXPECT_EQ(live_backends(), 1u);
  EXPECT_EQ(bridge().get(backend_), backend) << "it is there";
  const std::weak_ptr<Backend> seen = backend;
  backend.reset();
  bridge().end_of_turn();
  EXPECT_TRUE(seen.expired());
  EXPECT_EQ(live_backends(), 0u);
}

TEST_F(BridgeTest, OrAsACallIsUnderWayInIt) {
  serve("", "\x05");
  auto backend = bridge().get(backend_);
  run_until([&] { return backend->settled(); });
  call(*backend);
  backend.reset();
  bridge().end_of_turn();
  EXPECT_EQ(live_backends(), 1u);
  go_.set_value();
  run_until([&] { return !sink_.answers.empty(); });
  EXPECT_EQ(sink_.answers.at(0).body, "\x05");
  bridge().end_of_turn();
  EXPECT_EQ(live_backends(), 0u);
}

TEST_F(BridgeTest, AReloadKeepsWhatItDoesNotChange) {
  const auto backend = bridge().get(backend_);
  backend_.timeout_ms = 77;
  EXPECT_EQ(bridge().get(backend_), backend);
  EXPECT_EQ(backend->options().timeout_ms, 77u) << "taken over at once";
  backend_.connections = 2;
  const auto other = bridge().get(backend_);
  EXPECT_NE(other, backend);
  EXPECT_EQ(live_backends(), 2u) << "the old one serves until its routes are gone";
}

TEST_F(BridgeTest, WhatBackendsMakeTheWorkerHoldIsInItsAccount) {
  serve("\xc5\x75\x30" + std::string(20'000, 'x'), std::string(10'000, 'x'));
  const auto backend = bridge().get(backend_);
  run_until([&] { return backend->settled(); });
  call(*backend,
       "\xc4\x03"
       "abc");
  bridge().end_of_turn();
  EXPECT_EQ(held(MemoryUse::forwarded), 2u * 6) << "the function and its argument, twice";
  EXPECT_EQ(held(MemoryUse::backend_replies), 0u);
  run_until([&] { return held(MemoryUse::backend_replies) >= 20'000; });
  go_.set_value();
  run_until([&] { return !sink_.answers.empty(); });
  EXPECT_EQ(sink_.answers.at(0).body.size(), 30'003u);
  bridge().end_of_turn();
  EXPECT_EQ(held(MemoryUse::forwarded), 0u);
  EXPECT_EQ(held(MemoryUse::backend_replies), 0u);
}

// What takes a known time is put behind others: a new function with the label is not known yet.
TEST_F(BridgeTest, WhatIsKnownOfALabelIsForgottenInAllBackends) {
  server_ = std::make_unique<TcpPeer>([](int fd) {
    for (std::string buffer;;) {
      const wire::t3::Frame request = read_frame(fd, buffer);
      if (request.payload.empty()) {
        return;
      }
      const bool connects = wire::t3::parse_envelope(request.payload).function == "connect";
      std::string reply;
      wire::t3::write_frame(reply, request.id, false,
                            connects ? "\xa9"
                                       "connected"
                                     : "\x01");
      write_all(fd, reply);
      buffer.erase(0, request.size);
    }
  });
  const auto other = bridge().get(backend_);
  backend_.urls = {ServerUrl::parse(server_->url()).value()};
  backend_.in_flight = 0;
  backend_.pipeline_wait_ms = 20'000;
  const auto backend = bridge().get(backend_);
  run_until([&] { return backend->settled(); });
  const FunctionLabel label = labels_.learn("f").value();
  const auto call_at_once = [&](size_t calls) {
    const size_t wanted = sink_.answers.size() + calls;
    for (; calls > 0; --calls) {
      Call call = calls_.begin({&sink_, {7, 3}, Wire::t3, RequestId("0001")}, label, 1);
      backend->forward({.function = "f", .argument = "\xc0", .label = label}, std::move(call),
                       60'000);
    }
    bridge().end_of_turn();
    run_until([&] { return sink_.answers.size() >= wanted; });
    return metrics_.backends.totals().back().pipelined;
  };
  for (uint32_t i = 0; i < ServiceTime::kLeastSamples; ++i) {
    EXPECT_EQ(call_at_once(1), 0u);
  }
  EXPECT_EQ(call_at_once(2), 1u);
  bridge().forget(label);
  EXPECT_EQ(call_at_once(2), 1u) << "one waits for the other";
}

TEST_F(BridgeTest, OperatorsOrdersReachItsBackends) {
  const auto by_hand = options_.by_hand;
  const std::string endpoint = fmt::format("127.0.0.1:{}", port_.number());
  ASSERT_TRUE(by_hand->set("b", endpoint, {HandState::disabled, "", 1}));
  const auto backend = bridge().get(backend_);
  EXPECT_TRUE(disabled()) << "one that was given before";
  ASSERT_TRUE(by_hand->set("b", endpoint, {}));
  EXPECT_TRUE(disabled());
  bridge().look_at_orders();
  EXPECT_FALSE(disabled());
}

TEST_F(BridgeTest, ABackendByTlsIsSpokenToInTls) {
  constexpr char kHandshake = 0x16;  // RFC 8446, 5.1: the type of the first record
  TlsLoop tls(loop_.uv());
  options_.tls_loop = &tls;
  std::promise<char> first;
  server_ = std::make_unique<TcpPeer>([&first](int fd) {
    char byte = 0;
    EXPECT_EQ(read(fd, &byte, 1), 1);
    first.set_value(byte);
  });
  backend_.urls = {ServerUrl::parse("tls" + server_->url().substr(3)).value()};
  backend_.tls_material = std::make_shared<TlsMaterial>(Authority().material({}));
  auto backend = bridge().get(backend_);
  run_until([&] { return backend->settled(); });
  EXPECT_EQ(first.get_future().get(), kHandshake);
  backend.reset();
  bridge_.reset();  // before `tls`
}

// Connected to at once, and not when its time has come: no turn of the loop is between.
TEST_F(BridgeTest, TheBackendOfThatNameIsCleared) {
  const LoopbackPort others;
  const auto one = bridge().get(backend_);
  backend_.name = "c";
  backend_.urls = {ServerUrl::parse(fmt::format("tcp://127.0.0.1:{}", others.number())).value()};
  const auto other = bridge().get(backend_);
  run_until([&] { return one->settled() && other->settled(); });
  ASSERT_EQ(listen(port_.fd(), 1), 0);
  ASSERT_EQ(listen(others.fd(), 1), 0);
  bridge().clear("c", fmt::format("127.0.0.1:{}", others.number()));
  EXPECT_TRUE(has_newcomer(others.fd()));
  EXPECT_FALSE(has_newcomer(port_.fd()));
}

TEST_F(BridgeTest, AtTheEndCallsAreToldThatTheGatewayShutsDown) {
  const auto one = bridge().get(backend_);
  backend_.name = "c";
  serve("", "\x05");
  const auto two = bridge().get(backend_);
  run_until([&] { return two->settled(); });
  call(*two);
  bridge().fail_all();
  ASSERT_EQ(sink_.answers.size(), 1u);
  EXPECT_THAT(sink_.answers[0].body,
              HasSubstr("backend 'c' unavailable: the gateway is shutting down"));
  bridge().end_of_turn();
  EXPECT_EQ(held(MemoryUse::forwarded), 4u) << "the server has it still";
}

}  // namespace
}  // namespace zerogate::testing
