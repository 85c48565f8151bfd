#include "gateway/host/admin_beacon.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <vector>

#include "core/base/fingerprint.h"

namespace zerogate {
namespace {

constexpr std::string_view kPrefix = "zerogate/";
constexpr std::string_view kHostProcesses = "pid:[4026531836]";  // PROC_PID_INIT_INO of the kernel

std::string processes_part(const BeaconScope& scope) {
  return fmt::format("{}{}/", kPrefix, fingerprint(scope.processes));
}

}  // namespace

// Without links being followed: a mounted ConfigMap's lead elsewhere after each change.
BeaconScope BeaconScope::here(const std::string& config_file) {
  BeaconScope scope;
  std::array<char, 64> link{};
  const ssize_t length = readlink("/proc/self/ns/pid", link.data(), link.size());
  scope.processes.assign(link.data(), length > 0 ? static_cast<size_t>(length) : 0);
  scope.container = !scope.processes.empty() && scope.processes != kHostProcesses;
  if (!config_file.empty()) {
    std::error_code error;
    scope.config = std::filesystem::absolute(config_file, error).lexically_normal().string();
  }
  return scope;
}

AdminBeacon::AdminBeacon(const BeaconScope& scope, std::string_view address) {
  const std::string name =
      fmt::format("{}{}/{}", processes_part(scope), fingerprint(scope.config), address);
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  if (name.size() >= sizeof where.sun_path) {  // its first byte stays 0: the abstract namespace
    return;
  }
  std::memcpy(where.sun_path + 1, name.data(), name.size());
  socket_.reset(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (socket_ && bind(socket_.get(), reinterpret_cast<const sockaddr*>(&where), size) != 0) {
    socket_.reset();
  }
}

std::optional<std::string> find_beacon(std::string_view proc_net_unix, const BeaconScope& scope,
                                       bool config_only) {
  const std::string mine = " @" + processes_part(scope);
  const std::string config = scope.config.empty() ? "" : fingerprint(scope.config);
  std::vector<std::string> same_config, all;
  while (!proc_net_unix.empty()) {
    const std::string_view line = proc_net_unix.substr(0, proc_net_unix.find('\n'));
    proc_net_unix.remove_prefix(std::min(line.size() + 1, proc_net_unix.size()));
    const size_t begin = line.find(mine);
    const size_t slash = begin == line.npos ? line.npos : line.find('/', begin + mine.size());
    if (slash == line.npos) {
      continue;
    }
    const std::string_view found_config =
        line.substr(begin + mine.size(), slash - begin - mine.size());
    all.emplace_back(line.substr(slash + 1));
    if (found_config == config) {
      same_config.push_back(all.back());
    }
  }
  if (same_config.size() == 1) {
    return same_config.front();
  }
  const bool only_one = all.size() == 1 && scope.container && !config_only;
  return only_one ? std::optional(all.front()) : std::nullopt;
}

}  // namespace zerogate
