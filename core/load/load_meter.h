// Measures a load: which calls count, and how much CPU time the load generator itself used.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/base/bytes.h"
#include "core/load/call_slots.h"
#include "core/load/load_options.h"
#include "core/load/load_report.h"

namespace zerogate {

/// Fills the report of a LoadRun, which owns it. Only the window counts: from the end of the
/// warm-up to the end of the load. All times are those of uv_hrtime(). Loop thread only.
class LoadMeter {
 public:
  /// `options` must outlive the meter.
  explicit LoadMeter(const LoadOptions& options) : options_(options) {}

  LoadReport& report() { return report_; }
  const LoadReport& report() const { return report_; }

  void set_window(uint64_t from_ns, uint64_t end_ns);
  /// Ends the window now, unless it ends earlier.
  void cut_window(uint64_t now_ns);
  uint64_t from_ns() const { return from_ns_; }
  uint64_t end_ns() const { return end_ns_; }
  bool in_window(uint64_t at_ns) const { return at_ns >= from_ns_ && at_ns < end_ns_; }

  /// Called at the window's begin and end. The difference is the CPU time of the report.
  void begin_cpu();
  void end_cpu();
  /// Called last: sets the length of the window.
  void finish();

  /// Counts the answer to the call of `times`. `size` is that of the whole message; `error` is what
  /// the wire says. A result other than the expected one becomes an error here.
  void count_answer(const CallTimes& times, std::optional<CallError> error, ByteView result,
                    size_t size, uint64_t now_ns);
  /// Counts a call without an answer whose connection ended.
  void count_lost(const CallTimes& times, CallError kind, std::string_view reason, uint64_t now_ns);
  /// Counts, in an open loop, how late a call was handed to the system.
  void count_sent(const CallTimes& times, uint64_t now_ns);

 private:
  bool open_loop() const { return options_.rate > 0; }

  const LoadOptions& options_;
  LoadReport report_;
  uint64_t from_ns_ = 0;
  uint64_t end_ns_ = UINT64_MAX;
  uint64_t cpu_begin_ns_ = 0;
};

}  // namespace zerogate
