#include "gateway/runtime/memory_budget.h"

#include <gtest/gtest.h>

#include "gateway/config/show_config.h"
#include "tests/unit/gateway/config/config_fixture.h"
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

// Over memory.high nobody is killed, and every thread that asks for memory is held up.
TEST(MemoryLimit, IsWhatTheProcessMayUseUndisturbed) {
  EXPECT_EQ(memory_limit(files({{"/proc/self/cgroup", "0::/a/b\n"},
                                {"/sys/fs/cgroup/a/b/memory.max", "134217728\n"},
                                {"/sys/fs/cgroup/a/b/memory.high", "67108864\n"},
                                {"/sys/fs/cgroup/a/memory.high", "max\n"}})),
            64 * kMiB);
  EXPECT_EQ(memory_limit(files({{"/sys/fs/cgroup/memory.high", "67108864\n"},
                                {"/sys/fs/cgroup/memory.max", "max\n"}})),
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

class ShownMemory : public ConfigTest {};

TEST_F(ShownMemory, IsTakenAgain) {
  const auto taken_again = [this](std::optional<uint64_t> limit) {
    Config config;
    config.memory = memory_to_say(limit);
    return good(to_yaml(config)).memory;
  };
  EXPECT_EQ(taken_again(std::nullopt), 0u);
  EXPECT_EQ(taken_again(kMiB), kMinMemory) << "the cgroup still grants less";
  EXPECT_EQ(taken_again(16 * kMiB), 16 * kMiB);
  EXPECT_EQ(taken_again(100 * kMiB + 4'096), 100 * kMiB + 4'096);
  EXPECT_EQ(taken_again(24 * 1'024 * kMiB), 24 * 1'024 * kMiB);
  EXPECT_EQ(taken_again(4 * kMaxMemory), kMaxMemory);
}

/// What the process may hold at its worst, but for the program's own memory.
uint64_t worst(const WorkerOptions& options, uint32_t threads) {
  const uint64_t connections = (options.tcp.max_connections + options.zmq.max_connections) *
                                   (StreamOptions::kConnectionBytes + options.tcp.kept_capacity) +
                               options.curve_connections * ZmqOptions::kConnectionBytes;
  const uint64_t redis = options.redis.connections * options.redis.max_unsent_bytes;
  return threads * (options.memory + connections + redis) + 3 * options.tcp.max_message;
}

TEST(MemoryBudget, AtItsWorstAnEighthOfTheLimitAndTheProgramAreLeft) {
  for (const uint32_t threads : {1U, 4U}) {
    for (const uint64_t limit : {64 * kMiB, 128 * kMiB, 512 * kMiB}) {
      WorkerOptions options;
      options.redis.connections = 2;
      EXPECT_TRUE(fit_into(limit, threads, {.curve = 1}, options));
      const uint64_t left = limit / 8 + (8 + threads) * kMiB;
      EXPECT_LE(worst(options, threads), limit - left) << threads << " of " << limit;
      EXPECT_GE(worst(options, threads), (limit - left) / 10 * 8) << "what there is is used";
      EXPECT_EQ(options.tcp.max_message, options.zmq.max_message);
      EXPECT_EQ(options.tcp.kept_capacity, options.zmq.kept_capacity);
    }
  }
}

TEST(MemoryBudget, InVeryLittleMemoryThereIsStillAGateway) {
  WorkerOptions options;
  EXPECT_TRUE(fit_into(16 * kMiB, 8, {}, options));
  EXPECT_GE(options.memory, 128U << 10);
  EXPECT_GE(options.tcp.max_connections, 4U);
  EXPECT_GE(options.zmq.max_connections, 4U);
  EXPECT_GE(options.curve_connections, 4U);
  EXPECT_EQ(options.tcp.max_message, kMiB);
}

TEST(MemoryBudget, APortThatIsOffLeavesItsConnectionsToTheOther) {
  WorkerOptions both;
  WorkerOptions only_zmq;
  WorkerOptions only_curve;
  fit_into(64 * kMiB, 1, {.curve = 1}, both);
  fit_into(64 * kMiB, 1, {.tcp = 0, .zmq = 1}, only_zmq);
  fit_into(64 * kMiB, 1, {.tcp = 0, .zmq = 0, .curve = 1}, only_curve);
  EXPECT_EQ(both.zmq.max_connections, both.tcp.max_connections);
  EXPECT_GT(only_zmq.zmq.max_connections, 2'000U);
  EXPECT_GT(only_zmq.zmq.max_connections, both.zmq.max_connections * 5 / 4);
  EXPECT_GT(only_curve.curve_connections, both.curve_connections * 5 / 4);
}

TEST(MemoryBudget, ConnectionsOfTlsHaveAPriceOfTheirOwn) {
  for (const uint32_t tcp : {0U, 1U}) {
    WorkerOptions options;
    EXPECT_TRUE(fit_into(64 * kMiB, 1, {.tcp = tcp, .zmq = 0, .tls = 1, .curve = 1}, options));
    const size_t plain = StreamOptions::kConnectionBytes + options.tcp.kept_capacity;
    const uint64_t tls = options.tls_connections * (plain + StreamOptions::kTlsBytes);
    const uint64_t all = tls + tcp * options.tcp.max_connections * plain +
                         options.curve_connections * ZmqOptions::kConnectionBytes;
    EXPECT_LE(all + options.memory, 52 * kMiB);
    EXPECT_GT(options.tls_connections, 40U);
    EXPECT_LT(options.tls_connections, 200U);
  }
  WorkerOptions enough;
  enough.tls_connections = 100;
  fit_into(8'192 * kMiB, 1, {.tls = 1}, enough);
  EXPECT_EQ(enough.tls_connections, 100U);
}

TEST(MemoryBudget, TheKernelKeepsAPartOfEachConnectionAndOfAll) {
  const auto fitted = [](uint64_t limit, uint32_t threads) {
    WorkerOptions options;
    fit_into(limit, threads, {}, options);
    return options;
  };
  EXPECT_EQ(fitted(64 * kMiB, 1).sockets.least, 4 * kMiB);
  EXPECT_EQ(fitted(64 * kMiB, 4).sockets.least, 1 * kMiB);
  EXPECT_EQ(fitted(16 * kMiB, 1).socket_buffer, 128U << 10) << "two of loopback's segments";
  EXPECT_EQ(fitted(64 * kMiB, 4).socket_buffer, 128U << 10);
  EXPECT_EQ(fitted(512 * kMiB, 1).socket_buffer, 512U << 10);
  EXPECT_EQ(fitted(1'024 * kMiB, 1).socket_buffer, 0U) << "the kernel's own choice";
}

TEST(MemoryBudget, NothingIsRaised) {
  WorkerOptions options;
  options.tcp.max_message = options.zmq.max_message = 1'000;
  options.redis.connections = 1;
  EXPECT_FALSE(fit_into(8'192 * kMiB, 1, {}, options));
  EXPECT_EQ(options.tcp.max_message, 1'000U);
  EXPECT_EQ(options.tcp.max_connections, 10'000U);
  EXPECT_EQ(options.tcp.kept_capacity, 4U << 10);
  EXPECT_EQ(options.tcp.send_memory, StreamOptions::kSendMemory);
  EXPECT_TRUE(fit_into(64 * kMiB, 1, {}, options));
  EXPECT_EQ(options.tcp.max_message, 1'000U);
  EXPECT_LT(options.tcp.send_memory, 32 * kMiB);
}

}  // namespace
}  // namespace zerogate
