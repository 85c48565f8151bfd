// The families of what peers make the workers hold, and of what the process may.
#include <utility>

#include "core/metrics/families.h"

namespace zerogate {

using prometheus::MetricFamily;
using prometheus::MetricType;

void collect_memory(const Workers& workers, std::vector<MetricFamily>& families) {
  Family held(
      "zerogate_memory_budget_bytes",
      "Memory that clients, backends and Redis make the gateway hold, by use: requests = not "
      "whole yet, or behind earlier ones, replies = not read yet, zmq_requests and zmq_replies = "
      "what libzmq has of them with CURVE (requests: only under a memory limit), forwarded = calls "
      "to backends, backend_replies = unfinished ones over TCP and long ones of ZeroMQ, "
      "redis_replies = those of Redis, connections = a price for each.",
      MetricType::Gauge);
  for (size_t use = 0; use < kMemoryUseNames.size(); ++use) {
    held.add({label("use", kMemoryUseNames[use])},
             sum(workers, [use](auto& m) { return m.memory[use].value(); }));
  }
  families.push_back(std::move(held.family));
  Family limit("zerogate_memory_budget_limit_bytes",
               "What all of these but connections may hold together, shared out over the event "
               "loops. Over half of it long messages wait, over it who is slowest, or holds most, "
               "is ended.",
               MetricType::Gauge);
  limit.add(Labels{}, sum(workers, [](auto& m) { return m.memory_limit.value(); }));
  families.push_back(std::move(limit.family));
}

void collect_limit(const ProcessMemory& memory, std::vector<MetricFamily>& families) {
  if (memory.limit) {
    Family limit("zerogate_memory_limit_bytes",
                 "Memory that the tightest limit of the process' cgroup and those above it grants, "
                 "or limits.memory; left out when there is none.",
                 MetricType::Gauge);
    limit.add(Labels{}, *memory.limit);
    families.push_back(std::move(limit.family));
  }
  if (memory.working_set) {
    Family used(
        "zerogate_memory_working_set_bytes",
        "Memory in use of zerogate_memory_limit_bytes, the kernel's for connections included, "
        "without files that were read once. Left out without cgroup v2, and where limits.memory "
        "is lower.",
        MetricType::Gauge);
    used.add(Labels{}, memory.working_set());
    families.push_back(std::move(used.family));
  }
}

}  // namespace zerogate
