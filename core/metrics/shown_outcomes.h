// Which series of zerogate_requests_total a scrape shows. Pure functions, any thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "core/metrics/outcome.h"
#include "core/wire/protocol.h"

namespace zerogate {

/// The wires that clients of today speak, one of each protocol: their `ok` is there from the start,
/// so that every function is in the list of a dashboard, and its first calls are an increase.
constexpr bool is_of_today(Wire wire) { return wire == Wire::w5 || wire == Wire::t3; }

/// What alerts look at: there at 0 from a wire's first call on, so that the first failure counts.
constexpr bool is_failure(Outcome outcome) {
  return outcome == Outcome::error || outcome == Outcome::timeout ||
         outcome == Outcome::unavailable || outcome == Outcome::overloaded;
}

using Outcomes = std::array<uint64_t, kOutcomeNames.size()>;

/// 8 wires times 9 outcomes for each function would be nearly all of a scrape, and nearly all 0.
inline bool is_shown(const Outcomes& counts, Wire wire, Outcome outcome, bool is_other) {
  if (counts[index_of(outcome)] > 0) {
    return true;
  }
  const bool used = std::ranges::any_of(counts, [](uint64_t count) { return count > 0; });
  return ((used || is_of_today(wire)) && outcome == Outcome::ok) || (used && is_failure(outcome)) ||
         (is_other && is_of_today(wire) && outcome == Outcome::not_found);
}

}  // namespace zerogate
