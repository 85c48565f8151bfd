#include "gateway/host/cgroup.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <iterator>
#include <span>
#include <utility>

#include "core/base/ascii.h"

namespace zerogate {
namespace {

/// cgroup v1 writes "no limit" as the largest page-aligned number; no machine has this much memory.
constexpr int64_t kUnlimitedBytes = int64_t{1} << 60;
/// Of memory.stat are looked at: it has about half of that, and what is looked for is in front.
constexpr size_t kStatBytes = 4096;

/// A file's text from its beginning; empty when it cannot be read.
std::string_view read_again(const UniqueFd& file, std::span<char> into) {
  const ssize_t size = pread(file.get(), into.data(), into.size(), 0);
  return {into.data(), size > 0 ? static_cast<size_t>(size) : 0};
}

/// 0 for what is none.
uint64_t bytes_in(std::string_view text) {
  const auto bytes = parse_integer(text);
  return bytes && *bytes > 0 ? static_cast<uint64_t>(*bytes) : 0;
}

/// True when the comma-separated `list` has `item`.
bool has_item(std::string_view list, std::string_view item) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    if (list.substr(0, comma) == item) {
      return true;
    }
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

}  // namespace

std::optional<std::string> read_system_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    return std::nullopt;
  }
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::optional<int64_t> parse_integer(std::string_view text) {
  text = trim(text, " \t\n");
  int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, number);
  if (failure != std::errc{} || stop != end) {
    return std::nullopt;
  }
  return number;
}

std::optional<std::string> find_cgroup(std::string_view proc_self_cgroup,
                                       std::string_view controller) {
  // Lines are "hierarchy:controllers:path"; cgroup v2's are "0::path".
  while (!proc_self_cgroup.empty()) {
    const size_t end = std::min(proc_self_cgroup.find('\n'), proc_self_cgroup.size());
    const std::string_view line = proc_self_cgroup.substr(0, end);
    proc_self_cgroup.remove_prefix(std::min(end + 1, proc_self_cgroup.size()));
    const size_t first = line.find(':');
    if (first == std::string_view::npos) {
      continue;
    }
    const size_t second = line.find(':', first + 1);
    if (second == std::string_view::npos) {
      continue;
    }
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const bool found =
        controller.empty() ? line.starts_with("0::") : has_item(controllers, controller);
    if (found) {
      return std::string(line.substr(second + 1));
    }
  }
  return std::nullopt;
}

std::optional<uint64_t> memory_limit_in(const std::optional<std::string>& text) {
  if (!text) {
    return std::nullopt;
  }
  const auto bytes = parse_integer(*text);  // nothing for v2's "max"
  if (!bytes || *bytes <= 0 || *bytes >= kUnlimitedBytes) {
    return std::nullopt;
  }
  return static_cast<uint64_t>(*bytes);
}

std::optional<uint64_t> memory_limit_of(const FileReader& read, const std::string& folder) {
  return lower_of(memory_limit_in(read(folder + "/memory.max")),
                  memory_limit_in(read(folder + "/memory.high")));
}

std::function<uint64_t()> read_seldom(std::function<uint64_t()> read,
                                      std::function<uint64_t()> now_ns) {
  constexpr uint64_t kPartOfTime = 50;
  return [read = std::move(read), now_ns = std::move(now_ns), value = uint64_t{0},
          again_ns = uint64_t{0}]() mutable {
    if (const uint64_t begun_ns = now_ns(); begun_ns >= again_ns) {
      value = read();
      const uint64_t ended_ns = now_ns();
      again_ns = ended_ns + (kPartOfTime - 1) * (ended_ns - begun_ns);
    }
    return value;
  };
}

std::shared_ptr<const CgroupMemory> CgroupMemory::open(const FileReader& read,
                                                       const std::string& root) {
  using Limit = std::pair<uint64_t, std::string>;  // and where it stands
  const auto limit_of = [&](const std::string& path) -> std::optional<Limit> {
    const auto limit = memory_limit_of(read, root + path);
    return limit ? std::optional(Limit(*limit, root + path)) : std::nullopt;
  };
  const auto own = find_cgroup(read("/proc/self/cgroup").value_or(""), "");
  const auto limit = tightest(own.value_or("/"), limit_of);
  if (!limit) {
    return nullptr;
  }
  const auto open_file = [&](const char* name) {
    return UniqueFd(::open((limit->second + name).c_str(), O_RDONLY | O_CLOEXEC));
  };
  UniqueFd current = open_file("/memory.current");
  if (!current) {
    return nullptr;
  }
  return std::shared_ptr<const CgroupMemory>(
      new CgroupMemory(limit->first, std::move(current), open_file("/memory.stat")));
}

uint64_t CgroupMemory::used() const {
  std::array<char, 32> text;
  return bytes_in(read_again(current_, text));
}

uint64_t CgroupMemory::inactive_files() const {
  std::array<char, kStatBytes> text;
  const std::string_view stat = read_again(stat_, text);
  constexpr std::string_view kKey = "\ninactive_file ";
  const size_t at = stat.find(kKey);
  if (at == std::string_view::npos) {
    return 0;
  }
  const size_t begin = at + kKey.size();
  const size_t end = stat.find('\n', begin);
  return end != std::string_view::npos ? bytes_in(stat.substr(begin, end - begin)) : 0;
}

uint64_t CgroupMemory::working_set() const {
  const uint64_t all = used();
  return all - std::min(all, inactive_files());
}

}  // namespace zerogate
