// How long a backend's servers work on a call, by function.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/metrics/function_labels.h"

namespace zerogate {

/// What is expected of one function: its moving mean and two standard deviations. A function whose
/// calls are quick as a rule and slow now and then has a large deviation, so it is expected to be
/// slow. Pure; one thread.
class ServiceTime {
 public:
  /// With fewer samples nothing is expected, and the function's calls go alone.
  static constexpr uint32_t kLeastSamples = 20;
  /// Samples that mean and deviation remember: one slow call in a thousand is not forgotten before
  /// the next.
  static constexpr uint32_t kMemory = 64;
  /// Of a function that nothing is expected of. Sums of it do not overflow.
  static constexpr uint64_t kUnknownNs = uint64_t{1} << 50;

  void add(uint64_t ns);
  void note_reply(size_t bytes) {
    if (bytes > largest_reply_) [[unlikely]] {
      largest_reply_ = static_cast<uint32_t>(bytes);
    }
  }
  /// Its calls go alone until there are new samples.
  void forget_times();

  uint64_t expected_ns() const { return expected_ns_; }
  /// Bytes of the largest reply that was ever seen.
  uint32_t largest_reply() const { return largest_reply_; }

 private:
  float mean_ns_ = 0;
  float variance_ = 0;
  uint32_t samples_ = 0;  ///< counts to kMemory
  uint32_t largest_reply_ = 0;
  uint64_t expected_ns_ = kUnknownNs;
};

/// A backend's functions that have a label of their own, so that there are 200 at most. Owned by
/// the Backend. Loop thread only.
class ServiceTimes {
 public:
  /// Null without label.
  ServiceTime* find(FunctionLabel label) {
    return label < times_.size() ? &times_[label] : nullptr;
  }
  /// Another function may have the label from now on.
  void forget(FunctionLabel label) { times_[label] = {}; }

 private:
  std::array<ServiceTime, FunctionLabels::kMaxNames> times_;
};

}  // namespace zerogate
