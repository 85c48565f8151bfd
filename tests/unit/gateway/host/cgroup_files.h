// A cgroup's files, made up.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "gateway/host/cgroup.h"

namespace zerogate {

inline FileReader files(std::map<std::string, std::string> contents) {
  return [contents](const std::string& path) -> std::optional<std::string> {
    const auto found = contents.find(path);
    if (found == contents.end()) {
      return std::nullopt;
    }
    return found->second;
  };
}

}  // namespace zerogate
