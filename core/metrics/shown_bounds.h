// Which bounds of zerogate_request_duration_seconds a scrape shows. Pure functions, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/metrics/histogram.h"

namespace zerogate {

/// A bit for each of Histogram::kBoundsNs. +Inf is always shown.
using BoundSet = uint32_t;

inline constexpr BoundSet kAllBounds = (BoundSet{1} << Histogram::kBoundsNs.size()) - 1;

/// About five times apart, with the 250 ms of the alerts. A subset: the buckets that stay go on.
inline constexpr std::array<uint64_t, 7> kFewBoundsNs = {
    500'000, 2'000'000, 10'000'000, 50'000'000, 250'000'000, 1'000'000'000, 10'000'000'000};
inline constexpr BoundSet kFewBounds = [] {
  BoundSet set = 0;
  for (size_t i = 0; i < Histogram::kBoundsNs.size(); ++i) {
    for (const uint64_t few : kFewBoundsNs) {
      set |= BoundSet{few == Histogram::kBoundsNs[i]} << i;
    }
  }
  return set;
}();

/// Histograms with all bounds that a page may have: 20 lines each, 4000 in all. The most that there
/// can be, 201 functions over both protocols, is as many lines again with few bounds.
inline constexpr size_t kMostWithAllBounds = 200;

/// The same for all histograms of a page, for what is added up over them needs common bounds.
constexpr BoundSet shown_bounds(size_t histograms) {
  return histograms > kMostWithAllBounds ? kFewBounds : kAllBounds;
}

}  // namespace zerogate
