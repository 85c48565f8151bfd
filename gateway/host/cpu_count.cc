#include "gateway/host/cpu_count.h"

#include <sched.h>

#include <algorithm>
#include <thread>

namespace zerogate {
namespace {

uint32_t schedulable_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  // Fails on machines with more than 1024 CPUs: then their number has to do.
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    return static_cast<uint32_t>(CPU_COUNT(&set));
  }
  return std::thread::hardware_concurrency();
}

}  // namespace

std::optional<double> parse_cpu_max(std::string_view text) {
  const size_t blank = text.find(' ');
  if (blank == std::string_view::npos) {
    return std::nullopt;
  }
  return parse_cfs(text.substr(0, blank), text.substr(blank + 1));
}

std::optional<double> parse_cfs(std::string_view quota_us, std::string_view period_us) {
  const auto quota = parse_integer(quota_us);
  const auto period = parse_integer(period_us);
  if (!quota || !period || *quota <= 0 || *period <= 0) {
    return std::nullopt;
  }
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

std::optional<double> cpu_quota(const FileReader& read) {
  const std::string cgroups = read("/proc/self/cgroup").value_or("");
  const auto v2 = tightest(find_cgroup(cgroups, "").value_or("/"), [&](const std::string& path) {
    const auto text = read("/sys/fs/cgroup" + path + "/cpu.max");
    return text ? parse_cpu_max(*text) : std::nullopt;
  });
  const auto v1 = tightest(find_cgroup(cgroups, "cpu").value_or("/"), [&](const std::string& path) {
    // Also where the controllers are mounted together: "cpu" is a link to "cpu,cpuacct" then.
    const std::string directory = "/sys/fs/cgroup/cpu" + path;
    const auto quota = read(directory + "/cpu.cfs_quota_us");
    const auto period = read(directory + "/cpu.cfs_period_us");
    return quota && period ? parse_cfs(*quota, *period) : std::nullopt;
  });
  return lower_of(v1, v2);
}

uint32_t usable_cpus(uint32_t schedulable, std::optional<double> quota) {
  uint32_t cpus = std::max(schedulable, 1u);
  if (quota && *quota < cpus) {
    cpus = std::max(static_cast<uint32_t>(*quota), 1u);
  }
  return cpus;
}

uint32_t cpu_count() { return usable_cpus(schedulable_cpus(), cpu_quota(read_system_file)); }

}  // namespace zerogate
