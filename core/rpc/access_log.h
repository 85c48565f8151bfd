// The access log: a line for each call, for a share of them, or for slow ones only.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/random.h"
#include "core/metrics/function_labels.h"
#include "core/metrics/outcome.h"
#include "core/rpc/return_path.h"

namespace zerogate {

/// Which calls get a line (log.access, log.slow). One for all workers, changed while they run. Any
/// thread.
class AccessLogSettings {
 public:
  /// `share` of the calls, 0 to 1, chosen at random; and those that took `slow_ms` or longer, 0:
  /// none for that.
  void set(double share, uint32_t slow_ms);

  /// Out of kAll.
  uint64_t share() const { return share_.load(std::memory_order_relaxed); }
  /// UINT64_MAX: never.
  uint64_t slow_ns() const { return slow_ns_.load(std::memory_order_relaxed); }
  static constexpr uint64_t kAll = uint64_t{1} << 32;

 private:
  std::atomic<uint64_t> share_ = 0;
  std::atomic<uint64_t> slow_ns_ = UINT64_MAX;
};

/// What is known of an answered call. 48 bytes.
struct AnsweredCall {
  uint64_t received_ns;
  const ReplySink* sink;
  CallerKey caller;
  FunctionLabel function;
  uint32_t request_bytes;  ///< of the argument
  uint32_t reply_bytes;    ///< of the result or error
  uint32_t name;           ///< of a function without label: see CallTable
  Wire wire;
  Outcome outcome;
};

/// Writes one worker's lines. Loop thread only, at the end of a turn, so that no reply waits for
/// it.
class AccessLog {
 public:
  /// Lines for slow calls, per second and worker: when everything is slow, more lines say nothing
  /// new. Calls left out are counted (log::count_dropped), and the next line says how many they
  /// were.
  static constexpr uint32_t kSlowPerSecond = 100;

  /// Both outlive it.
  AccessLog(const AccessLogSettings& settings, const FunctionLabels& labels);

  /// True when a call may get a line, as of the last refresh().
  bool on() const { return share_ != 0 || slow_ns_ != UINT64_MAX; }
  /// Takes the settings over; once per turn.
  void refresh() {
    share_ = settings_.share();
    slow_ns_ = settings_.slow_ns();
  }
  /// True when a call that took this long gets a line.
  bool wants(uint64_t duration_ns) {
    return duration_ns >= slow_ns_ || (share_ != 0 && (random_.next() >> 32) < share_);
  }
  /// `name` is the function's when its label does not tell.
  void write(const AnsweredCall& call, uint64_t duration_ns, std::string_view name);

 private:
  bool may_write_slow(uint64_t now_ns);

  const AccessLogSettings& settings_;
  const FunctionLabels& labels_;
  uint64_t share_ = 0;
  uint64_t slow_ns_ = UINT64_MAX;
  Random random_;
  uint64_t second_began_ns_ = 0;
  uint32_t slow_lines_ = 0;  ///< in this second
  uint64_t left_out_ = 0;    ///< slow calls without a line, since the last one that had one
};

}  // namespace zerogate
