// A short name for a text. Pure function, any thread.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace zerogate {

/// 16 hexadecimal digits, the same on every machine and of every build (FNV-1a). No protection
/// against who wants two texts to have the same.
inline std::string fingerprint(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return fmt::format("{:016x}", hash);
}

}  // namespace zerogate
