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

}  // namespace

// Welford's way to have mean and variance, with a memory that ends.
void ServiceTime::add(uint64_t ns) {
  samples_ = std::min(samples_ + 1, kMemory);
  const float weight = kWeights[samples_];
  // Signed: the processor has an instruction for these conversions.
  const float away = static_cast<float>(static_cast<int64_t>(ns)) - mean_ns_;
  mean_ns_ += weight * away;
  variance_ = (1 - weight) * (variance_ + weight * away * away);
  if (samples_ >= kLeastSamples) {
    const auto expected = static_cast<int64_t>(mean_ns_ + 2 * std::sqrt(variance_));
    expected_ns_ = std::min(static_cast<uint64_t>(expected), kUnknownNs);
  }
}

void ServiceTime::forget_times() {
  mean_ns_ = variance_ = 0;
  samples_ = 0;
  expected_ns_ = kUnknownNs;
}

}  // namespace zerogate
