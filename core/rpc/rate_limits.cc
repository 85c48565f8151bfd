#include "core/rpc/rate_limits.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/base/units.h"
#include "core/base/utf8.h"
#include "core/metrics/families.h"

namespace zerogate {
namespace {

/// What tells one limit from another, for what its callers have used. A burst is no part of it: a
/// reload may change it without giving every caller a new one.
std::string identity_of(const RateLimitOptions& limit) {
  return fmt::format("{}\n{}\n{}\n{}\n{}", fmt::join(limit.functions, ","),
                     static_cast<int>(limit.per), limit.rate.calls, limit.rate.period_ms,
                     static_cast<int>(limit.mode));
}

Allowance allowance_of(const RateLimitOptions& limit) {
  const uint64_t interval_ns = limit.rate.period_ms * kNsPerMs / limit.rate.calls;
  const uint64_t in_a_second = uint64_t{limit.rate.calls} * kSecondMs / limit.rate.period_ms;
  const uint64_t burst = limit.burst != 0 ? limit.burst : std::max<uint64_t>(in_a_second, 1);
  return {interval_ns, burst * interval_ns};
}

}  // namespace

std::string RateLimits::name_of(const RateLimitOptions& limit) {
  constexpr std::array<std::string_view, 3> kPer = {" per caller", " per function", ""};
  std::string functions = fmt::format("{}", fmt::join(limit.functions, ","));
  if (functions.size() > kMaxListBytes) {
    functions.resize(kMaxListBytes);
    while (!is_utf8(functions)) {
      functions.pop_back();
    }
    functions += "...";
  }
  const uint32_t ms = limit.rate.period_ms;
  return fmt::format("{}{} {}/{}", functions, kPer[static_cast<size_t>(limit.per)],
                     limit.rate.calls,
                     ms == kSecondMs   ? 's'
                     : ms == kMinuteMs ? 'm'
                                       : 'h');
}

/// Those in force have a series each, and no other: each reload may bring other rates.
void RateLimits::count_for(const std::vector<RateLimitOptions>& limits) {
  gone_.insert(gone_.end(), exceeded_.begin(), exceeded_.end());
  exceeded_.clear();
  for (const RateLimitOptions& limit : limits) {
    CountKey key(name_of(limit), limit.mode);
    if (exceeded_.contains(key)) {
      continue;
    }
    const auto before = std::ranges::find(gone_, key, [](const auto& one) { return one.first; });
    if (before != gone_.end()) {
      exceeded_.insert(*before);
      gone_.erase(before);
    } else {
      exceeded_.emplace(std::move(key), std::make_shared<RateLimitCount>());
    }
  }
  while (gone_.size() > kMaxGone) {
    gone_.pop_front();
  }
}

void RateLimits::set(const std::vector<RateLimitOptions>& limits) {
  const std::lock_guard lock(mutex_);
  count_for(limits);
  if (limits.empty()) {
    rules_.reset();
  } else {
    if (table_ == nullptr) {
      table_ = std::make_unique<GcraTable>();
    }
    auto rules = std::make_shared<RateRules>();
    std::map<std::string, size_t> seen;  // limits that differ in their bursts count apart, in order
    for (const RateLimitOptions& limit : limits) {
      const std::string name = name_of(limit);
      const std::string identity = identity_of(limit);
      rules->push_back(
          {.options = limit,
           .name = name,
           .hash = seeded_hash(seed_, fmt::format("{}\n{}", identity, seen[identity]++)),
           .allowance = allowance_of(limit),
           .exceeded = exceeded_.at({name, limit.mode})});
    }
    rules_ = std::move(rules);
  }
  version_.fetch_add(1, std::memory_order_release);
}

std::shared_ptr<const RateRules> RateLimits::rules() const {
  const std::lock_guard lock(mutex_);
  return rules_;
}

std::vector<prometheus::MetricFamily> RateLimits::Collect() const {
  using prometheus::MetricType;
  Family exceeded("zerogate_rate_limited_total",
                  "Calls over a rate limit (rate_limits), by limit. mode: enforce = they got an "
                  "error, outcome limited; observe = they were only counted.",
                  MetricType::Counter);
  Family untracked("zerogate_rate_limit_untracked_total",
                   "Calls that passed a rate limit uncounted, because 65536 callers and functions "
                   "were busy at once.",
                   MetricType::Counter);
  untracked.add(Labels{}, untracked_.load(std::memory_order_relaxed));
  const std::lock_guard lock(mutex_);
  for (const auto& [key, count] : exceeded_) {
    const auto& [name, mode] = key;
    exceeded.add({label("limit", name), label("mode", mode_name(mode))},
                 count->load(std::memory_order_relaxed));
  }
  std::vector<prometheus::MetricFamily> families;
  if (!exceeded_.empty()) {
    families.push_back(std::move(exceeded.family));
  }
  families.push_back(std::move(untracked.family));
  return families;
}

}  // namespace zerogate
