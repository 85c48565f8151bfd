// All calls under way in one worker.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "core/metrics/worker_metrics.h"
#include "core/rpc/call.h"
#include "core/rpc/return_path.h"

namespace zerogate {

/// Keeps each call's way back, counts its outcome, and measures its duration: from the beginning of
/// the turn that found its bytes to the end of the turn in which the reply was written, with one
/// clock read for all calls of a turn. Loop thread only.
class CallTable final {
 public:
  /// `capacity` limits the calls under way (limits.in_flight). Memory grows with use only.
  CallTable(uint32_t capacity, WorkerMetrics& metrics);
  ~CallTable();

  bool full() const { return in_flight_ == capacity_; }
  uint32_t in_flight() const { return in_flight_; }

  /// Takes a call in. Not when full().
  Call begin(const ReturnPath& path, FunctionLabel function, uint64_t received_ns);

  /// Answers and counts a request that never becomes a call: refused at the door.
  void refuse(const ReturnPath& path, FunctionLabel function, uint64_t received_ns, Outcome outcome,
              wire::ErrorKey key, ByteView message);

  /// What was answered since the last time has been written by now.
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
  };
  struct Finished {
    Histogram* duration;
    uint64_t received_ns;
  };

  void finish(uint32_t slot, uint32_t generation, Outcome outcome, ByteView body);
  void fail(uint32_t slot, uint32_t generation, Outcome outcome, ByteView message);
  void account(const ReturnPath& path, FunctionLabel function, uint64_t received_ns,
               Outcome outcome, ByteView body);

  const uint32_t capacity_;
  WorkerMetrics& metrics_;
  std::deque<Pending> pending_;  ///< a slot never moves
  uint32_t free_ = kNone;
  uint32_t in_flight_ = 0;
  std::vector<Finished> finished_;  ///< this turn's
  std::string error_body_;          ///< reused, so that errors do not allocate either
};

}  // namespace zerogate
