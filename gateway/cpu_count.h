// How many event loops `threads: auto` means: what the scheduler lets this process run on, and no
// more than the CPU quota of its cgroup (`docker run --cpus`), under cgroup v2 and v1.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace zerogate {

/// A file's content, or nothing when it cannot be read. A function so that tests need no cgroup.
using FileReader = std::function<std::optional<std::string>(const std::string& path)>;

/// CPUs granted by cgroup v2's cpu.max ("150000 100000" is 1.5); nothing when there is no limit
/// ("max 100000") or the text is something else.
std::optional<double> parse_cpu_max(std::string_view text);

/// The same from cgroup v1's cpu.cfs_quota_us (-1: no limit) and cpu.cfs_period_us.
std::optional<double> parse_cfs(std::string_view quota_us, std::string_view period_us);

/// The process' path within a hierarchy, out of /proc/self/cgroup: of cgroup v2 for an empty
/// `controller`, else of the v1 hierarchy that has it ("cpu" also stands in "cpu,cpuacct").
std::optional<std::string> find_cgroup(std::string_view proc_self_cgroup,
                                       std::string_view controller);

/// The tightest quota on the way from the process' cgroup up to the root. Within a container the
/// path of /proc/self/cgroup may not exist below /sys/fs/cgroup: then the root's files count.
std::optional<double> cpu_quota(const FileReader& read);

/// Whole CPUs to use: a part of a CPU is rounded down, for a loop that is throttled in the middle
/// of a turn costs more latency than it brings. At least 1.
uint32_t usable_cpus(uint32_t schedulable, std::optional<double> quota);

/// What this process is granted right now.
uint32_t cpu_count();

}  // namespace zerogate
