#include "gateway/runtime/memory_budget.h"

#include <algorithm>

namespace zerogate {
namespace {

// Parts of the limit. Each total but the bridge's may be exceeded by one message, and the bridge's
// requests are there twice while they are written. So the worst case is 1/16 + 1/8 + 1/8 + 1/16 of
// the totals, three messages of 1/16 and twice 1/16: under three quarters. The rest is for the
// connections themselves, calls under way, and the program.
constexpr uint64_t kMessagePart = 16;
constexpr uint64_t kReceivePart = 16;
constexpr uint64_t kSendPart = 8;
constexpr uint64_t kRedisPart = 16;
constexpr uint64_t kBridgePart = 16;

/// cgroup v1 writes "no limit" as the largest page-aligned number; nobody has this much memory.
constexpr int64_t kUnlimitedBytes = int64_t{1} << 60;

std::optional<uint64_t> limit_in(const std::optional<std::string>& text) {
  if (!text) {
    return std::nullopt;
  }
  const auto bytes = parse_integer(*text);  // nothing for v2's "max"
  if (!bytes || *bytes <= 0 || *bytes >= kUnlimitedBytes) {
    return std::nullopt;
  }
  return static_cast<uint64_t>(*bytes);
}

bool lower_to(uint64_t bytes, size_t& option) {
  if (option <= bytes) {
    return false;
  }
  option = bytes;
  return true;
}

}  // namespace

std::optional<uint64_t> memory_limit(const FileReader& read) {
  const std::string cgroups = read("/proc/self/cgroup").value_or("");
  const auto limit_of = [&](const char* controller, const std::string& root, const char* file) {
    return tightest(find_cgroup(cgroups, controller).value_or("/"),
                    [&](const std::string& path) { return limit_in(read(root + path + file)); });
  };
  return lower_of(limit_of("", "/sys/fs/cgroup", "/memory.max"),
                  limit_of("memory", "/sys/fs/cgroup/memory", "/memory.limit_in_bytes"));
}

bool fit_into(uint64_t limit_bytes, uint32_t threads, WorkerOptions& options) {
  const auto share = [&](uint64_t part) { return limit_bytes / part / std::max(threads, 1U); };
  bool lowered = lower_to(limit_bytes / kMessagePart, options.tcp.max_message);
  lowered |= lower_to(limit_bytes / kMessagePart, options.zmq.max_message);
  lowered |= lower_to(share(kReceivePart), options.tcp.receive_memory);
  lowered |= lower_to(share(kSendPart), options.tcp.send_memory);
  lowered |= lower_to(share(kSendPart), options.zmq.send_memory);
  lowered |= lower_to(share(kRedisPart) / std::max(options.redis.connections, 1U),
                      options.redis.max_unsent_bytes);
  lowered |= lower_to(share(kBridgePart), options.request_memory);
  return lowered;
}

}  // namespace zerogate
