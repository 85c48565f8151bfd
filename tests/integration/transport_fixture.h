// What the tests of the listeners share: a loop with everything behind a listener on the test's own
// thread, and services that answer when the test says so.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <uv.h>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/io/event_loop.h"
#include "core/listener/tcp_listener.h"
#include "core/listener/zmq_listener.h"
#include "core/log/log.h"
#include "core/rpc/connect_service.h"
#include "core/rpc/dispatcher.h"

namespace zerogate::testing {

struct EchoService final : Service {
  void serve(const Request& request, Call call) override {
    std::move(call).reply(request.argument);
  }
};

/// Keeps its calls until the test answers them.
struct HoldService final : Service {
  void serve(const Request&, Call call) override { calls.push_back(std::move(call)); }
  Call take() {
    Call call = std::move(calls.front());
    calls.pop_front();
    return call;
  }
  std::deque<Call> calls;
};

/// Answers everything with the same bytes.
struct FillService final : Service {
  void serve(const Request&, Call call) override { std::move(call).reply(body); }
  std::string body = "\xc0";
};

/// One MessagePack value of this many bytes, at least 5: a byte string.
inline std::string value_of_size(size_t bytes) {
  const size_t size = bytes - 5;
  std::string value = "\xc6";
  for (const int shift : {24, 16, 8, 0}) {
    value += static_cast<char>(size >> shift);
  }
  return value.append(size, 'x');
}

/// Functions "echo", "hold", "fill" and "connect". At a test's end every call has been answered:
/// requests received = sum of outcomes.
class TransportTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kDeadlineMs = 90'000;  // generous: a busy machine
  static constexpr uint32_t kMaxInFlight = 5'000;

  TransportTest() {
    signal(SIGPIPE, SIG_IGN);
    log::set_level(log::Level::off);
    ticker_ = make_uv<uv_timer_t>(loop_.uv(), uv_timer_init, nullptr);
    // uv_run(ONCE) comes back at least this often, to look at the condition that is waited for.
    uv_timer_start(
        ticker_.get(), [](uv_timer_t*) {}, 2, 2);
    router_.add("echo", echo_);
    router_.add("hold", hold_);
    router_.add("fill", fill_);
    router_.add(ConnectService::kName, connect_);
  }
  ~TransportTest() override {
    hold_.calls.clear();
    tcp_.reset();
    zmq_.reset();
    ticker_.reset();
    EXPECT_EQ(begun(), ended()) << "a call was lost";
  }

  void listen_tcp(const StreamOptions& options = {}, std::string_view address = "127.0.0.1:0") {
    open(address);
    tcp_ = std::make_unique<TcpListener>(loop_, dispatcher_, metrics_.of(Protocol::tcp), options);
    const Status status = tcp_->listen(*socket_);
    ASSERT_TRUE(status) << status.error();
  }
  void listen_zmq(const ZmqOptions& options = {}, std::string_view address = "127.0.0.1:0") {
    open(address);
    listen_zmq_on(*socket_, options);
  }
  void listen_zmq_on(const ListenSocket& socket, const ZmqOptions& options) {
    zmq_ = std::make_unique<ZmqListener>(loop_, dispatcher_, metrics_.of(Protocol::zmq), options);
    const Status status = zmq_->listen(socket);
    ASSERT_TRUE(status) << status.error();
  }

  ::testing::AssertionResult run_until(const std::function<bool()>& condition) {
    const uint64_t end = uv_hrtime() + kDeadlineMs * 1'000'000;
    while (!condition()) {
      if (uv_hrtime() > end) {
        return ::testing::AssertionFailure() << "not within the deadline";
      }
      uv_run(loop_.uv(), UV_RUN_ONCE);
    }
    return ::testing::AssertionSuccess();
  }
  /// Lets the loop's clock go on.
  ::testing::AssertionResult run_for_ms(uint64_t ms) {
    const uint64_t end = loop_.now_ms() + ms;
    return run_until([&] { return loop_.now_ms() >= end; });
  }
  /// Lets everything happen that can happen by itself.
  void settle() {
    for (int turn = 0; turn < 50; ++turn) {
      uv_run(loop_.uv(), UV_RUN_NOWAIT);
    }
  }

  uint64_t begun() const { return metrics_.begun(Protocol::tcp) + metrics_.begun(Protocol::zmq); }
  uint64_t ended(Outcome outcome) const {
    uint64_t sum = 0;
    for (const char* name : {"echo", "hold", "fill", "_other"}) {
      const FunctionLabel label = labels_.find(name);
      for (size_t wire = 0; wire < kWireNames.size(); ++wire) {
        sum += metrics_.ended(label, static_cast<Wire>(wire), outcome);
      }
    }
    return sum;
  }
  uint64_t ended() const {
    uint64_t sum = 0;
    for (size_t i = 0; i < kOutcomeNames.size(); ++i) {
      sum += ended(static_cast<Outcome>(i));
    }
    return sum;
  }
  uint64_t rejected(Protocol protocol, Rejected reason) const {
    return metrics_.of(protocol).rejected[index_of(reason)].value();
  }
  uint64_t malformed(Protocol protocol, Malformed reason) const {
    return metrics_.of(protocol).malformed[index_of(reason)].value();
  }
  uint64_t connections(Protocol protocol) const {
    return metrics_.of(protocol).connections.value();
  }

  EventLoop loop_;
  UvPtr<uv_timer_t> ticker_;
  FunctionLabels labels_{{"echo", "hold", "fill"}};
  WorkerMetrics metrics_{labels_};
  Router router_{labels_};
  AccessLogSettings call_log_;
  CallTable calls_{kMaxInFlight, metrics_, call_log_};
  Dispatcher dispatcher_{router_, calls_};
  EchoService echo_;
  HoldService hold_;
  FillService fill_;
  ConnectService connect_;
  std::optional<ListenSocket> socket_;
  std::unique_ptr<TcpListener> tcp_;
  std::unique_ptr<ZmqListener> zmq_;

 private:
  void open(std::string_view address) {
    Result<ListenSocket> socket = ListenSocket::open(Address::parse(address).value(), false);
    ASSERT_TRUE(socket) << socket.error();
    socket_.emplace(std::move(socket).value());
  }
};

}  // namespace zerogate::testing
