// What every command's exit status means. Any thread.
#pragma once

#include <cstdio>
#include <string_view>

#include "core/base/quote.h"

namespace zerogate {

inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;  ///< a peer, the host or the gateway said no
inline constexpr int kUsage =
    2;  ///< flags, variables or the file are wrong: trying again is no use

/// One line on stderr, whatever a peer has put into it. Returns `status`.
inline int fail(int status, std::string_view text) {
  std::fprintf(stderr, "zerogate: %s\n", plain_line(text).c_str());
  return status;
}

}  // namespace zerogate
