#include "core/bridge/service_times.h"

#include <algorithm>
#include <cmath>

namespace zerogate {

namespace {

/// What the newest of so many samples weighs: all alike until there are kMemory.
constexpr auto kWeights = [] {
  std::array<float, ServiceTime::kMemory + 1> weights{};
  for (size_t samples = 1; samples < weights.size(); ++samples) {
    weights[samples] = 1.0F / static_cast<float>(samples);
  }
  return weights;
}();

/// Connections whose calls may have had the same processor, at the most.
int32_t share_of(uint32_t sharers) {
  return static_cast<int32_t>(std::max(sharers / ServiceTime::kBelievedSharers, 1U));
}

}  // namespace

// As TCP estimates its retransmission time (RFC 6298, section 2), with a memory that ends.
void ServiceTime::add(uint64_t ns, uint32_t sharers) {
  // Signed: the processor has an instruction for these conversions.
  const auto most = static_cast<float>(static_cast<int64_t>(ns));
  if (samples_ < kMemory) {
    ++samples_;
    learn(most);
  } else if (mean_ns_ > most) {
    learn(most);
  } else if (const float least = most / static_cast<float>(share_of(sharers)); mean_ns_ < least) {
    learn(least);
  }
}

inline void ServiceTime::learn(float ns) {
  const float weight = kWeights[samples_];
  const float away = ns - mean_ns_;
  mean_ns_ += weight * away;
  deviation_ += weight * ((1 - weight) * std::abs(away) - deviation_);  // from the new mean
  slowest_ns_ = std::max(ns, slowest_ns_ * (1 - 1.0F / kLongMemory));
  if (samples_ >= kLeastSamples) {
    const float rare = slowest_ns_ / kMemory - 2 * deviation_;
    expected_ = ExpectedTime(std::max(mean_ns_, rare), deviation_);
  }
}

void ServiceTime::forget_times() {
  mean_ns_ = deviation_ = slowest_ns_ = 0;
  samples_ = 0;
  expected_ = ExpectedTime::unknown();
}

}  // namespace zerogate
