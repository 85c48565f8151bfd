// What a load has measured.
#pragma once

#include <array>
#include <cstdint>
#include <numeric>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/load/latency_histogram.h"

namespace zerogate {

/// Why a call counts as failed. The first three are answers of the server.
enum class CallError : uint8_t {
  not_found,     ///< it has no such function
  exception,     ///< the function failed, or the server refused
  validation,    ///< the argument has the wrong shape
  unexpected,    ///< another result than --expect says
  malformed,     ///< bytes that are no answer; they end the connection
  disconnected,  ///< the connection ended first
  timeout,       ///< no answer within the time-out; it ends the connection too
  unsent,        ///< open loop: every place was taken until the time-out had passed
};
inline constexpr std::array<std::string_view, 8> kCallErrorNames = {
    "not_found", "exception",    "validation", "unexpected",
    "malformed", "disconnected", "timeout",    "unsent"};

/// Counts what belongs to the measured time only: in an open loop the calls that were due in it,
/// whenever they were answered; in a closed loop the calls that were answered in it, and of those
/// without an answer the ones sent in it.
struct LoadReport {
  LatencyHistogram latencies;  ///< ns, of the right answers
  LatencyHistogram lateness;   ///< ns, open loop: from a call's time until it was sent
  std::array<uint64_t, kCallErrorNames.size()> errors{};
  std::array<std::string, kCallErrorNames.size()> samples;  ///< of each kind: the first one's text
  uint64_t received_bytes = 0;  ///< of the right answers, with Zero's own framing
  uint64_t request_bytes = 0;   ///< of one request
  uint64_t answered = 0;        ///< calls with any answer, in the warm-up and after the end too
  uint64_t disconnects = 0;     ///< warm-up included: connections that ended, and were opened again
  uint64_t unfinished = 0;      ///< calls due or in flight when the user ended the run
  uint64_t measured_ns = 0;     ///< how long it really was
  uint64_t cpu_ns = 0;          ///< what this process used meanwhile

  uint64_t requests() const { return latencies.count(); }
  uint64_t error_count() const {
    return std::accumulate(errors.begin(), errors.end(), uint64_t{0});
  }
  double per_second() const {
    return measured_ns == 0
               ? 0
               : static_cast<double>(requests()) * 1e9 / static_cast<double>(measured_ns);
  }
  /// How much of the time the load generator, which is one thread, worked, 0 to 1: near 1, it is
  /// the generator that was measured.
  double busy_share() const {
    return measured_ns == 0 ? 0 : static_cast<double>(cpu_ns) / static_cast<double>(measured_ns);
  }
  void count(CallError error, uint64_t calls, std::string_view text) {
    const auto index = static_cast<size_t>(error);
    if (errors[index] == 0 && calls > 0) {
      samples[index] = text;
    }
    errors[index] += calls;
  }
};

}  // namespace zerogate
