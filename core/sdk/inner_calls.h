// Calls that native functions make to backends.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/slot_map.h"
#include "core/io/event_loop.h"
#include "core/metrics/worker_metrics.h"
#include "core/rpc/backends.h"
#include "core/rpc/call_table.h"
#include "core/rpc/return_path.h"
#include "core/sdk/operation.h"

namespace zerogate::sdk {

class InnerCalls;

/// One call to a backend that a coroutine awaits.
class CallOperation : public Operation {
 public:
  using Operation::Operation;
  void abandon() final;

 protected:
  /// The result's bytes. Throws CallFailure when it is an error.
  ByteView body() const;

 private:
  friend class InnerCalls;
  void fail(Outcome outcome, std::string text);

  InnerCalls* calls_ = nullptr;  ///< null once it was answered
  SlotKey key_;
  std::string name_;  ///< "backend.function", for error texts
  std::string body_;
  std::string failure_;
  Outcome outcome_ = Outcome::error;  ///< of failure_
};

/// The way back of these calls: a ReplySink without a connection. It has a call table of its own,
/// because the gateway's counters are those of clients; the backend's own metrics count these calls
/// as well. Owned by a FunctionRuntime. Loop thread only.
class InnerCalls final : public ReplySink {
 public:
  /// Calls under way to backends of one worker's functions: twice the clients' own by default.
  static constexpr uint32_t kMaxUnderWay = 40'000;

  InnerCalls(EventLoop& loop, const FunctionLabels& labels);
  ~InnerCalls();
  InnerCalls(const InnerCalls&) = delete;
  InnerCalls& operator=(const InnerCalls&) = delete;

  /// Sends a call; `operation` completes at the end of a turn. `argument` is one MessagePack value,
  /// and `hops` the gateways that the call for which this is done has come through.
  void begin(Backends* backends, ByteView backend, ByteView function, ByteView argument,
             CallOperation& operation, uint8_t hops = 0);
  /// Goes on with the coroutines whose answers have come.
  void end_of_turn();

  Delivery deliver(const ReturnPath& path, ByteView body, BodyKind) override;
  bool gone(CallerKey key) const override { return waiting_.find(key) == nullptr; }
  std::string peer(CallerKey) const override { return "function"; }

 private:
  friend class CallOperation;

  EventLoop& loop_;
  const FunctionLabels& labels_;
  WorkerMetrics metrics_;  ///< not shown
  AccessLogSettings no_log_;
  CallTable calls_;
  SlotMap<CallOperation*> waiting_;
  std::vector<OperationPtr<CallOperation>> answered_;
};

}  // namespace zerogate::sdk
