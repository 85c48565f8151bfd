// A backend on a virtual clock, with fake connections and callers that remember their answers.
#pragma once

#include <gmock/gmock.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/bridge/backend.h"
#include "core/io/event_loop.h"
#include "core/log/log.h"
#include "core/rpc/call_table.h"
#include "core/testing/manual_clock.h"
#include "tests/unit/core/bridge/fake_connection.h"
#include "tests/unit/core/bridge/fake_name_server.h"
#include "tests/unit/core/rpc/call_fixture.h"

namespace zerogate::testing {

class BackendTest : public ::testing::Test {
 protected:
  static constexpr uint32_t kTimeoutMs = 1'000;

  BackendTest() {
    log::set_level(log::Level::off);
    options_.name = "b";
    options_.connections = 1;
    options_.in_flight = 1;
    options_.timeout_ms = kTimeoutMs;
    options_.connect_timeout_ms = 1'000;
  }
  ~BackendTest() override {
    backend_.reset();
    EXPECT_EQ(calls_.in_flight(), 0u) << "a call was lost";
    EXPECT_EQ(requests_.held, 0u);
  }

  /// Endpoints 10.0.0.1:1, 10.0.0.2:1 … of a backend.
  void make(size_t endpoints, std::string_view scheme = "tcp") {
    options_.urls.clear();
    for (size_t i = 1; i <= endpoints; ++i) {
      const std::string url = std::string(scheme) + "://" + name(i);
      options_.urls.push_back(ServerUrl::parse(url).value());
    }
    backend_ = std::make_unique<Backend>(context_, options_, metrics_);
  }
  /// The same, and all of them are up.
  void serve(size_t endpoints, std::string_view scheme = "tcp") {
    make(endpoints, scheme);
    for (size_t i = 1; i <= endpoints; ++i) {
      network_.serve(name(i));
    }
  }
  static std::string name(size_t endpoint) { return "10.0.0." + std::to_string(endpoint) + ":1"; }

  /// Returns the number by which answers() knows the call.
  size_t call(std::string_view function = "f", uint32_t timeout_ms = kTimeoutMs,
              uint32_t caller = 7) {
    return forward({.function = function, .argument = "\xc0"}, timeout_ms, caller);
  }
  size_t forward(const Request& request, uint32_t timeout_ms = kTimeoutMs, uint32_t caller = 7) {
    const std::string id = std::to_string(begun_++);
    Call call = calls_.begin({&sink_, {caller, 3}, Wire::t3, RequestId(id)}, labels_.other(), 1);
    backend_->forward(request, std::move(call), timeout_ms);
    return begun_ - 1;
  }
  /// Time passes until a connection to it is tried.
  void wait_for_attempt(size_t endpoint) {
    while (network_.to(name(endpoint)).empty()) {
      pass_ms(1);
    }
  }
  /// The turn ends, and time passes in steps of a millisecond.
  void pass_ms(uint64_t ms) {
    backend_->flush();
    for (uint64_t i = 0; i < ms; ++i) {
      clock_.advance_ms(1);
      timers_.run_due();
      names_.step();
      backend_->flush();
    }
  }
  /// The call's answer; empty when it has none.
  std::string answer(size_t call) const {
    std::string found;
    for (const RecordingSink::Answer& answer : sink_.answers) {
      if (answer.id == std::to_string(call)) {
        EXPECT_EQ(found, "") << "answered twice";
        found = answer.body;
      }
    }
    return found;
  }
  bool answered(size_t call) const { return !answer(call).empty(); }
  /// Calls as their callers see them.
  uint64_t ended(Outcome outcome) const {
    return worker_metrics_.ended(labels_.other(), Wire::t3, outcome);
  }
  /// Attempts at an endpoint.
  uint64_t ended_at(size_t endpoint, Outcome outcome) const {
    for (const auto& metrics : metrics_->endpoints()) {
      if (metrics->endpoint == name(endpoint)) {
        return metrics->requests[index_of(outcome)].value();
      }
    }
    ADD_FAILURE() << "no endpoint " << name(endpoint);
    return 0;
  }

  ManualClock clock_;
  TimerQueue timers_{clock_};
  EventLoop loop_;  // never run: owed log lines want one
  FakeNetwork network_{timers_};
  FakeNameServer names_;
  FunctionLabels labels_{{}};
  WorkerMetrics worker_metrics_{labels_};
  AccessLogSettings no_log_;
  CallTable calls_{10'000, worker_metrics_, no_log_};
  RecordingSink sink_;
  size_t begun_ = 0;
  RequestMemory requests_;
  BridgeContext context_{.loop = loop_.uv(),
                         .timers = &timers_,
                         .maker = &network_,
                         .lookups = &names_,
                         .connection = {},
                         .requests = &requests_,
                         .learn = [](ByteView) { return std::nullopt; },
                         .states = std::make_shared<StateLog>(),
                         .on_dirty = [](Backend&) {},
                         .seed = 1};
  BackendOptions options_;
  std::shared_ptr<BackendMetrics> metrics_ = std::make_shared<BackendMetrics>("b");
  std::unique_ptr<Backend> backend_;
};

}  // namespace zerogate::testing
