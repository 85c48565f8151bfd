// A rate limit, as the configuration says it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace zerogate {

/// Calls in a time.
struct Rate {
  uint32_t calls = 0;
  uint32_t period_ms = 0;  ///< a second, a minute or an hour
  bool operator==(const Rate&) const = default;
};

struct RateLimitOptions {
  /// What is counted by itself: each caller, each function, or all calls together.
  enum class Per : uint8_t { caller, function, all };
  enum class Mode : uint8_t { observe, enforce };

  std::vector<std::string> functions;  ///< names, with globs
  Per per = Per::caller;
  Rate rate;
  uint32_t burst = 0;  ///< calls that may come at once; 0: what the rate grants in a second
  Mode mode = Mode::enforce;
  bool operator==(const RateLimitOptions&) const = default;
};

inline std::string_view mode_name(RateLimitOptions::Mode mode) {
  return mode == RateLimitOptions::Mode::observe ? "observe" : "enforce";
}

}  // namespace zerogate
