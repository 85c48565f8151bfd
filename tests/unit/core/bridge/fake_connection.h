// Connections to endpoints that do what a test says: no socket, no loop, no waiting.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "core/base/endpoint_name.h"
#include "core/bridge/connection_maker.h"
#include "core/rpc/connect_service.h"

namespace zerogate::testing {

class FakeNetwork;

/// Connects, answers and breaks when it is told to. Owned by the endpoint, known to the network.
class FakeConnection final : public BackendConnection {
 public:
  struct Sent {
    uint32_t id;
    std::string function;
    std::string argument;
    int hops;
  };

  FakeConnection(FakeNetwork& network, TimerQueue& timers, Owner& owner,
                 const BackendConnectionOptions& options, std::string to);
  ~FakeConnection() override;

  void send(ForwardedCall& call) override {
    sent.push_back({take_slot(call), std::string(call.function()), std::string(call.argument()),
                    int{call.hops}});
  }
  bool was_written(const ForwardedCall&) const override { return written; }
  bool peer_reads() const override { return reads; }
  void flush() override { ++flushes; }
  void fail(std::string_view reason) override { went_down(reason); }

  void answer_connect(ByteView body =
                          "\xa9"
                          "connected") {
    on_probe_answer(body);
  }
  void answer_connect_as_gateway() { on_probe_answer(ConnectService::kGatewayAnswer); }
  /// The same over TLS, in which no proxy is between.
  void answer_connect_as_gateway_over_tls() {
    note_gateway();
    answer_connect_as_gateway();
  }
  /// The server closes the connection after its last reply.
  void close_in_order() {
    note_end_in_order();
    fail("the connection was closed");
  }
  void answer_nobody() { note_stray_reply(); }
  /// Answers the oldest request that has not been answered, or its given-up slot.
  void answer(ByteView body = "\x01", size_t index = 0) {
    ASSERT_LT(index, sent.size());
    const uint32_t id = sent[index].id;
    sent.erase(sent.begin() + static_cast<std::ptrdiff_t>(index));
    if (const Slot* slot = find(id)) {
      complete(id, *slot, body);
    }
  }

  const std::string to;
  std::vector<Sent> sent;  ///< and not answered
  bool written = true;
  bool reads = true;
  int flushes = 0;

 private:
  FakeNetwork& network_;
};

class FakeNetwork final : public ConnectionMaker {
 public:
  explicit FakeNetwork(TimerQueue& timers) : timers_(timers) {}

  std::unique_ptr<BackendConnection> make(Protocol, const Address& address,
                                          const BackendConnectionOptions& options,
                                          BackendConnection::Owner& owner) override {
    ++made;
    asked = options;
    const std::string to =
        options.tls != nullptr ? tls_endpoint_name(options.tls_name, address) : address.display();
    return std::make_unique<FakeConnection>(*this, timers_, owner, options, to);
  }

  /// Those that exist, also the ones that are down, in the order in which they were made.
  std::vector<FakeConnection*> to(const std::string& endpoint) const {
    std::vector<FakeConnection*> found;
    std::ranges::copy_if(all_, std::back_inserter(found),
                         [&](auto* connection) { return connection->to == endpoint; });
    return found;
  }
  /// Answers `connect` on every connection to this endpoint, those that are made by it included.
  void serve(const std::string& endpoint) {
    for (size_t before = 0, now = 1; before != now; now = to(endpoint).size()) {
      before = to(endpoint).size();
      for (FakeConnection* connection : to(endpoint)) {
        connection->answer_connect();
      }
    }
  }
  /// Breaks every connection to this endpoint.
  void kill(const std::string& endpoint, std::string_view reason = "connection refused") {
    for (FakeConnection* connection : to(endpoint)) {
      connection->fail(reason);
    }
  }
  size_t requests(const std::string& endpoint) const {
    size_t sum = 0;
    for (const FakeConnection* connection : to(endpoint)) {
      sum += connection->sent.size();
    }
    return sum;
  }

  int made = 0;
  BackendConnectionOptions asked;  ///< of the newest

 private:
  friend class FakeConnection;
  TimerQueue& timers_;
  std::vector<FakeConnection*> all_;
};

inline FakeConnection::FakeConnection(FakeNetwork& network, TimerQueue& timers, Owner& owner,
                                      const BackendConnectionOptions& options, std::string address)
    : BackendConnection(timers, owner, options), to(std::move(address)), network_(network) {
  network_.all_.push_back(this);
}
inline FakeConnection::~FakeConnection() { std::erase(network_.all_, this); }

}  // namespace zerogate::testing
