// What to do about a file that cannot be read.
#pragma once

#include <fmt/format.h>

#include <cerrno>
#include <string>
#include <string_view>

namespace zerogate {

/// `error` is errno's; `modes` are those with which a group may read it. `otherwise` is for errors
/// that have nothing to do with rights.
inline std::string fix_of_unreadable(int error, std::string_view otherwise,
                                     std::string_view modes = "0640") {
  return error == EACCES
             ? fmt::format("let the gateway's user read it, by its group and mode {}, say", modes)
             : std::string(otherwise);
}

}  // namespace zerogate
