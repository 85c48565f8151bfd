#include "gateway/host/descriptors.h"

#include <dirent.h>
#include <sys/resource.h>

#include <algorithm>

namespace zerogate {

namespace {

/// Loops, libzmq's signalers, look-ups of names.
constexpr uint32_t kReserve = 256;
constexpr rlim_t kMost = 1 << 30;

}  // namespace

uint32_t raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<uint32_t>(std::min(limit.rlim_cur, kMost));
}

uint32_t open_descriptors() {
  constexpr uint32_t kNotDescriptors = 3;  // ".", ".." and the directory itself
  constexpr uint32_t kStandard = 3;        // when /proc cannot be read
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) {
    return kStandard;
  }
  uint32_t entries = 0;
  while (readdir(directory) != nullptr) {
    ++entries;
  }
  closedir(directory);
  return entries - std::min(entries, kNotDescriptors);
}

uint32_t claim_descriptors() {
  const uint32_t limit = raise_descriptor_limit();
  return limit > 2 * kReserve ? limit - kReserve : limit / 2;
}

}  // namespace zerogate
