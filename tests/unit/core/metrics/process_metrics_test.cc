#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <limits>
#include <map>
#include <string>
#include <thread>

#include "core/metrics/collector.h"

namespace zerogate {
namespace {

std::map<std::string, double> collect() {
  std::map<std::string, double> values;
  for (const prometheus::MetricFamily& family : collect_process_metrics()) {
    EXPECT_EQ(family.metric.size(), 1U) << family.name;
    EXPECT_FALSE(family.help.empty()) << family.name;
    const bool counter = family.type == prometheus::MetricType::Counter;
    values[family.name] = counter ? family.metric[0].counter.value : family.metric[0].gauge.value;
  }
  return values;
}

TEST(ProcessMetricsTest, HasEveryFamily) {
  const auto values = collect();
  for (const char* name :
       {"process_cpu_seconds_total", "process_open_fds", "process_max_fds",
        "process_virtual_memory_bytes", "process_virtual_memory_max_bytes",
        "process_resident_memory_bytes", "process_start_time_seconds", "process_threads"}) {
    EXPECT_EQ(values.count(name), 1U) << name;
  }
}

TEST(ProcessMetricsTest, OpenDescriptorsAreCountedExactly) {
  const double before = collect().at("process_open_fds");
  const int first = open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int second = open("/dev/null", O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(collect().at("process_open_fds"), before + 2);
  close(first);
  close(second);
  EXPECT_EQ(collect().at("process_open_fds"), before);
}

TEST(ProcessMetricsTest, MaxDescriptorsIsTheSoftLimit) {
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(collect().at("process_max_fds"), static_cast<double>(limit.rlim_cur));
}

TEST(ProcessMetricsTest, MaxMemoryIsTheSoftLimitOrInfinite) {
  const auto limited = [](rlim_t soft) {
    rlimit limit{};
    EXPECT_EQ(getrlimit(RLIMIT_AS, &limit), 0);
    const rlimit before = limit;
    limit.rlim_cur = std::min(soft, limit.rlim_max);
    EXPECT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
    const double max = collect().at("process_virtual_memory_max_bytes");
    EXPECT_EQ(setrlimit(RLIMIT_AS, &before), 0);
    const bool infinite = limit.rlim_cur == RLIM_INFINITY;
    const double wanted =
        infinite ? std::numeric_limits<double>::infinity() : static_cast<double>(limit.rlim_cur);
    EXPECT_EQ(max, wanted);
  };
  limited(rlim_t{1} << 60);
  limited(RLIM_INFINITY);
}

TEST(ProcessMetricsTest, MemoryIsInBytes) {
  constexpr size_t kSize = 64 << 20;
  const auto before = collect();
  void* memory = mmap(nullptr, kSize, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  const auto after = collect();
  munmap(memory, kSize);
  for (const char* name : {"process_virtual_memory_bytes", "process_resident_memory_bytes"}) {
    EXPECT_GT(after.at(name) - before.at(name), 0.9 * kSize) << name;
    EXPECT_LT(after.at(name) - before.at(name), 1.5 * kSize) << name;
  }
}

TEST(ProcessMetricsTest, CpuTimeGrowsInSeconds) {
  const double before = collect().at("process_cpu_seconds_total");
  const std::clock_t start = std::clock();
  while (std::clock() - start < CLOCKS_PER_SEC / 10) {
  }
  const double used = collect().at("process_cpu_seconds_total") - before;
  EXPECT_GT(used, 0.05);  // the kernel counts in steps of 10 ms
  EXPECT_LT(used, 10);
}

TEST(ProcessMetricsTest, StartedNotLongAgo) {
  const double started = collect().at("process_start_time_seconds");
  const auto now = static_cast<double>(std::time(nullptr));
  EXPECT_LT(started, now + 2);
  EXPECT_GT(started, now - 24 * 3600);
}

TEST(ProcessMetricsTest, ThreadsAreCounted) {
  const double before = collect().at("process_threads");
  std::atomic<bool> stop{false};
  std::thread thread([&] { stop.wait(false); });
  EXPECT_EQ(collect().at("process_threads"), before + 1);
  stop = true;
  stop.notify_one();
  thread.join();
}

TEST(ProcessMetricsTest, AProcessNameCannotShiftTheFields) {
  const double threads = collect().at("process_threads");  // a sanitizer may have one of its own
  char name[16];
  ASSERT_EQ(prctl(PR_GET_NAME, name), 0);
  ASSERT_EQ(prctl(PR_SET_NAME, "a) S 1 2 (b"), 0);
  const auto values = collect();
  prctl(PR_SET_NAME, name);
  EXPECT_EQ(values.at("process_threads"), threads);
  EXPECT_GT(values.at("process_resident_memory_bytes"), 1 << 20);
}

}  // namespace
}  // namespace zerogate
