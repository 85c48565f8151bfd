// What the tests of calls share: a sink that remembers, and the counters to look at.
#pragma once

#include <gtest/gtest.h>
#include <uv.h>

#include <string>
#include <utility>
#include <vector>

#include "core/rpc/call_table.h"
#include "core/wire/zerror.h"

namespace zerogate {

/// A transport that remembers every answer, and says of each what it is told to say.
struct RecordingSink final : ReplySink {
  struct Answer {
    CallerKey caller;
    std::string id;
    std::string body;
    BodyKind kind = BodyKind::any;
  };
  Delivery deliver(const ReturnPath& path, ByteView body, BodyKind kind) override {
    answers.push_back({path.caller, std::string(path.id.view()), std::string(body), kind});
    return delivery;
  }
  bool gone(CallerKey) const override { return callers_gone; }
  std::string peer(CallerKey) const override { return "10.0.0.7:4031"; }

  std::vector<Answer> answers;
  Delivery delivery = Delivery::queued;
  bool callers_gone = false;
};

class CallTest : public ::testing::Test {
 protected:
  static constexpr uint32_t kCapacity = 4;

  ~CallTest() override {
    EXPECT_EQ(calls_.in_flight(), 0u);
    expect_sum();
  }

  ReturnPath path_of(ByteView id, Wire wire = Wire::t3) {
    return {&sink_, {7, 3}, wire, RequestId(id)};
  }
  Call begin(ByteView id = "0001", Wire wire = Wire::t3) {
    return calls_.begin(path_of(id, wire), first_, uv_hrtime());
  }

  uint64_t ended(FunctionLabel function, Wire wire, Outcome outcome) const {
    return metrics_.ended(function, wire, outcome);
  }
  uint64_t ended(Outcome outcome) const { return ended(first_, Wire::t3, outcome); }
  uint64_t all_ended() const {
    uint64_t sum = 0;
    for (const FunctionLabel label : {first_, second_, labels_.other()}) {
      for (size_t wire = 0; wire < kWireNames.size(); ++wire) {
        for (size_t i = 0; i < kOutcomeNames.size(); ++i) {
          sum += ended(label, static_cast<Wire>(wire), static_cast<Outcome>(i));
        }
      }
    }
    return sum;
  }
  /// Requests received = sum of outcomes + in flight.
  void expect_sum() const {
    EXPECT_EQ(metrics_.begun(Protocol::tcp) + metrics_.begun(Protocol::zmq),
              all_ended() + calls_.in_flight());
  }
  uint64_t observed(FunctionLabel function, Protocol protocol) const {
    uint64_t sum = 0;
    for (size_t i = 0; i < Histogram::kBuckets; ++i) {
      sum += metrics_.duration(function, protocol).bucket(i);
    }
    return sum;
  }
  static std::string error_body(wire::ErrorKey key, ByteView message) {
    std::string body;
    wire::write_error(body, key, message);
    return body;
  }

  FunctionLabels labels_{{"first", "second"}};
  const FunctionLabel first_ = labels_.find("first");
  const FunctionLabel second_ = labels_.find("second");
  WorkerMetrics metrics_{labels_};
  RecordingSink sink_;
  AccessLogSettings call_log_;
  CallTable calls_{kCapacity, metrics_, call_log_};
};

}  // namespace zerogate
