// Names and meaning follow the Prometheus client libraries' convention for process_*.
#include <sys/resource.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <string>

#include "core/metrics/collector.h"

namespace zerogate {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

/// The fields of /proc/self/stat that are shown, in the kernel's units (proc(5)).
struct Stat {
  uint64_t user_ticks, system_ticks;
  uint64_t threads;
  uint64_t start_ticks;  ///< after boot
  uint64_t virtual_bytes;
  uint64_t resident_pages;
};

std::optional<Stat> read_stat() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  if (!std::getline(file, line)) {
    return std::nullopt;
  }
  // The second field is the command's name in parentheses and may hold anything, ")" too.
  const size_t name_end = line.rfind(')');
  if (name_end == line.npos) {
    return std::nullopt;
  }
  Stat stat{};
  const int fields =
      std::sscanf(line.c_str() + name_end + 1,
                  " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u"  // 3 state to 13 cmajflt
                  "%" SCNu64 "%" SCNu64
                  "%*d %*d %*d %*d"                                 // 14 utime to 19 nice
                  "%" SCNu64 "%*d %" SCNu64 "%" SCNu64 "%" SCNu64,  // 20 num_threads to 24 rss
                  &stat.user_ticks, &stat.system_ticks, &stat.threads, &stat.start_ticks,
                  &stat.virtual_bytes, &stat.resident_pages);
  return fields == 6 ? std::optional(stat) : std::nullopt;
}

/// Seconds since 1970 at which the machine was started.
std::optional<uint64_t> read_boot_time() {
  std::ifstream file("/proc/stat");
  for (std::string key; file >> key;
       file.ignore(std::numeric_limits<std::streamsize>::max(), '\n')) {
    if (uint64_t seconds = 0; key == "btime" && file >> seconds) {
      return seconds;
    }
  }
  return std::nullopt;
}

std::optional<uint64_t> count_open_descriptors() {
  std::error_code error;
  uint64_t count = 0;
  std::filesystem::directory_iterator entry("/proc/self/fd", error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    ++count;
  }
  if (error || count == 0) {
    return std::nullopt;
  }
  return count - 1;  // the one that this look needed
}

/// Unlimited is +Inf.
std::optional<double> limit_of(__rlimit_resource resource) {
  rlimit limit{};
  if (getrlimit(resource, &limit) != 0) {
    return std::nullopt;
  }
  return limit.rlim_cur == RLIM_INFINITY ? std::numeric_limits<double>::infinity()
                                         : static_cast<double>(limit.rlim_cur);
}

MetricFamily single(const char* name, const char* help, MetricType type, double value) {
  MetricFamily family{name, help, type, {}};
  prometheus::ClientMetric& metric = family.metric.emplace_back();
  (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  return family;
}

}  // namespace

std::vector<MetricFamily> collect_process_metrics() {
  std::vector<MetricFamily> families;
  const auto gauge = [&](const char* name, const char* help, double value) {
    families.push_back(single(name, help, MetricType::Gauge, value));
  };
  if (const auto stat = read_stat()) {
    const auto ticks_per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
    families.push_back(
        single("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.",
               MetricType::Counter,
               static_cast<double>(stat->user_ticks + stat->system_ticks) / ticks_per_second));
    gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.",
          static_cast<double>(stat->virtual_bytes));
    gauge("process_resident_memory_bytes", "Resident memory size in bytes.",
          static_cast<double>(stat->resident_pages) * static_cast<double>(sysconf(_SC_PAGESIZE)));
    gauge("process_threads", "Number of OS threads in the process.",
          static_cast<double>(stat->threads));
    // Read once: the kernel computes it anew from a clock that is set, and a start time that moves
    // looks like a restart.
    static const std::optional<uint64_t> kBoot = read_boot_time();
    if (kBoot) {
      gauge(
          "process_start_time_seconds", "Start time of the process since unix epoch in seconds.",
          static_cast<double>(*kBoot) + static_cast<double>(stat->start_ticks) / ticks_per_second);
    }
  }
  if (const auto open = count_open_descriptors()) {
    gauge("process_open_fds", "Number of open file descriptors.", static_cast<double>(*open));
  }
  if (const auto max = limit_of(RLIMIT_NOFILE)) {
    gauge("process_max_fds", "Maximum number of open file descriptors.", *max);
  }
  if (const auto max = limit_of(RLIMIT_AS)) {
    gauge("process_virtual_memory_max_bytes",
          "Maximum amount of virtual memory available in bytes; +Inf: not limited.", *max);
  }
  return families;
}

}  // namespace zerogate
