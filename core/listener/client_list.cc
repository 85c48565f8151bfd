#include "core/listener/client_list.h"

#include <utility>

namespace zerogate {

double ClientActivity::rate(uint64_t now_ms) {
  const uint64_t window_ms = now_ms - looked_ms_;
  if (window_ms >= kWindowMs) {
    looked_ms_ = now_ms;
    const uint64_t calls = calls_ - std::exchange(looked_calls_, calls_);
    rate_ = static_cast<double>(calls) * 1'000 / static_cast<double>(window_ms);
  }
  return rate_;
}

}  // namespace zerogate
