#include "gateway/runtime/memory_budget.h"

#include <gtest/gtest.h>

#include "tests/unit/gateway/host/cgroup_files.h"

namespace zerogate {
namespace {

constexpr uint64_t kMiB = 1 << 20;

TEST(MemoryLimit, IsTheTightestOfCgroupV2) {
  EXPECT_EQ(memory_limit(files({{"/proc/self/cgroup", "0::/a/b\n"},
                                {"/sys/fs/cgroup/a/b/memory.max", "max\n"},
                                {"/sys/fs/cgroup/a/memory.max", "67108864\n"},
                                {"/sys/fs/cgroup/memory.max", "134217728\n"}})),
            64 * kMiB);
}

TEST(MemoryLimit, IsReadFromCgroupV1) {
  EXPECT_EQ(memory_limit(files({{"/proc/self/cgroup", "4:memory:/docker/of/the/host\n"},
                                {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "67108864\n"}})),
            64 * kMiB);
}

TEST(MemoryLimit, IsNothingWhereThereIsNone) {
  EXPECT_EQ(memory_limit(files({})), std::nullopt);
  EXPECT_EQ(memory_limit(files({{"/sys/fs/cgroup/memory.max", "max\n"}})), std::nullopt);
  EXPECT_EQ(memory_limit(
                files({{"/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"}})),
            std::nullopt);
}

/// What all workers may buffer at once, at their worst.
uint64_t worst(const WorkerOptions& options, uint32_t threads) {
  const uint64_t totals = options.tcp.receive_memory + options.tcp.send_memory +
                          options.zmq.send_memory +
                          options.redis.connections * options.redis.max_unsent_bytes;
  const uint64_t bridge = std::max(threads * options.request_memory, options.tcp.max_message);
  return threads * totals + 3 * options.tcp.max_message + 2 * bridge;
}

TEST(MemoryBudget, AtItsWorstThreeQuartersOfTheLimitAreTaken) {
  for (const uint32_t threads : {1U, 4U}) {
    for (const uint64_t limit : {32 * kMiB, 64 * kMiB, 512 * kMiB}) {
      WorkerOptions options;
      options.redis.connections = 2;
      EXPECT_TRUE(fit_into(limit, threads, options));
      EXPECT_LE(worst(options, threads), limit / 4 * 3) << threads << " of " << limit;
      EXPECT_EQ(options.tcp.max_message, options.zmq.max_message);
    }
  }
}

TEST(MemoryBudget, NothingIsRaised) {
  WorkerOptions options;
  options.tcp.max_message = options.zmq.max_message = 1'000;
  EXPECT_FALSE(fit_into(8'192 * kMiB, 1, options));
  EXPECT_EQ(options.tcp.max_message, 1'000U);
  EXPECT_EQ(options.tcp.send_memory, StreamOptions::kSendMemory);
  EXPECT_TRUE(fit_into(64 * kMiB, 1, options));
  EXPECT_EQ(options.tcp.max_message, 1'000U);
  EXPECT_EQ(options.tcp.send_memory, 8 * kMiB);
}

}  // namespace
}  // namespace zerogate
