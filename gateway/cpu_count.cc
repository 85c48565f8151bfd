#include "gateway/cpu_count.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <thread>

namespace zerogate {
namespace {

std::string_view trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\n") - begin + 1);
}

std::optional<int64_t> parse_integer(std::string_view text) {
  text = trim(text);
  int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, number);
  if (failure != std::errc{} || stop != end) return std::nullopt;
  return number;
}

/// True when the comma-separated `list` has `item`.
bool has_item(std::string_view list, std::string_view item) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    if (list.substr(0, comma) == item) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

/// The lowest quota of the cgroup `path` and all above it, by `quota_of(directory)`.
template <class QuotaOf>
std::optional<double> tightest(std::string path, QuotaOf quota_of) {
  std::optional<double> lowest;
  for (;;) {
    if (path == "/") path.clear();
    const std::optional<double> quota = quota_of(path);
    if (quota && (!lowest || *quota < *lowest)) lowest = quota;
    const size_t slash = path.rfind('/');
    if (path.empty() || slash == std::string::npos) return lowest;
    path.resize(slash);
  }
}

uint32_t schedulable_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  // Fails on machines with more than 1024 CPUs: then their number has to do.
  if (sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<uint32_t>(CPU_COUNT(&set));
  return std::thread::hardware_concurrency();
}

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace

std::optional<double> parse_cpu_max(std::string_view text) {
  text = trim(text);
  const size_t blank = text.find(' ');
  if (blank == std::string_view::npos) return std::nullopt;
  return parse_cfs(text.substr(0, blank), text.substr(blank + 1));
}

std::optional<double> parse_cfs(std::string_view quota_us, std::string_view period_us) {
  const auto quota = parse_integer(quota_us);
  const auto period = parse_integer(period_us);
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

std::optional<std::string> find_cgroup(std::string_view proc_self_cgroup,
                                       std::string_view controller) {
  // Lines are "hierarchy:controllers:path"; cgroup v2's are "0::path".
  while (!proc_self_cgroup.empty()) {
    const size_t end = std::min(proc_self_cgroup.find('\n'), proc_self_cgroup.size());
    const std::string_view line = proc_self_cgroup.substr(0, end);
    proc_self_cgroup.remove_prefix(std::min(end + 1, proc_self_cgroup.size()));
    const size_t first = line.find(':');
    if (first == std::string_view::npos) continue;
    const size_t second = line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const bool found =
        controller.empty() ? line.starts_with("0::") : has_item(controllers, controller);
    if (found) return std::string(line.substr(second + 1));
  }
  return std::nullopt;
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
  if (v1 && v2) return std::min(*v1, *v2);
  return v1 ? v1 : v2;
}

uint32_t usable_cpus(uint32_t schedulable, std::optional<double> quota) {
  uint32_t cpus = std::max(schedulable, 1u);
  if (quota && *quota < cpus) cpus = std::max(static_cast<uint32_t>(*quota), 1u);
  return cpus;
}

uint32_t cpu_count() { return usable_cpus(schedulable_cpus(), cpu_quota(read_file)); }

}  // namespace zerogate
