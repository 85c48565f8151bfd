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

// As TCP estimates its retransmission time (RFC 6298, section 2), with a memory that ends.
void ServiceTime::add(uint64_t ns, uint32_t sharers) {
  // Signed: the processor has an instruction for these conversions.
  const auto most = static_cast<float>(static_cast<int64_t>(ns));
  const uint32_t share = std::max(sharers / kBelievedSharers, 1U);
  const float least = most / static_cast<float>(static_cast<int32_t>(share));
  const bool is_news = mean_ns_ > most || mean_ns_ < least;
  if (samples_ < kMemory) {
    ++samples_;
  } else if (!is_news) {
    return;
  }
  if (samples_ == 1) {
    mean_ns_ = most;
  } else if (is_news) {
    learn(mean_ns_ > most ? most : least);
  }
  if (samples_ >= kLeastSamples) {
    const auto expected =
        static_cast<int64_t>(std::max(mean_ns_ + 2 * deviation_, slowest_ns_ / kMemory));
    expected_ns_ = std::min(static_cast<uint64_t>(expected), kUnknownNs);
  }
}

inline void ServiceTime::learn(float ns) {
  const float weight = kWeights[samples_];
  const float away = ns - mean_ns_;
  mean_ns_ += weight * away;
  deviation_ += weight * ((1 - weight) * std::abs(away) - deviation_);  // from the new mean
  slowest_ns_ = std::max(ns, slowest_ns_ * (1 - 1.0F / kLongMemory));
}

void ServiceTime::forget_times() {
  mean_ns_ = deviation_ = slowest_ns_ = 0;
  samples_ = 0;
  expected_ns_ = kUnknownNs;
}

}  // namespace zerogate
