// What the process' cgroup (a container's, a systemd unit's) says, under cgroup v2 and v1.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/unique_fd.h"

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

/// For one thread, each with a copy of its own: the number that `read` gave last. It is read anew
/// only so often that that takes a fiftieth of the time at most. `now_ns` is a clock that runs.
std::function<uint64_t()> read_seldom(std::function<uint64_t()> read,
                                      std::function<uint64_t()> now_ns);

/// A limit of memory: bytes out of a file, nothing for "max" and other words for no limit.
std::optional<uint64_t> memory_limit_in(const std::optional<std::string>& text);

/// What one cgroup (v2), whose files are in `folder`, grants: the lower of memory.max, over which
/// the kernel kills, and memory.high, over which it holds every thread up that asks for more.
std::optional<uint64_t> memory_limit_of(const FileReader& read, const std::string& folder);

/// What the cgroup (v2) that limits the process' memory has in use of it. There the limit counts
/// what the kernel keeps of connections, too; v1's does not. Immutable; any thread.
class CgroupMemory {
 public:
  /// Of the cgroup with the lowest limit, from the process' own up to the root's. Null when there
  /// is none, or it does not say what is in use. `root` is where cgroup v2 is mounted.
  static std::shared_ptr<const CgroupMemory> open(const FileReader& read,
                                                  const std::string& root = "/sys/fs/cgroup");

  /// Bytes.
  uint64_t limit() const { return limit_; }
  /// Bytes in use, by all of its processes and by the kernel for them; 0 when it cannot be read.
  /// One system call.
  uint64_t used() const;
  /// Of these, bytes of files that were read once (inactive_file): the kernel drops them before it
  /// kills anything. 0 when it cannot be read. One system call, for which the kernel adds up what
  /// all CPUs and all cgroups below have counted: see read_seldom().
  uint64_t inactive_files() const;
  /// What is in use without them, as the kubelet and cAdvisor count a working set.
  uint64_t working_set() const;

 private:
  CgroupMemory(uint64_t limit, UniqueFd current, UniqueFd stat)
      : limit_(limit), current_(std::move(current)), stat_(std::move(stat)) {}

  const uint64_t limit_;
  const UniqueFd current_;
  const UniqueFd stat_;
};

}  // namespace zerogate
