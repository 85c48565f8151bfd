// The zerogate_redis_* families: the workers' numbers added up.
#include <algorithm>
#include <string_view>
#include <utility>

#include "core/metrics/families.h"

namespace zerogate {

using prometheus::MetricFamily;
using prometheus::MetricType;

void collect_redis(const Workers& workers, std::vector<MetricFamily>& families) {
  Family commands(
      "zerogate_redis_commands_total",
      "Redis commands, by how they ended: error = Redis refused, timeout = redis.timeout "
      "passed, unavailable = no connection, overloaded = too many waiting.",
      MetricType::Counter);
  struct RedisOutcome {
    std::string_view name;
    Counter RedisMetrics::*counter;
  };
  constexpr RedisOutcome kOutcomes[] = {{"ok", &RedisMetrics::ok},
                                        {"error", &RedisMetrics::error},
                                        {"timeout", &RedisMetrics::timeout},
                                        {"unavailable", &RedisMetrics::unavailable},
                                        {"overloaded", &RedisMetrics::overloaded}};
  for (const RedisOutcome& one : kOutcomes) {
    commands.add({label("outcome", one.name)},
                 sum(workers, [&](auto& m) { return (m.redis.*one.counter).value(); }));
  }
  families.push_back(std::move(commands.family));

  Family refused(
      "zerogate_redis_replies_refused_total",
      "Redis replies given up: too_large = over 4 times limits.message, memory = half of the "
      "budget.",
      MetricType::Counter);
  refused.add({label("reason", "too_large")},
              sum(workers, [](auto& m) { return m.redis.reply_too_large.value(); }));
  refused.add({label("reason", "memory")},
              sum(workers, [](auto& m) { return m.redis.no_memory_for_reply.value(); }));
  families.push_back(std::move(refused.family));

  Family duration(
      "zerogate_redis_command_duration_seconds",
      "Time from a Redis command being queued to its reply, for commands that were sent.",
      MetricType::Histogram);
  duration.add(Labels{}, sum_histograms(workers, [](auto& m) -> const Histogram& {
                 return m.redis.duration;
               }));
  families.push_back(std::move(duration.family));

  // The minimum: with one worker's connection away, its share of the calls fails, and an alert on
  // 0 must see that. Without Redis it stays 0.
  Family up("zerogate_redis_up",
            "1 when every worker has a Redis connection ready, else 0: then some or all calls that "
            "need Redis fail. 0 too when no Redis is configured.",
            MetricType::Gauge);
  const bool all_up = !workers.empty() && std::ranges::all_of(workers, [](const WorkerMetrics* m) {
    return m->redis.up.value() > 0;
  });
  up.add(Labels{}, all_up ? 1 : 0);
  families.push_back(std::move(up.family));
}

}  // namespace zerogate
