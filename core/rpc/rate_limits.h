// The rate limits that are in force, and what they have counted.
#pragma once

#include <prometheus/collectable.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/rpc/gcra_table.h"
#include "core/rpc/rate_limit_options.h"

namespace zerogate {

/// What a rate limit has counted. Any thread.
using RateLimitCount = std::atomic<uint64_t>;

/// One limit, ready for use.
struct RateRule {
  RateLimitOptions options;
  std::string name;  ///< "save_* per caller 100/s": of the error, the log and the metrics
  uint64_t hash = 0;
  Allowance allowance;
  std::shared_ptr<RateLimitCount> exceeded;  ///< calls of workers that have the rule still count
};

/// The limits of one configuration. They never change; any thread.
using RateRules = std::vector<RateRule>;

/// One for all workers, which it outlives: callers are counted over all of them. Any thread. Only
/// calls over a limit touch counters that threads share; each limited call touches the entry of its
/// caller.
class RateLimits final : public prometheus::Collectable {
 public:
  /// A RateLimiter has a bit for each.
  static constexpr size_t kMaxLimits = 64;
  /// Of the functions in a limit's name: it is a label's value.
  static constexpr size_t kMaxListBytes = 80;

  /// How many limits that are no longer in force keep their counters, for when they come back.
  /// Beyond it the first to go is forgotten: Prometheus would see a reset of its counter.
  static constexpr size_t kMaxGone = 64;

  /// No peer may learn `seed`: see seeded_hash().
  explicit RateLimits(uint64_t seed) : seed_(seed) {}

  /// Puts other limits into force. What their callers have used of one that stays is kept, and of
  /// one that gets another burst.
  void set(const std::vector<RateLimitOptions>& limits);
  /// Changes with each set(); 0 before the first.
  uint64_t version() const { return version_.load(std::memory_order_acquire); }
  /// Null when there are none.
  std::shared_ptr<const RateRules> rules() const;

  /// Of calls for which a rule holds.
  GcraTable& table() { return *table_; }
  /// A call passed unlimited because the table had no room.
  void count_untracked() { untracked_.fetch_add(1, std::memory_order_relaxed); }

  /// "save_* per caller 100/s"
  static std::string name_of(const RateLimitOptions& limit);

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  void count_for(const std::vector<RateLimitOptions>& limits);

  const uint64_t seed_;
  std::atomic<uint64_t> version_ = 0;
  RateLimitCount untracked_ = 0;
  std::unique_ptr<GcraTable> table_;  ///< made with the first limit, and never replaced
  mutable std::mutex mutex_;
  std::shared_ptr<const RateRules> rules_;
  using CountKey = std::pair<std::string, RateLimitOptions::Mode>;  ///< name and mode
  std::map<CountKey, std::shared_ptr<RateLimitCount>> exceeded_;    ///< of those in force
  /// Of the others, none of which is in exceeded_; who went first is first.
  std::deque<std::pair<CountKey, std::shared_ptr<RateLimitCount>>> gone_;
};

}  // namespace zerogate
