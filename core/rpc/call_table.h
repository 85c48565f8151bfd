// All calls under way in one worker.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/metrics/worker_metrics.h"
#include "core/rpc/access_log.h"
#include "core/rpc/call.h"
#include "core/rpc/return_path.h"

namespace zerogate {

/// A request that has just been read, for the metrics and the access log.
struct RequestInfo {
  // NOLINTNEXTLINE(google-explicit-constructor): the time alone will do
  RequestInfo(uint64_t ns, ByteView name = {}, size_t argument_bytes = 0)
      : received_ns(ns), function(name), request_bytes(static_cast<uint32_t>(argument_bytes)) {}
  uint64_t received_ns;
  ByteView function;
  uint32_t request_bytes;
};

/// Keeps the way back of each call, counts its outcome, and measures its duration: from the
/// beginning of the turn that found its bytes to the end of the turn that wrote its reply, with one
/// clock reading for all calls of a turn. It passes answered calls to the access log. Loop thread
/// only.
class CallTable final {
 public:
  /// `capacity` limits the calls under way (limits.in_flight). Memory grows with use only.
  CallTable(uint32_t capacity, WorkerMetrics& metrics, const AccessLogSettings& log);
  ~CallTable();

  bool full() const { return in_flight_ == capacity_; }
  uint32_t in_flight() const { return in_flight_; }

  /// Takes a call in. Not when full().
  Call begin(const ReturnPath& path, FunctionLabel function, const RequestInfo& arrival);

  /// Answers and counts a request that the Dispatcher refuses, which never becomes a call.
  void refuse(const ReturnPath& path, FunctionLabel function, const RequestInfo& arrival,
              Outcome outcome, wire::ErrorKey key, ByteView message);

  /// A call is under way, or was answered in this turn, that counts under this label. Looks at all.
  bool uses(FunctionLabel label) const;

  /// The replies since the last time have been written by now: measures and counts them.
  void on_turn_end(uint64_t now_ns);

 private:
  friend class Call;
  static constexpr uint32_t kNone = UINT32_MAX;

  struct Pending {
    ReturnPath path;
    uint64_t received_ns = 0;
    FunctionLabel function = 0;
    uint32_t generation = 0;
    uint32_t next_free = kNone;
    uint32_t request_bytes = 0;
  };
  /// Of a call whose function has no label, for the access log.
  struct Name {
    uint32_t generation = 0;
    std::string text;
  };

  void observe_durations(uint64_t now_ns);
  void write_log(uint64_t now_ns);
  void finish(SlotKey key, Outcome outcome, ByteView body, BodyKind kind);
  void fail(SlotKey key, Outcome outcome, ByteView message);
  void account(const ReturnPath& path, FunctionLabel function, const RequestInfo& arrival,
               Outcome outcome, ByteView body, BodyKind kind);
  bool keeps_name(FunctionLabel function) const {
    return function == FunctionLabels::other() && log_.on();
  }
  void keep_name(uint32_t slot, ByteView name);
  ByteView name_of_slot(uint32_t slot) const;

  const uint32_t capacity_;
  WorkerMetrics& metrics_;
  std::vector<Pending> pending_;
  uint32_t free_ = kNone;
  uint32_t in_flight_ = 0;
  AccessLog log_;
  std::vector<AnsweredCall> answered_;  ///< this turn's
  std::vector<std::string> names_;      ///< of answered_, for those without label
  std::vector<Name> pending_names_;     ///< by slot, as far as they were needed
  std::string error_body_;              ///< reused, so that errors do not allocate either
};

}  // namespace zerogate
