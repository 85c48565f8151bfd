// How many event loops `threads: auto` means: what the scheduler lets this process run on, and no
// more than the CPU quota of its cgroup (`docker run --cpus`), under cgroup v2 and v1.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "gateway/host/cgroup.h"

namespace zerogate {

/// CPUs granted by cgroup v2's cpu.max ("150000 100000" is 1.5); nothing when there is no limit
/// ("max 100000") or the text is something else.
std::optional<double> parse_cpu_max(std::string_view text);

/// The same from cgroup v1's cpu.cfs_quota_us (-1: no limit) and cpu.cfs_period_us.
std::optional<double> parse_cfs(std::string_view quota_us, std::string_view period_us);

/// The tightest quota on the way from the process' cgroup up to the root.
std::optional<double> cpu_quota(const FileReader& read);

/// Whole CPUs to use: a part of a CPU is rounded down, for a loop that is throttled in the middle
/// of a turn costs more latency than it brings. At least 1.
uint32_t usable_cpus(uint32_t schedulable, std::optional<double> quota);

/// What this process is granted right now.
uint32_t cpu_count();

}  // namespace zerogate
