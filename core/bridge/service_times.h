// How long a backend's servers work on a call, by function.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/bridge/expected_time.h"
#include "core/metrics/function_labels.h"

namespace zerogate {

/// What is expected of one function: its moving mean and mean deviation. A function whose calls are
/// quick as a rule and slow now and then has a large deviation, so it is expected to be slow. Not
/// the standard deviation: a few calls while the machine had others to run would decide it. Pure;
/// one thread.
class ServiceTime {
 public:
  /// With fewer samples nothing is expected, and the function's calls go alone.
  static constexpr uint32_t kLeastSamples = 20;
  /// Samples that mean and deviation remember. The first ones are all believed to be its own work:
  /// they are too few, and the quickest calls of a burst come back first.
  static constexpr uint32_t kMemory = 64;
  /// And for how many the slowest one counts as one in kMemory: a slow call in 500 is not forgotten
  /// before the next.
  static constexpr uint32_t kLongMemory = 512;
  /// One in so many of the other connections with calls is taken to have had the same processor. If
  /// it were more, a server with one for each would be believed to be quicker than it is.
  static constexpr uint32_t kBelievedSharers = 6;

  /// A call was answered `ns` after its server could begin with it. At the most it has worked for
  /// this call all the time, at the least an equal share of it, for calls of `sharers` connections
  /// were under way, and whether these have a processor each cannot be told. Within these bounds a
  /// sample says nothing new.
  void add(uint64_t ns, uint32_t sharers = 1);
  void note_reply(size_t bytes) {
    if (bytes > largest_reply_) [[unlikely]] {
      largest_reply_ = static_cast<uint32_t>(bytes);
    }
  }
  /// Its calls go alone until there are new samples.
  void forget_times();

  /// Of its next call.
  const ExpectedTime& expected() const { return expected_; }
  /// Bytes of the largest reply that was ever seen.
  uint32_t largest_reply() const { return largest_reply_; }

 private:
  void learn(float ns);

  float mean_ns_ = 0;
  float deviation_ = 0;   ///< mean of the absolute ones
  float slowest_ns_ = 0;  ///< fades
  uint32_t samples_ = 0;  ///< counts to kMemory
  uint32_t largest_reply_ = 0;
  ExpectedTime expected_ = ExpectedTime::unknown();
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
