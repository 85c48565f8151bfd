// What the process' cgroup (a container's, a systemd unit's) says, under cgroup v2 and v1.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace zerogate {

/// A file's content, or nothing when it cannot be read. A function so that tests need no cgroup.
using FileReader = std::function<std::optional<std::string>(const std::string& path)>;

/// Reads real files.
std::optional<std::string> read_system_file(const std::string& path);

/// The whole text as a number; blanks around it do not matter.
std::optional<int64_t> parse_integer(std::string_view text);

/// The process' path within a hierarchy, out of /proc/self/cgroup: of cgroup v2 for an empty
/// `controller`, else of the v1 hierarchy that has it ("cpu" also stands in "cpu,cpuacct").
std::optional<std::string> find_cgroup(std::string_view proc_self_cgroup,
                                       std::string_view controller);

/// The lower of two limits, of which each may be missing.
template <class Number>
std::optional<Number> lower_of(std::optional<Number> a, std::optional<Number> b) {
  if (a && b) {
    return *a < *b ? a : b;
  }
  return a ? a : b;
}

/// The lowest limit of the cgroup `path` and all above it, by `limit_of(path)`, which gives a
/// std::optional. Within a container the path of /proc/self/cgroup may not exist below
/// /sys/fs/cgroup: then the root's files count.
template <class LimitOf>
auto tightest(std::string path, LimitOf limit_of) -> decltype(limit_of(path)) {
  decltype(limit_of(path)) lowest;
  for (;;) {
    if (path == "/") {
      path.clear();
    }
    lowest = lower_of(lowest, limit_of(path));
    const size_t slash = path.rfind('/');
    if (path.empty() || slash == std::string::npos) {
      return lowest;
    }
    path.resize(slash);
  }
}

}  // namespace zerogate
